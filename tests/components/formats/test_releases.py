"""Public data sets are read as they are released."""

import pytest

from components.formats.guess import guess_format
from components.formats.releases import read_home_depot, read_wands

WANDS = {
    "label.csv": "id\tquery_id\tproduct_id\tlabel\n0\t7\t501\tExact\n1\t7\t502\tPartial\n2\t9\t999\tIrrelevant\n",
    "query.csv": "query_id\tquery\tquery_class\n7\tarm chair\tMassage Chairs\n9\trug\tRugs\n",
    "product.csv": "product_id\tproduct_name\tproduct_class\tcategory hierarchy\tproduct_description\t"
    "product_features\trating_count\taverage_rating\treview_count\n"
    '501\t"24"" chair"\tChairs\tA / B\tlong\tcolor:red|legs:4\t3\t4.5\t2\n502\tStool\t\t\t\t\t\t\t\n',
}


@pytest.fixture
def wands(tmp_path):
    for name, text in WANDS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_wands_is_joined_on_its_ids(wands):
    assert guess_format(wands) == "wands"
    chair, stool, lost = read_wands(wands)
    assert chair.values == {
        "query_id": "7",
        "query": "arm chair",
        "item_id": "501",
        "title": '24" chair',
        "category": "Chairs",
        "attributes": "color:red; legs:4",
        "rating": "4.5",
        "label": "Exact",
    }
    assert (stool.values["label"], stool.values["category"], stool.values["rating"]) == ("Partial", None, None)
    assert (lost.line, lost.error) == (4, "unknown id: product_id 999 is in no row of product.csv")


def test_an_incomplete_wands_names_file_and_column(wands):
    (wands / "query.csv").write_text("query_id\ttext\n7\tchair\n")
    with pytest.raises(ValueError, match="query.csv lacks the columns query; it has query_id, text"):
        list(read_wands(wands))
    (wands / "query.csv").write_text("query_id\tquery\n7\tchair\n7\trug\n")
    with pytest.raises(ValueError, match="query.csv, line 3: the query_id 7 is there twice"):
        list(read_wands(wands))


def test_home_depot_has_means_and_brands(tmp_path):
    header = "id,product_uid,product_title,search_term,relevance\n"
    (tmp_path / "train.csv").write_bytes(header.encode() + "6,900001,Pêle 20 m,hose reel,2.33\n".encode("latin-1"))
    (tmp_path / "attributes.csv").write_text("product_uid,name,value\n900001,MFG Brand Name,Acme\n900001,Color,red\n")
    assert guess_format(tmp_path) == "home-depot"
    (row,) = read_home_depot(tmp_path)
    expected = {"query": "hose reel", "item_id": "900001", "title": "Pêle 20 m", "label": "2.33", "brand": "Acme"}
    assert row.values == expected


def test_home_depots_test_file_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text("id,product_uid,product_title,search_term\n1,2,a,b\n")
    with pytest.raises(ValueError, match="train.csv lacks the columns relevance"):
        list(read_home_depot(tmp_path / "train.csv"))
