"""Files of rows as people have them: every row is read, or is broken with its line and reason."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.tabular import TableFile

SHOE = {"query": "shoe", "title": "Acme, red"}


def read(text: str | bytes, name: str = "rows.csv") -> TableFile:
    return TableFile(Path(name), text if isinstance(text, bytes) else text.encode())


def good(table: TableFile) -> list[dict]:
    return [row.values for row in table.rows() if not row.error]


def broken(table: TableFile) -> list[tuple[int, str]]:
    return [(row.line, row.error.split(":")[0]) for row in table.rows() if row.error]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", 'query,title\nshoe,"Acme, red"\n'),
        ("ROWS.CSV", 'query,title\r\nshoe,"Acme, red"'),
        ("rows.csv", "query;title\nshoe;Acme, red\n"),
        ("rows.csv", "sep=;\nquery;title\nshoe;Acme, red\n"),
        ("rows.csv", '"sep=\t"\r\nquery\ttitle\r\nshoe\tAcme, red\r\n'),
        ("rows.tsv", "query\ttitle\nshoe\tAcme, red\n"),
        ("rows.txt", "query|title\nshoe|Acme, red\n"),
        ("rows.csv", "\n query ; title \n\nshoe;Acme, red\n\n  \n"),
        ("rows.csv", "query;title;;\nshoe;Acme, red;;\n"),
        ("rows.csv", "query;title\rshoe;Acme, red\r"),
    ],
)
def test_usual_separators_are_read(name, text):
    assert good(read(text, name)) == [SHOE]
    assert not broken(read(text, name))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_unicode_encodings_are_read(encoding, kind):
    row = {"query": "sartén", "title": "Pfanne 10½"}
    text = "query,title\nsartén,Pfanne 10½\n" if kind == "csv" else json.dumps(row, ensure_ascii=False)
    assert good(read(text.encode(encoding), f"rows.{kind}")) == [row]


@pytest.mark.parametrize(("text", "encoding"), [("Décor “10½”", "cp1252"), ("Décor \x81", "latin-1")])
def test_western_bytes_are_read_with_a_note(text, encoding):
    table = read(f"title\n{text}\n".encode(encoding))
    assert good(table) == [{"title": text}]
    assert f"not UTF-8: read as {encoding}" in table.notes[0]


def test_one_broken_byte_costs_one_row():
    table = read("title\nsartén\ncafé\n".encode() + b"na\xefve\n" + "jalapeño\n".encode())
    assert good(table) == [{"title": "sartén"}, {"title": "café"}, {"title": "jalapeño"}]
    assert broken(table) == [(4, "not UTF-8")]
    assert "1 bytes are not UTF-8" in table.notes[0]


@pytest.mark.parametrize(
    "line",
    [
        'tv,"Acme 55" television, black",E',
        'tv,"Acme 55", black,E',
        "tv,Acme, 2 m, white",
        "tv,Acme",
        'tv,"Acme,E',
    ],
)
def test_a_broken_row_costs_itself_alone(line):
    table = read(f'query,title,label\n{line}\nradio,"Kitchen, red",E\nlamp,Desk,I\n')
    assert [row["query"] for row in good(table)] == ["radio", "lamp"]
    assert [number for number, _ in broken(table)] == [2]


def test_open_quotes_never_join_rows():
    table = read('query,title\nshoe,"Acme\nshoe,"hose\nshoe,sock\n')
    assert good(table) == [{"query": "shoe", "title": "sock"}]
    assert broken(table) == [(2, "broken quoting"), (3, "broken quoting")]


def test_a_quoted_field_may_span_lines():
    table = read('query,title\nshoe,"Acme\n\nred"\nsock,blue\n')
    assert [(row.line, row.values["title"]) for row in table.rows()] == [(2, "Acme\n\nred"), (5, "blue")]


def test_inch_marks_in_the_middle_are_text():
    assert good(read('query,title\n24" tv,Acme 24" tv\n')) == [{"query": '24" tv', "title": 'Acme 24" tv'}]


def test_json_lines_have_the_union_of_keys():
    table = read('{"a": 1}\n\n{"b": NaN}\nnot json\n[1]\n', "rows.jsonl")
    assert table.columns == ["a", "b"]
    assert broken(table) == [(4, "not JSON"), (5, "not a JSON object")]


def test_parquet_rows_are_numbered(tmp_path):
    pq.write_table(pa.table({"query": ["a", "b"]}), tmp_path / "rows.PARQUET")
    table = TableFile(tmp_path / "rows.PARQUET")
    assert table.columns == ["query"]
    assert [(row.line, row.values["query"]) for row in table.rows()] == [(1, "a"), (2, "b")]


def test_a_file_that_is_no_parquet_is_named():
    with pytest.raises(ValueError, match=r"rows.parquet is broken, or no Parquet file"):
        list(read("query\n", "rows.parquet").rows())


def test_other_kinds_are_refused_with_those_read():
    with pytest.raises(ValueError, match=r"rows.xlsx: give a .csv, .tsv, .*.parquet file"):
        list(read("query\n", "rows.xlsx").rows())


def test_a_column_that_occurs_twice_is_named():
    table = read("query,title,title\na,b,c\n")
    assert table.duplicate_columns == ["title"]
    assert table.notes == ["rows.csv: the column 'title' occurs twice"]


def test_an_empty_file_has_nothing():
    assert read("").columns == [] and not list(read("").rows())


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from(',;\t|"\n'), max_size=12)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=8), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read_whole(rows, separator, line_end):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator, lineterminator=line_end)
    writer.writerows([("query", "title", "label"), *((f"q{first}", *others) for first, *others in rows)])
    table = read(file.getvalue())
    assert [tuple(values.values()) for values in good(table)] == [(f"q{first}", *others) for first, *others in rows]
    assert not broken(table)


LINES = {
    "plain": ("q,t,E", True),
    "quoted": ('q,"t, ""large""",E', True),
    "inch": ('q,t 24" wide,E', True),
    "open": ('q,"t,E', False),
    "undoubled": ('q,"t 24" wide",E', False),
    "extra": ("q,t, wide,E", False),
    "short": ("q,t", False),
    "blank": ("  ", None),
}


@given(st.lists(st.sampled_from(sorted(LINES))), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n", "\r"]))
def test_rows_read_and_quarantined_add_up(kinds, separator, line_end):
    lines = ["query,title,label", *(LINES[kind][0] for kind in kinds)]
    table = read(line_end.join(lines).replace(",", separator))
    expected = [(number, LINES[kind][1]) for number, kind in enumerate(kinds, 2) if kind != "blank"]
    assert [(row.line, not row.error) for row in table.rows()] == expected


def test_repeated_columns_are_numbered_on_request():
    table = TableFile(Path("rows.csv"), b"id,query,id\n1,shoe,2\n", keeps_duplicates=True)
    assert good(table) == [{"id": "1", "query": "shoe", "id (2)": "2"}]
    assert table.columns == ["id", "query", "id (2)"] and table.header_names == ["id", "query", "id"]
