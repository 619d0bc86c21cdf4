"""What both versions are worth by people's labels, and by the night's many labels as a teacher's beside them.

The intervals are those of the command `components.judgements.few_labels`.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from workbench.judging import group_by_pair, has_majority
from workbench.page import PageError
from workbench.ratings import Rating

COMMAND = (sys.executable, "-m", "components.judgements.few_labels")
TITLES = {"ndcg": "NDCG@10", "precision": "P@10", "macro_f1": "macro-F1"}
SIDES = ("stable", "candidate")


def measure_sides(pairs: Sequence[Mapping], ratings: Sequence[Rating]) -> dict[str, dict]:
    """Return each side's measures with intervals, none where people judged too little.

    Raises:
        PageError: the command refused, with its reason.
    """
    with TemporaryDirectory() as folder:
        people = write_rows(Path(folder, "people.jsonl"), list_majorities(ratings))
        teacher = write_rows(Path(folder, "teacher.jsonl"), [select(pair, "label") for pair in pairs])
        figures = {}
        for side in SIDES:
            predictions = Path(folder, f"{side}.jsonl")
            write_rows(predictions, [select(pair, f"{side}_label", f"{side}_score") for pair in pairs])
            figures[side] = run_command(people, teacher, predictions)
        return figures


def list_majorities(ratings: Sequence[Rating]) -> list[dict]:
    """Return each pair's label by most raters, none for a divided pair."""
    rows = []
    for group in group_by_pair(ratings).values():
        if has_majority(group):
            label = Counter(rating.label for rating in group).most_common(1)[0][0]
            rows.append(select(vars(group[0]) | {"label": label}, "label"))
    return rows


def select(row: Mapping, label: str, score: str = "") -> dict:
    """Return a pair's names, its label and its score, as the command reads them."""
    names = {name: row[name] for name in ("query_id", "query", "item_id", "title")}
    return names | {"label": row[label]} | ({"score": row[score]} if score else {})


def write_rows(path: Path, rows: Sequence[Mapping]) -> Path:
    """Write rows as JSON lines, and return the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run_command(*files: Path) -> dict:
    """Return what the command measures.

    Raises:
        PageError: it refused, with its reason.
    """
    result = subprocess.run([*COMMAND, *map(str, files)], capture_output=True, text=True, check=False)
    if result.returncode:
        raise PageError(409, f"Nothing is measured: {result.stderr.strip()}")
    return json.loads(result.stdout)
