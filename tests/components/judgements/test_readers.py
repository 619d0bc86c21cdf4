"""Sources are read row by row, by the names that a person gives their columns."""

import pytest

from components.judgements.readers import localise, named_columns, read_source
from tests.components.judgements.sources import GOOD, csv_file, esci_release, jsonl_file, parquet_file


def rows(path, columns=""):
    return list(read_source(path, named_columns(columns)))


@pytest.mark.parametrize(("write", "name", "first_line"), [(csv_file, "a.csv", 2), (jsonl_file, "a.jsonl", 1)])
def test_csv_and_jsonl_rows_carry_their_file_and_line(tmp_path, write, name, first_line):
    (_, first), (_, second) = [
        ((file, line), row) for file, line, row in rows(write(tmp_path / name, [GOOD, GOOD | {"item_id": "i2"}]))
    ]
    places = [(file, line) for file, line, _ in rows(tmp_path / name)]
    assert places == [(name, first_line), (name, first_line + 1)]
    assert {name: first[name] for name in GOOD} == GOOD and second["item_id"] == "i2"
    assert first["brand"] is None and first["price"] is None


def test_parquet_rows_are_numbered_and_only_known_columns_are_read(tmp_path):
    path = parquet_file(tmp_path / "a.parquet", [GOOD | {"secret": "x", "price": 3.5}] * 2)
    assert [(file, line) for file, line, _ in rows(path)] == [("a.parquet", 1), ("a.parquet", 2)]
    assert rows(path)[0][2]["price"] == 3.5 and "secret" not in rows(path)[0][2]


def test_columns_are_named_on_the_command_line(tmp_path):
    path = csv_file(tmp_path / "a.csv", [{"q": "red shoe", "name": "Red shoe", "grade": "E", "make": "Acme"}])
    (_, _, row), *_ = rows(path, "query=q, title=name,label=grade,brand=make")
    assert (row["query"], row["title"], row["label"], row["brand"]) == ("red shoe", "Red shoe", "E", "Acme")


@pytest.mark.parametrize("part", ["query", "query=", "sku=id"])
def test_a_column_that_is_named_wrongly_is_refused_with_the_names_that_exist(part):
    with pytest.raises(ValueError, match=f"column '{part}': write OUR_NAME=THEIR_NAME, ours being one of query, "):
        named_columns(f"title=name,{part}")


def test_a_missing_column_is_an_error_that_names_file_column_and_remedy(tmp_path):
    path = csv_file(tmp_path / "a.csv", [{"query": "red shoe", "name": "Red shoe", "label": "E"}])
    with pytest.raises(ValueError, match="a.csv has no column 'title' for title; it has .*name.*title=ITS_NAME"):
        rows(path)


@pytest.mark.parametrize(("write", "name"), [(csv_file, "a.csv"), (jsonl_file, "a.jsonl"), (parquet_file, "a.parquet")])
def test_a_named_column_that_is_not_there_asks_for_the_spelling(tmp_path, write, name):
    with pytest.raises(ValueError, match=f"{name} has no column 'colour' for attributes; .*check the spelling"):
        rows(write(tmp_path / name, [GOOD]), "attributes=colour")


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(ValueError, match="a.csv is empty: its columns have to be named, query, title, label among"):
        rows(tmp_path / "a.csv")


def test_columns_are_checked_even_where_the_first_line_is_broken(tmp_path):
    path = jsonl_file(tmp_path / "a.jsonl", ["{", {"query": "red shoe", "name": "Red shoe", "label": "E"}])
    with pytest.raises(ValueError, match="no column 'title'"):
        rows(path)


def test_a_broken_json_line_is_passed_on_as_what_is_wrong_with_it(tmp_path):
    path = jsonl_file(tmp_path / "a.jsonl", [GOOD, '{"query": ', "[1]"])
    assert [row for _, line, row in rows(path) if line > 1] == ["not JSON: Expecting value", "not a JSON object"]


def test_a_csv_file_from_a_spreadsheet_is_read_with_its_byte_order_mark(tmp_path):
    assert rows(csv_file(tmp_path / "a.csv", [GOOD], "utf-8-sig"))[0][2]["query_id"] == "q1"


def test_a_field_longer_than_the_csv_module_expects_is_read(tmp_path):
    assert len(rows(csv_file(tmp_path / "a.csv", [GOOD | {"title": "x" * 200_000}]))[0][2]["title"]) == 200_000


def test_escis_release_is_joined_on_product_and_locale(tmp_path):
    found = rows(esci_release(tmp_path))
    assert [(line, row["query_id"], row["title"]) for _, line, row in found] == [
        (1, "7", "Red shoe"), (2, "8", "Zapato rojo"), (3, "7", "Hose")
    ]  # fmt: skip
    assert found[0][2] | {"brand": "Acme", "attributes": "red", "label": "E", "split": "train"} == found[0][2]


def test_an_esci_example_without_its_product_has_no_title(tmp_path):
    product = {"product_id": "B02", "product_locale": "us", "product_title": "Hose"}
    product |= {"product_brand": "Acme", "product_color": "green"}
    found = rows(esci_release(tmp_path, shopping_queries_dataset_products=[product]))
    assert [row["title"] for _, _, row in found] == [None, None, "Hose"]


def test_a_folder_that_is_not_escis_says_what_it_needs_and_what_it_holds(tmp_path):
    parquet_file(tmp_path / "mine.parquet", [GOOD])
    with pytest.raises(ValueError, match="is not ESCI's release: .*'examples' in its name, and holds mine.parquet"):
        rows(tmp_path)


def test_an_esci_file_without_its_columns_names_them(tmp_path):
    folder = esci_release(tmp_path, shopping_queries_dataset_examples=[{"query": "red shoe", "query_id": 7}])
    with pytest.raises(
        ValueError, match="examples.parquet lacks ESCI's columns product_id, product_locale, esci_label"
    ):
        rows(folder)


def test_nothing_at_the_path_is_said_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.csv does not exist"):
        rows(tmp_path / "none.csv")


def test_another_kind_of_file_is_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(ValueError, match=r"a.xlsx: give a .csv, .jsonl or .parquet file, or a folder"):
        rows(tmp_path / "a.xlsx")


def test_a_local_source_is_its_own_path(tmp_path):
    assert localise(str(tmp_path), tmp_path / "unused") == tmp_path


@pytest.mark.slow
def test_a_source_on_s3_is_downloaded_as_the_one_file_or_as_the_folder(s3, tmp_path):
    from components import storage

    storage.put_bytes("readers/one/a.csv", b"query")
    storage.put_bytes("readers/two/a.parquet", b"1")
    storage.put_bytes("readers/two/b.parquet", b"2")
    assert localise("s3://broadfast/readers/one", tmp_path / "one").read_bytes() == b"query"
    assert {path.name for path in localise("s3://broadfast/readers/two", tmp_path / "two").iterdir()} == {
        "a.parquet", "b.parquet"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "query,title,label\ncaf\xe9,cup,E\n".encode("latin-1"), "a.csv is not UTF-8: byte 0xe9"),
        ("a.jsonl", b'{"query": "caf\xe9"}\n', "a.jsonl is not UTF-8: byte 0xe9"),
        ("a.csv", b'query,title,label\ncup,"open,E\ncup,cup,E\n', "a.csv is broken: .*quotation mark left open"),
        ("a.parquet", b"PAR1 nothing of the kind", "a.parquet is broken, or no Parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_is_refused_by_name(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=said):
        list(read_source(tmp_path / name, {}))
