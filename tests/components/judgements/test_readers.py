"""Sources are read row by row, by the names that a person gives their columns."""

import pytest

from components.judgements.readers import download_source, open_source, parse_columns
from tests.components.judgements.sources import GOOD, csv_file, esci_release, jsonl_file, parquet_file


def read_rows(path, columns=""):
    return list(open_source(path, parse_columns(columns)).rows)


@pytest.mark.parametrize(("write", "name", "first_line"), [(csv_file, "a.csv", 2), (jsonl_file, "a.jsonl", 1)])
def test_rows_carry_their_line(tmp_path, write, name, first_line):
    first, second = read_rows(write(tmp_path / name, [GOOD, GOOD | {"item_id": "i2"}]))
    assert (first.line, second.line) == (first_line, first_line + 1)
    assert {name: first.values[name] for name in GOOD} == GOOD and second.values["item_id"] == "i2"
    assert first.values["brand"] is None and first.values["price"] is None


def test_only_our_columns_are_read_from_parquet(tmp_path):
    rows = read_rows(parquet_file(tmp_path / "a.parquet", [GOOD | {"secret": "x", "price": 3.5}] * 2))
    assert [row.line for row in rows] == [1, 2]
    assert rows[0].values["price"] == 3.5 and "secret" not in rows[0].values


def test_columns_are_named_on_the_command_line(tmp_path):
    path = csv_file(tmp_path / "a.csv", [{"q": "red shoe", "name": "Red shoe", "grade": "E", "make": "Acme"}])
    values = read_rows(path, "query=q, title=name,label=grade,brand=make")[0].values
    assert [values[name] for name in ("query", "title", "label", "brand")] == ["red shoe", "Red shoe", "E", "Acme"]


@pytest.mark.parametrize("part", ["query", "query=", "sku=id"])
def test_a_wrong_column_option_names_ours(part):
    with pytest.raises(
        ValueError, match=f"--columns, column '{part}': write OUR_NAME=THEIR_NAME, ours being one of query, "
    ):
        parse_columns(f"title=name,{part}")


def test_a_missing_column_is_named_with_the_remedy(tmp_path):
    path = csv_file(tmp_path / "a.csv", [{"query": "red shoe", "name": "Red shoe", "label": "E"}])
    with pytest.raises(
        ValueError, match="a.csv has no column 'title' for title; it has .*name.*--columns title=ITS_NAME"
    ):
        read_rows(path)


@pytest.mark.parametrize(("write", "name"), [(csv_file, "a.csv"), (jsonl_file, "a.jsonl"), (parquet_file, "a.parquet")])
def test_a_misspelt_column_asks_for_its_spelling(tmp_path, write, name):
    with pytest.raises(ValueError, match=f"{name} has no column 'colour' for attributes; .*check the spelling"):
        read_rows(write(tmp_path / name, [GOOD]), "attributes=colour")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("ratings.csv", "query,docid,rating\nshoe,1,3\n", "join them from your catalogue by id"),
        (
            "qrels.txt",
            "1 Q0 doc-17 2\n",
            r"qrels.txt \(qrels\) has no titles: join them .* as items.csv .* the queries as queries.tsv",
        ),
    ],
)
def test_files_of_ids_alone_ask_for_texts(tmp_path, name, text, sentence):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_rows(tmp_path / name, "label=rating" if name.endswith("csv") else "")


def test_columns_match_without_case(tmp_path):
    (tmp_path / "a.csv").write_text("query,Title,Label,brand,BRAND,Brand\nshoe,Red shoe,E,a,b,c\n")
    values = read_rows(tmp_path / "a.csv")[0].values
    assert [values[name] for name in ("query", "title", "label", "brand")] == ["shoe", "Red shoe", "E", "a"]
    (tmp_path / "b.csv").write_text("query,TITLE,Title,label\nshoe,Red shoe,Shoe,E\n")
    with pytest.raises(ValueError, match="b.csv has no column 'title' for title"):
        read_rows(tmp_path / "b.csv")


def test_a_named_column_is_read_once(tmp_path):
    (tmp_path / "a.csv").write_text("query,title,Rating\nshoe,Red shoe,3\n")
    values = read_rows(tmp_path / "a.csv", "label=Rating")[0].values
    assert (values["label"], values["rating"]) == ("3", None)


def test_a_needed_column_that_occurs_twice_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("query,title,title,label\na,b,c,E\n")
    with pytest.raises(ValueError, match="a.csv has the column 'title' for title twice; rename one"):
        read_rows(tmp_path / "a.csv")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(ValueError, match="a.csv is empty: its columns have to be named, query, title, label among"):
        read_rows(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"[1,2]\n[1,2]\n", "not a JSON object"), (bytes(range(200, 256)) * 90, "not JSON: Expecting value")],
)
def test_lines_without_an_object_are_named(tmp_path, content, error):
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"a.jsonl: line 1 is no JSON object \({error}\); write one object a line, as"
    ):
        read_rows(tmp_path / "a.jsonl")


