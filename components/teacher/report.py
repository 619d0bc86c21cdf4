"""The page on the teacher: perspectives, agreement, repairs, the stages on held-out pairs, samples, tokens, audit."""

import json
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from components.contracts import LABELS
from components.teacher.compare import STAGES, CompareConfig, compare, said_of

MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "parse_rate": "form kept",
}


def report(
    held_out: Mapping[str, tuple[Path, Path]], facts: Mapping[str, Path], config: CompareConfig, page: str | Path
) -> dict:
    """Compare the stages on held-out pairs, and write the page; `facts` are of sampled, sft, dpo, final, audit.

    Rows in are the answers of all stages; the ones that broke the form are set aside.
    """
    found = compare(held_out, config)
    said = {name: json.loads(Path(path).read_text()) for name, path in facts.items()}
    Path(page).parent.mkdir(parents=True, exist_ok=True)
    Path(page).write_text(rendered(found, said), encoding="utf-8", errors="replace")
    asked = found["pairs"] * len(found["stages"])
    broken = sum(row[-1] for stage in found["stages"].values() for row in stage["confusion"])
    scores = {
        f"{measure}_{name.lower().replace(' + ', '_')}": stage[measure]["estimate"]
        for name, stage in found["stages"].items()
        for measure in MEASURES
    }
    counts = {"rows_in": asked, "rows_out": asked - broken, "set_aside": broken}
    return counts | scores | found | {"figure": f"balanced accuracy {said_of(found)}"}


def rendered(found: Mapping, said: Mapping[str, Mapping]) -> str:
    """The page, self-contained."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda value: "–" if value is None else f"{100 * value:.1f}%"
    template = environment.get_template("report.html.j2")
    return template.render(found=found, **said, measures=MEASURES, labels=LABELS, stages=STAGES)
