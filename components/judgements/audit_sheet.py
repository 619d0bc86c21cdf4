"""The sheet of an audit: a CSV that a person fills in with a spreadsheet, and that comes back from one."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from components.contracts import LABELS
from components.tabular import TableFile

Pair = tuple[str, str]  # query_id, item_id
SHOWN = ("query_id", "item_id", "query", "title", "brand", "category", "attributes")
COLUMNS = (*SHOWN, "human_label", "comment")
OUR_LABELS = {label.lower(): label for label in LABELS} | {label[0].lower(): label for label in LABELS}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "'")  # what a spreadsheet runs, or hides


@dataclass
class AuditSheet:
    """What a person filled in, by pair, and the rows that cannot be read."""

    labels: dict[Pair, str] = field(default_factory=dict)
    broken_rows: list[str] = field(default_factory=list)  # line and reason


def write_sheet(rows: Iterable[Mapping], out: str | Path) -> None:
    """Write the CSV to fill in, with a byte order mark and without formulas."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    with open(out, "w", encoding="utf-8-sig", newline="", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow([*(escape_formula(row[name] or "") for name in SHOWN), "", ""])


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def read_sheet(content: bytes, name: str) -> AuditSheet:
    """Read what a person filled in. Rows that are still empty are left out.

    Raises:
        ValueError: a column is missing, a label is none of ours, or a pair occurs twice; with file and line.
    """
    table = TableFile(Path(name).with_suffix(".csv"), content)
    missing = {*SHOWN[:2], "human_label"} - set(table.columns)
    if missing:
        raise ValueError(f"{name} has no column {sorted(missing)}; keep the columns of the audit.csv that a run left")
    sheet = AuditSheet()
    for row in table.rows():
        if row.error:
            sheet.broken_rows.append(f"line {row.line}: {row.error}")
        elif row.values["human_label"].strip():
            pair = tuple(row.values[column].removeprefix("'") for column in SHOWN[:2])
            if pair in sheet.labels:
                raise ValueError(f"{name}, line {row.line}: the pair {pair} is there twice; keep one of its rows")
            sheet.labels[pair] = read_label(row.values["human_label"].strip(), f"{name}, line {row.line}")
    return sheet


def read_label(text: str, row_name: str) -> str:
    """Return the label that a person wrote.

    Raises:
        ValueError: it is none of ours.
    """
    label = OUR_LABELS.get(text.lower())
    if label is None:
        raise ValueError(f"{row_name}: human_label is {text!r}; give one of {', '.join(LABELS)} or E/S/C/I")
    return label
