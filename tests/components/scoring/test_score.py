"""The command that scores: every row comes back, in order, with its own columns."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_an_open_quote_does_not_join_rows(score, capsys):
    status, rows = score('query,title\nshoe,"Acme shoe\nshoe,hose\nshoe,socks\n')
    assert status == 3 and capsys.readouterr().out == "2 of 3 pairs scored, 1 with an error\n"
    assert [row["title"] for row in rows] == ['"Acme shoe', "hose", "socks"]
    assert [row["predicted_label"] for row in rows] == [None, "Irrelevant", "Complement"]
    assert rows[0]["error"] == 'line 2: broken quoting: a quotation mark is left open: shoe,"Acme shoe'


@pytest.mark.parametrize("out_suffix", [".csv", ".jsonl", ".parquet"])
def test_own_columns_of_our_names_are_kept(score, out_suffix):
    _, rows = score("query,title,score,error,broadfast_score\nshoe,red,17.25,none,x\n", out_name=f"out{out_suffix}")
    assert (rows[0]["score"], rows[0]["error"], rows[0]["broadfast_score"]) == ("17.25", "none", "x")
    assert float(rows[0]["broadfast_broadfast_score"]) > 0.9
    assert not rows[0]["broadfast_error"] and rows[0]["predicted_label"] == "Exact"


def test_nan_and_what_is_no_text_are_unknown(score, capsys):
    plain = '{"query": "shoe", "title": "red"}\n'
    odd = '{"query": "shoe", "title": "red", "brand": NaN, "attributes": ["hose", 42], "category": {"path": "hose"}}\n'
    status, rows = score(odd + plain, "pairs.jsonl")
    assert status == 0 and rows[0]["score"] == rows[1]["score"]
    assert rows[0]["attributes"] == ["hose", 42] and rows[0]["brand"] != rows[0]["brand"]
    assert "dropped for being no text: attributes (1), category (1)" in capsys.readouterr().out


@pytest.mark.parametrize("brand", ["nan", "NULL", "None", "n/a", " "])
def test_words_for_a_missing_value_are_unknown(score, brand):
    _, rows = score([{"query": "shoe", "title": "red", "brand": brand}, {"query": "shoe", "title": "red", "brand": ""}])
    assert rows[0]["score"] == rows[1]["score"] and rows[0]["brand"] == brand


@pytest.mark.parametrize("query", [501, 501.0])
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_number_is_read_as_text(score, query, suffix):
    status, rows = score([{"query": query, "title": "red"}], f"pairs{suffix}")
    assert status == 0 and rows[0]["query"] == query
    assert score([{"query": "501", "title": "red"}], f"text{suffix}")[1][0]["score"] == rows[0]["score"]


@pytest.mark.parametrize(
    ("value", "why"),
    [("", "is empty"), ("  ", "is empty"), (None, "is empty"), (["red"], "is a list, not a text"),
     (True, "is a bool, not a text"), ({"en": "red"}, "is a dict, not a text"), ("\ud800", "holds a broken character")],
)  # fmt: skip
@pytest.mark.parametrize("name", ["query", "title"])
def test_a_row_without_text_has_an_error(score, name, value, why):
    pair = {"query": "shoe", "title": "red"}
    status, rows = score([pair, pair | {name: value}, pair], "pairs.jsonl")
    assert status == 3 and [row["error"] for row in rows] == [None, f"line 2: {name} {why}", None]
    assert rows[1][name] == value and rows[0]["score"] == rows[2]["score"] and rows[1]["score"] is None


def test_extra_and_missing_fields_do_not_shift_columns(score):
    status, rows = score("query,title,id\nshoe,red,1\nshoe,red, or blue,2\nshoe,hose\nshoe,socks,4\n")
    assert status == 3
    assert [row["predicted_label"] for row in rows] == ["Exact", None, None, "Complement"]
    assert [row.get("id") for row in rows] == ["1", " or blue", None, "4"]
    assert "wrong number of fields: 4, where the header has 3" in rows[1]["error"]
    assert rows[1]["error"].endswith("shoe,red, or blue,2") and "the row is cut off" in rows[2]["error"]


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.jsonl"])
def test_blank_lines_do_not_end_the_file(score, name):
    lines = ["query,title", "shoe,red", "shoe,hose"]
    if name == "pairs.jsonl":
        lines = ["", '{"query": "shoe", "title": "red"}', '{"query": "shoe", "title": "hose"}']
    status, rows = score("\n".join([lines[0], lines[1], "", "  ", lines[2], "", ""]), name)
    assert status == 0 and [row["predicted_label"] for row in rows] == ["Exact", "Irrelevant"]


@pytest.mark.parametrize("line", ["{", "[1]", "null", '{"query": "shoe", "title": "red"}}', f'{{"id": {"9" * 5000}}}'])
def test_a_broken_json_line_has_an_error(score, line):
    status, rows = score(f'{{"query": "shoe", "title": "red"}}\n{line}\n{{"query": "a", "title": "hose"}}\n', "p.jsonl")
    assert status == 3 and [row["predicted_label"] for row in rows] == ["Exact", None, "Irrelevant"]
    assert rows[1]["error"].startswith("line 2: not ") and rows[1]["error"].endswith(line[:2000])


LINES = [
    "shoe,red",
    'shoe,"red',
    'shoe,"red" hose',
    "shoe",
    "shoe,red,3,",
    "a,b,c",
    ",",
    '"shoe","red, hose"',
    'a"b,c"d',
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.lists(st.sampled_from([*LINES, "", "  "]), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_every_line_comes_back_in_order(score, lines, newline):
    lines = ["shoe,red", *lines]
    _, rows = score(newline.join(["query,title", *lines]))
    assert len(rows) == sum(bool(line.strip()) for line in lines)
    assert all(bool(row["error"]) != bool(row["predicted_label"]) for row in rows)