@pytest.mark.parametrize("first_row", ["{", {"query": "red shoe"}])
def test_json_columns_are_those_of_all_lines(tmp_path, first_row):
    rows = read_rows(jsonl_file(tmp_path / "a.jsonl", [first_row, GOOD]))
    assert rows[1].values["title"] == "Red shoe"
    with pytest.raises(ValueError, match="no column 'title'"):
        read_rows(jsonl_file(tmp_path / "b.jsonl", [first_row, {"query": "red shoe", "label": "E"}]))


def test_a_broken_json_line_is_passed_on(tmp_path):
    path = jsonl_file(tmp_path / "a.jsonl", [GOOD, '{"query": ', "[1]"])
    assert [row.error for row in read_rows(path) if row.line > 1] == ["not JSON: Expecting value", "not a JSON object"]


def test_a_spreadsheets_byte_order_mark_is_read(tmp_path):
    assert read_rows(csv_file(tmp_path / "a.csv", [GOOD], "utf-8-sig"))[0].values["query_id"] == "q1"


def test_a_very_long_field_is_read(tmp_path):
    rows = read_rows(csv_file(tmp_path / "a.csv", [GOOD | {"title": "x" * 200_000}]))
    assert len(rows[0].values["title"]) == 200_000


def test_another_encoding_is_read_with_a_note(tmp_path):
    source = open_source(csv_file(tmp_path / "a.csv", [GOOD | {"title": "café"}], "cp1252"), {})
    assert [row.values["title"] for row in source.rows] == ["café"]
    assert "a.csv: not UTF-8: read as cp1252" in source.notes[0]


def test_escis_release_is_joined_on_product_and_locale(tmp_path):
    rows = read_rows(esci_release(tmp_path))
    assert [(row.line, row.values["query_id"], row.values["title"]) for row in rows] == [
        (1, "7", "Red shoe"), (2, "8", "Zapato rojo"), (3, "7", "Hose")
    ]  # fmt: skip
    values = rows[0].values
    assert values | {"brand": "Acme", "attributes": "red", "label": "E", "split": "train"} == values


def test_an_example_without_its_product_has_no_title(tmp_path):
    product = {"product_id": "B02", "product_locale": "us", "product_title": "Hose"}
    product |= {"product_brand": "Acme", "product_color": "green"}
    rows = read_rows(esci_release(tmp_path, shopping_queries_dataset_products=[product]))
    assert [row.values["title"] for row in rows] == [None, None, "Hose"]


def test_another_folder_is_refused_with_what_it_needs(tmp_path):
    parquet_file(tmp_path / "mine.parquet", [GOOD])
    with pytest.raises(
        ValueError, match=f"{tmp_path.name} is not ESCI's release: .*'examples' in its name, and holds mine.parquet"
    ):
        read_rows(tmp_path)


def test_an_esci_file_without_its_columns_names_them(tmp_path):
    folder = esci_release(tmp_path, shopping_queries_dataset_examples=[{"query": "red shoe", "query_id": 7}])
    sentence = "examples.parquet lacks ESCI's columns product_id, product_locale, esci_label"
    with pytest.raises(ValueError, match=sentence):
        read_rows(folder)


def test_nothing_at_the_path_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.csv does not exist"):
        read_rows(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("name", "text", "remedy"),
    [
        ("a.xlsx", "", "give a .csv, .tsv, .*.parquet file, one of another tool's, or a folder with ESCI's release$"),
        ("a.json", "", "line 1, column 1: no JSON"),
        ("a.json", "[1]", "write nested JSON as one row a pair, with"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path, name, text, remedy):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf"{name}.*{remedy}"):
        read_rows(tmp_path / name)


def test_a_broken_parquet_file_is_named(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing of the kind")
    with pytest.raises(ValueError, match="a.parquet is broken, or no Parquet file"):
        read_rows(tmp_path / "a.parquet")


def test_a_local_source_is_its_own_path(tmp_path):
    assert download_source(str(tmp_path), tmp_path / "unused") == tmp_path


@pytest.mark.slow
def test_a_source_on_s3_is_downloaded(s3, tmp_path):
    from components import storage

    storage.put_bytes("readers/one/a.csv", b"query")
    storage.put_bytes("readers/two/a.parquet", b"1")
    storage.put_bytes("readers/two/b.parquet", b"2")
    assert download_source("s3://broadfast/readers/one", tmp_path / "one").read_bytes() == b"query"
    paths = download_source("s3://broadfast/readers/two", tmp_path / "two").iterdir()
    assert {path.name for path in paths} == {"a.parquet", "b.parquet"}
