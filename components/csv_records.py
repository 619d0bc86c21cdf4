"""Records of CSV text: strict about quotation marks, and able to go on after a broken record."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TextIO

SEPARATORS = (",", ";", "\t", "|")
RECORD_LINES = 1000  # a quoted field of more lines was never closed
UNKNOWN_TEXTS = {"", "nan", "null", "none", "n/a", "<na>"}  # which other tools write for a missing value
BROKEN_BYTES = "not UTF-8: a byte that is no letter"
SURROGATES = re.compile("[\udc80-\udcff]")  # what a byte becomes that is not UTF-8
SEP_LINE = re.compile(r'"?sep=(.)\1*"?', re.IGNORECASE)  # by which Excel names the separator


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a file: its values by column, or why it cannot be read."""

    line: int  # on which it begins, from 1; in Parquet the row's number
    values: dict = field(default_factory=dict)
    error: str = ""  # the words before a colon name the kind of error
    text: str = ""  # of a broken row


@dataclass(frozen=True)
class Header:
    """The columns of a CSV file, and how many lines come before its first row."""

    names: list[str]
    separator: str
    lines: int


class Lines:
    """The lines of a file with their numbers. Lines may be put back."""

    def __init__(self, file: TextIO):
        self.file = file
        self.number = 0
        self.returned_lines: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.returned_lines.popleft() if self.returned_lines else next(self.file)
        self.number += 1
        return line

    def put_back(self, lines: list[str]) -> None:
        """Return lines, which come again next."""
        self.returned_lines.extendleft(reversed(lines))
        self.number -= len(lines)

    def skip(self, count: int) -> None:
        """Pass over the next lines."""
        for _ in range(count):
            next(self, None)


def read_header(lines: Lines, prefers_tab: bool = False) -> Header:
    """Read the names of the columns, after blank lines and Excel's `sep=` line.

    Raises:
        ValueError: its quotation marks are broken; the sentence begins with the line.
    """
    csv.field_size_limit(2**30)
    separator = ""
    for line in lines:
        text = line.strip("\r\n")
        if not separator and (match := SEP_LINE.fullmatch(text)):
            separator = match[1]
        elif text.strip():
            separator = separator or guess_separator(text, prefers_tab)
            names, _, error = read_record(lines, line, separator)
            if error:
                raise ValueError(f"line {lines.number}: the header has {error}")
            return Header(_strip_names(names), separator, lines.number)
    return Header([], separator or ",", lines.number)


def guess_separator(header: str, prefers_tab: bool = False) -> str:
    """Return the separator that occurs most often outside quotation marks."""
    text = "".join(header.split('"')[0::2])
    if prefers_tab and "\t" in text:
        return "\t"
    return max(SEPARATORS, key=text.count)


def _strip_names(names: list[str]) -> list[str]:
    """Trim the columns' names, and drop a spreadsheet's empty columns at the end."""
    names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    return names


def parse_records(lines: Lines, header: Header) -> Iterator[TableRow]:
    """Yield every record once. After a broken record, reading goes on at the next line."""
    blanks = "\r\n " if header.separator == "\t" else "\r\n\t "
    for line in lines:
        if not line.strip(blanks):
            continue
        number = lines.number
        values, extra_lines, error = read_record(lines, line, header.separator)
        error = error or check_field_count(values, len(header.names))
        if error:
            lines.put_back(extra_lines)
        elif any(map(has_broken_bytes, values)):
            error = BROKEN_BYTES
        if error:
            yield TableRow(number, error=error, text=line.rstrip("\r\n"))
        else:
            yield TableRow(number, dict(zip(header.names, values, strict=False)))


def read_record(lines: Lines, first_line: str, separator: str) -> tuple[list[str], list[str], str]:
    """Read the record that begins with a line.

    Returns its fields, the further lines that it took, and why it cannot be read ("" if it can).
    """
    if '"' not in first_line:
        return first_line.rstrip("\r\n").split(separator), [], ""
    extra_lines: list[str] = []
    try:
        source = _take_lines(lines, first_line, extra_lines)
        return next(csv.reader(source, delimiter=separator, strict=True)), extra_lines, ""
    except csv.Error as error:
        is_open = "unexpected end of data" in str(error)
        reason = "a quotation mark is left open" if is_open else "a quotation mark inside a field is not doubled"
        return [], extra_lines, f"broken quoting: {reason}"


def _take_lines(lines: Lines, first_line: str, extra_lines: list[str]) -> Iterator[str]:
    """Yield the lines of one record, and note those after the first."""
    yield first_line
    for line in lines:
        extra_lines.append(line)
        if len(extra_lines) > RECORD_LINES:
            return
        yield line


def check_field_count(values: list[str], count: int) -> str:
    """Return why a record has not the header's number of fields, "" if it has."""
    numbers = f"wrong number of fields: {len(values)}, where the header has {count}"
    if len(values) < count:
        return f"{numbers}; the row is cut off"
    if any(value.strip() for value in values[count:]):
        return f"{numbers}; put a field that holds a separator in quotation marks"
    return ""


def has_broken_bytes(text: str) -> bool:
    """Return True if the text holds a byte that could not be decoded."""
    return not text.isascii() and bool(SURROGATES.search(text))


def is_unknown_text(text: str) -> bool:
    """Return True for an empty text or a word for a missing value."""
    return text.strip().lower() in UNKNOWN_TEXTS
