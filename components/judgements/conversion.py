"""A file of judgements or a ranking written in another format, with what was lost and what became of each row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.formats import quepid, srw, table, trec
from components.formats.registry import FORMATS
from components.formats.text_files import parse_rating
from components.judgements.pairs import Pairs
from components.judgements.ratings import choose_ranking, choose_ratings, parse_grades

DESCRIBED = ("own_query_id", *table.FIELDS[1:9], "split", "mismatch", "rater", "price", "rating", "position", "score")
NO_RATING = "no pair has a rating: name their column with --columns label=ITS_NAME"


@dataclass(frozen=True)
class Target:
    """What is written: a format, and how."""

    path: Path
    name: str  # of the format
    labels: str = ""  # a scale, where numbers are to become labels first
    grades: str = "0-3"
    title: str = "broadfast"  # of a list or a run
    kind: str = ""  # of our own rows: csv, tsv, jsonl, parquet


@dataclass
class Conversion:
    """What was written, and what was not."""

    counts: Counter
    rows: int = 0  # written
    queries: int = 0
    losses: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def write_pairs(pairs: Pairs, target: Target) -> Conversion:
    """Write the pairs of a file, and return what was written and what was lost.

    Raises:
        ValueError: nothing can be written; the sentence says why.
    """
    result = Conversion(pairs.counts, problems=pairs.problems)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    partial = target.path.with_name(target.path.name + ".unfinished")
    if target.name == "table":
        rows = [row | {"query_id": row["own_query_id"]} for row in pairs.rows]
        result.rows = table.write_table(rows, partial, target.kind)
    elif target.name == "run":
        rows = choose_ranking(pairs)
        replaced_scores = trec.write_run(rows, partial, target.title)
        result.rows = len(rows)
        if replaced_scores:
            result.losses.append(f"scores of {replaced_scores:,} rows, tied or absent: written are ranks from below")
    else:
        rows = choose_ratings(pairs, target.name, target.labels, parse_grades(target.grades))
        result.rows = write_ratings(rows, target, partial)
    if not rows:
        partial.unlink()
        reason = f"; the first: {result.problems[0]}" if result.problems else ""
        reason += f"; {NO_RATING}" if result.counts["unrated"] else ""
        raise ValueError(f"nothing can be written to {target.path.name}: {describe_counts(result.counts)}{reason}")
    partial.replace(target.path)
    result.queries = len({row["query_id"] or row["query"] for row in rows})
    name_losses(rows, pairs, target, result)
    return result


def write_ratings(rows: Sequence[Mapping], target: Target, path: Path) -> int:
    """Write ratings in the target's format, and return their number."""
    if target.name == "srw":
        return srw.write_json(rows, path, target.title)
    return quepid.write_ratings(rows, path) if target.name == "quepid" else trec.write_qrels(rows, path)


def name_losses(rows: Sequence[Mapping], pairs: Pairs, target: Target, result: Conversion) -> None:
    """Name the fields that the format does not keep, and what else was lost."""
    keeps = FORMATS[target.name].keeps
    for name in DESCRIBED:
        count = sum(row.get(name) is not None for row in rows)
        field_name = name.removeprefix("own_")
        if count and field_name not in keeps and not is_derived(name, target.name):
            result.losses.append(f"{field_name} ({count:,} rows)")
    if result.counts["unrated"]:
        result.losses.append(f"{result.counts['unrated']:,} pairs without a rating")
    if pairs.bare_queries and target.name != "quepid":
        result.losses.append(f"{len(pairs.bare_queries):,} queries without items")
    if pairs.counts["merged_ratings"]:
        result.losses.append(f"who gave which rating ({pairs.counts['merged_ratings']:,} merged)")
    if target.name == "quepid" and all(row["label"] is None for row in rows):
        result.notes.append(NO_RATING)
    elif target.name not in ("table", "run") and any(parse_rating(row["label"] or 0) is None for row in rows):
        grades = parse_grades(target.grades)
        names = ",".join(f"{number:g}={label}" for label, number in grades.items())
        result.notes.append(f"labels became numbers; read them back with --labels {names}")


def is_derived(name: str, target: str) -> bool:
    """Return True for a field that is written elsewhere or in another form."""
    return (target in ("qrels", "run") and name == "query") or (target == "run" and name == "score")


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return a sentence with what became of the rows."""
    names = {
        "pairs": "pairs",
        "unrated": "pairs without a rating",
        "merged_ratings": "ratings merged into others",
        "copies": "copies",
        "queries_without_items": "queries without items",
        "divided": "rows of divided raters",
        "set_aside": "rows set aside",
    }
    parts = [f"{text} {counts[name]:,}" for name, text in names.items() if counts[name]]
    return f"{counts['read']:,} rows = " + (" + ".join(parts) or "0")
