"""The columns of a file of rows by our names, which may be other names in the file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from components.csv_records import TableRow
from components.judgements.labels import is_unrated
from components.tabular import KINDS, TableFile

REQUIRED = ("query", "title", "label")
REQUIRED_OF_UNJUDGED = ("query", "title")
OPTIONAL = ("query_id", "item_id", "locale", "query_class", "brand", "category", "attributes", "split", "mismatch")
NAMES = (*REQUIRED, *OPTIONAL, "rater", "price", "rating", "shown")


def match_columns(columns: Mapping[str, str], table: TableFile) -> dict[str, str | None]:
    """Return our name -> the file's name, which may differ in case.

    Where several names differ in case alone, none of them matches. An optional field gets None
    instead of a column that another field has.
    """
    folded_names: dict[str, list[str]] = {}
    for name in table.columns:
        folded_names.setdefault(name.casefold(), []).append(name)
    matches = {}
    for ours in NAMES:
        theirs = columns.get(ours, ours)
        similar_names = folded_names.get(theirs.casefold(), [])
        is_clear = theirs not in table.columns and len(similar_names) == 1
        matches[ours] = similar_names[0] if is_clear else theirs
    columns_in_use = {matches[ours] for ours in (*REQUIRED, *columns)} | {*rater_columns(matches["label"], table)}
    for ours in set(NAMES) - {*REQUIRED, *columns}:
        if matches[ours] in columns_in_use:
            matches[ours] = None
    return matches


def rater_columns(label_column: str, table: TableFile) -> list[str]:
    """Return the columns of `A+B`, one a rater, or [] for one column of labels."""
    is_one = "+" not in label_column or label_column in table.columns
    return [] if is_one else [name.strip() for name in label_column.split("+")]


def part_raters(row: TableRow, names: Mapping[str, str | None], raters: list[str]) -> Iterator[TableRow]:
    """Yield a row for each rater of a pair, or one without a label."""
    if row.error:
        yield row
        return
    labels = {name: row.values.get(name) for name in raters if not is_unrated(row.values.get(name))}
    values = rename(row, names).values
    for rater, label in labels.items():
        yield TableRow(row.line, values | {"label": label, "rater": rater})
    if not labels:
        yield TableRow(row.line, values | {"label": None})


def rename(row: TableRow, names: Mapping[str, str | None]) -> TableRow:
    """Return a row by our names, None where the file has no such column."""
    if row.error:
        return row
    return TableRow(row.line, {ours: row.values.get(theirs) for ours, theirs in names.items()})


def check_kind(path: Path) -> None:
    """Check that a file is of a kind that is read.

    Raises:
        ValueError: says which kinds are, and what to do with JSON.
    """
    if path.suffix.lower() in KINDS:
        return
    remedy = f"{path.name}: give a {', '.join(KINDS)} file, one of another tool's, or a folder with ESCI's release"
    if path.suffix.lower() == ".json":
        remedy += "; write nested JSON as one row a pair, with query, title and label"
    raise ValueError(remedy)


def check_columns(table: TableFile, columns: Mapping[str, str], required_columns: Sequence[str] = REQUIRED) -> None:
    """Check that a file has the required columns and those that were named.

    Raises:
        ValueError: names a missing column, those that exist, and the remedy.
    """
    name = table.path.name
    if not table.columns:
        raise ValueError(describe_empty(table, required_columns))
    matches = match_columns(columns, table)
    if not columns and not {matches[ours] for ours in required_columns} & set(table.columns):
        raise ValueError(
            f"{name} has no column {', '.join(required_columns[:-1])} or {required_columns[-1]}: is its first line a "
            f"header? Name columns as --columns {','.join(f'{ours}=ITS_NAME' for ours in required_columns)}. "
            f"A file of ids alone, as TREC qrels, needs the texts: join them from your catalogue by id"
        )
    columns_needed = {(ours, matches[ours]) for ours in (*required_columns, *columns)}
    if raters := rater_columns(columns.get("label", "label"), table):
        columns_needed -= {("label", matches["label"])}
        columns_needed |= {("label", name) for name in raters}
    for ours, theirs in sorted(columns_needed):
        if theirs not in table.columns:
            present = ", ".join(table.columns)
            raise ValueError(f"{name} has no column {theirs!r} for {ours}; it has {present}: {_remedy(ours, columns)}")
        if theirs in table.duplicate_columns:
            raise ValueError(f"{name} has the column {theirs!r} for {ours} twice; rename one of them")


def describe_empty(table: TableFile, required_columns: Sequence[str]) -> str:
    """Return a sentence about a file without columns."""
    name = table.path.name
    if table.kind == "jsonl" and (row := next(iter(table.rows()), None)) and row.error:
        example = '{"query": "red shoe", "title": "Acme shoe", "label": "E"}'
        return f"{name}: line {row.line} is no JSON object ({row.error}); write one object a line, as {example}"
    return f"{name} is empty: its columns have to be named, {', '.join(required_columns)} among them"


def _remedy(ours: str, columns: Mapping[str, str]) -> str:
    if ours in columns:
        return "check the spelling"
    remedy = f"name it with --columns {ours}=ITS_NAME"
    if ours == "title":
        remedy += "; a file of ids alone needs the items' texts: join them from your catalogue by id"
    return remedy
