"""Other tools' files as judgements of a run: ids find their texts, and scales their labels."""

import pytest

from components.judgements.readers import open_source
from tests.components.formats.test_releases import WANDS

ITEMS = "item_id,title,brand\ni1,Red shoe,Acme\ni2,Blue shoe,\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "items.csv").write_text(ITEMS)
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ratings.csv", "query,docid,rating\nshoe,i1,3.0\nshoe,i2,0.0\nshoe,i9,1.0\n"),
        ("qrels.txt", "q1 0 i1 3\nq1 0 i2 0\nq1 0 i9 1\n"),
    ],
)
def test_ids_find_their_texts_in_a_folder(folder, prepare_source, name, text):
    (folder / name).write_text(text)
    if name == "qrels.txt":
        (folder / "queries.tsv").write_text("q1\tshoe\n")
    prepared = prepare_source(folder, labels="0-3")
    rows = {row["item_id"]: (row["query"], row["title"], row["label"]) for row in prepared.judgements}
    assert rows == {"i1": ("shoe", "Red shoe", "Exact"), "i2": ("shoe", "Blue shoe", "Irrelevant")}
    assert [reason for _, reason in prepared.reasons] == ["not in the catalogue: item i9"]


def test_our_own_rows_of_ids_find_texts(folder, prepare_source):
    (folder / "mine.csv").write_text("q,sku,grade\nshoe,i1,E\n")
    prepared = prepare_source(folder, columns="query=q,item_id=sku,label=grade")
    assert [(row["title"], row["brand"]) for row in prepared.judgements] == [("Red shoe", "Acme")]


def test_wands_has_a_scale_of_its_own(tmp_path, prepare_source):
    for name, text in WANDS.items():
        (tmp_path / name).write_text(text)
    prepared = prepare_source(tmp_path)
    assert {row["item_id"]: row["label"] for row in prepared.judgements} == {"501": "Exact", "502": "Substitute"}
    assert {row["query_class"] for row in prepared.judgements} <= {"head", "torso", "tail"}
    note = f"{tmp_path.name}: read as wands, labels as exact-partial-irrelevant unless --labels says another scale"
    assert note in prepared.details["warnings"]


def test_another_scale_overrides_the_formats_own(tmp_path, prepare_source):
    header = "id,product_uid,product_title,search_term,relevance\n"
    (tmp_path / "train.csv").write_text(header + "1,i1,Red shoe,shoe,2.33\n")
    assert [row["label"] for row in prepare_source(tmp_path / "train.csv").judgements] == ["Substitute"]
    assert [row["label"] for row in prepare_source(tmp_path / "train.csv", labels=">=2=E,<2=I").judgements] == ["Exact"]


@pytest.mark.parametrize(
    ("files", "error"),
    [
        ({"qrels.txt": "q1 0 i1 3\n"}, r"qrels.txt \(qrels\) has no query texts: add queries.tsv"),
        ({"run.txt": "q1 Q0 i1 1 3.5 a\n"}, r"run.txt \(run\) is a ranking, and has no labels"),
        ({}, "is not ESCI's release: .* holds items.csv; .* A folder of ids needs one file of judgements"),
        ({"a.csv": "x", "b.csv": "y"}, "holds a.csv, b.csv, items.csv"),
    ],
)
def test_an_incomplete_folder_says_what_is_missing(folder, files, error):
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(ValueError, match=error):
        open_source(folder, {})
