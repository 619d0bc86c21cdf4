"""Which rows of a file a format can hold, in which order, with their numbers."""

from collections.abc import Mapping, Sequence

from components.contracts import LABELS
from components.formats.registry import FORMATS
from components.formats.text_files import parse_rating
from components.judgements.labels import OURS, parse_labels
from components.judgements.pairs import Pairs, set_numbers

NAMED_GRADES = {"0-3": (3.0, 2.0, 1.0, 0.0), "gains": (100.0, 10.0, 1.0, 0.0)}


def parse_grades(text: str) -> dict[str, float]:
    """Read a number for each label: `0-3`, `gains`, or `Exact=3,Substitute=2`.

    Raises:
        ValueError: a part that cannot be read.
    """
    if text in NAMED_GRADES:
        return dict(zip(LABELS, NAMED_GRADES[text], strict=True))
    grades = {}
    for part in text.split(","):
        name, _, number = (piece.strip() for piece in part.partition("="))
        label = OURS.get(name.lower())
        if label is None or parse_rating(number) is None:
            choices = ", ".join(NAMED_GRADES)
            raise ValueError(f"--grades: {part!r} cannot be read: write LABEL=NUMBER, or one of {choices}")
        grades[label] = float(number)
    return grades


def choose_ratings(pairs: Pairs, name: str, labels: str, grades: Mapping[str, float]) -> list[dict]:
    """Return the rows that a format of ratings can hold, by query.

    Raises:
        ValueError: a label has no number, or a number is no whole one where it has to be.
    """
    scale = parse_labels(labels) if labels else None
    unknown = set_numbers(pairs, scale, grades)
    if unknown:
        examples = ", ".join(f"{label!r} ({count:,} rows)" for label, count in unknown.most_common(5))
        raise ValueError(f"labels without a number: {examples}; say what they mean with --labels and --grades")
    rows = []
    for row in pairs.rows:
        reason = find_obstacle(row, name)
        if reason:
            pairs.counts["pairs"] -= 1
            if reason == "unrated":
                pairs.counts["unrated"] += 1
            else:
                pairs.set_aside(row["line"], reason)
        else:
            rows.append(row)
    if name == "quepid":
        rows += [row | {"number": None} for row in pairs.bare_queries if row["query"]]
    return sort_by_query(rows)


def find_obstacle(row: Mapping, name: str) -> str:
    """Return why a format cannot hold a row, "" if it can.

    Raises:
        ValueError: a fraction, where a format holds whole numbers only.
    """
    if row["number"] is None and not FORMATS[name].keeps_unrated:
        return "unrated"
    if name == "qrels":
        if not row["number"].is_integer():
            raise ValueError(
                f"line {row['line']}: qrels hold whole numbers, and this rating is {row['number']}; name its scale "
                "with --labels (as 1-3), so that numbers become labels and labels --grades"
            )
        return find_blank(row)
    return "" if row["query"] or name == "table" else "no query text; give the texts with --queries FILE"


def find_blank(row: Mapping) -> str:
    """Return which id holds white space, "" if none does."""
    for field in ("query_id", "item_id"):
        if len(row[field].split()) != 1:
            return f"{field} {row[field]!r} holds white space, which TREC's files cannot; give it another id"
    return ""


def choose_ranking(pairs: Pairs) -> list[dict]:
    """Return the rows with a score or a position, ranked within their query."""
    rows = []
    for row in pairs.rows:
        score = parse_rating(row.get("score"))
        position = parse_rating(row.get("position"))
        reason = find_blank(row)
        if score is None and position is None:
            reason = "neither score nor position; name their column with --columns score=ITS_NAME"
        if reason:
            pairs.counts["pairs"] -= 1
            pairs.set_aside(row["line"], reason)
        else:
            order = position if position is not None else float("inf")
            rows.append(row | {"number": score, "order": (float("inf") if score is None else -score, order)})
    rows.sort(key=lambda row: row["order"])
    return sort_by_query(rows)


def sort_by_query(rows: Sequence[dict]) -> list[dict]:
    """Return rows by query, in the order of the queries' first rows."""
    first_lines: dict[str, int] = {}
    for row in rows:
        first_lines[row["query_id"]] = min(row["line"], first_lines.get(row["query_id"], row["line"]))
    return sorted(rows, key=lambda row: (first_lines[row["query_id"]], row["query_id"]))
