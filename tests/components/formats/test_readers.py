"""Files of other tools, as they write them, and what is wrong with broken ones."""

import json

import pytest

from components.formats.guess import guess_format
from components.formats.registry import read_format
from components.formats.trec import read_queries

SRW = {"name": "a", "judgmentRatings": [{"query": "shoe", "ratings": [{"docId": "i1", "rating": "3.0"}]}]}
EXPORT = {"hits": {"hits": [{"_source": SRW}]}}
RATINGS = [{"_index": "shop", "_id": "i1", "rating": 3}]
REQUEST = {"id": "q1", "request": {"query": {"match": {"title": "shoe"}}}, "ratings": RATINGS}
JUDGEMENT = {"rating": 3.0, "user_email": "ada@shop.example", "unrateable": False}
PAIR = {"query_text": "shoe", "doc_id": "i1", "document_fields": '{"title": "Red shoe"}', "judgements": [JUDGEMENT]}
FILES = {
    "quepid-whole-book": ("a.json", json.dumps({"scale": "0,1,2,3", "query_doc_pairs": [PAIR]})),
    "quepid": ("a.csv", "query,docid,rating\nshoe,i1,3.0"),
    "quepid-detailed": (
        "a.csv",
        "Team Name,Case Name,Case ID,Query Text,Doc ID,Doc Position,Title,Rating\r\nT,C,1,shoe,i1,1,Red shoe,3\r\n",
    ),
    "quepid-book": ("a.csv", "query,docid,Ada L,Anonymous\nshoe,i1,3.0,\n"),
    "srw": ("a.json", json.dumps(SRW)),
    "srw-csv": ("a.csv", "shoe,i1,3\n"),
    "qrels": ("a.qrels", "q1 0 i1 3\n\n"),
    "rank-eval": ("a.json", json.dumps({"requests": [REQUEST]})),
    "home-depot": ("train.csv", "id,product_uid,product_title,search_term,relevance\n5,i1,Red shoe,shoe,3.00\n"),
}


def read(folder, name, text):
    path = folder / name
    path.write_text(text)
    return list(read_format(path, guess_format(path), {}))


@pytest.mark.parametrize("name", FILES)
def test_a_format_is_guessed_from_content(tmp_path, name):
    file, text = FILES[name]
    path = tmp_path / file
    path.write_text(text)
    assert guess_format(path) == name
    (row,) = read_format(path, name, {})
    assert row.values["item_id"] == "i1" and float(row.values["label"]) == 3
    assert row.values.get("query") == (None if name == "qrels" else "shoe")


@pytest.mark.parametrize("text", ["query,title,label\nshoe,Red shoe,E\n", "query,docid,title,rating\nshoe,i1,a,3\n"])
def test_our_own_rows_are_a_table(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert guess_format(tmp_path / "a.csv") == "table"


def test_a_run_keeps_score_and_position(tmp_path):
    (row,) = read(tmp_path, "run.txt", "q1 Q0 i1 1 14.2 student-05\n")
    assert row.values == {"query_id": "q1", "item_id": "i1", "score": "14.2", "position": "1"}


def test_empty_ratings_are_nobodys(tmp_path):
    rows = read(tmp_path, "a.csv", "query,docid,rating\nshoe,i1,0.0\nshoe,i2,\nhose,,\n")
    assert [(row.values["item_id"], row.values["label"]) for row in rows] == [("i1", "0.0"), ("i2", None), (None, None)]


def test_a_guarded_query_loses_its_blank(tmp_path):
    rows = read(tmp_path, "a.csv", 'query,docid,rating\n" -5 degrees",i1,1.0\n')
    assert rows[0].values["query"] == "-5 degrees"


def test_a_browsers_quotation_marks_are_halved(tmp_path):
    text = FILES["quepid-detailed"][1].replace("Red shoe", '24"" monitor') + "T,C,1,no hits\r\n"
    monitor, bare = read(tmp_path, "a.csv", text)
    assert monitor.values["title"] == '24" monitor' and monitor.values["position"] == "1"
    assert bare.values == {"query": "no hits"}


def test_a_browsers_snapshot_is_a_ranking(tmp_path):
    text = "Snapshot Name,Snapshot Time,Case ID,Query Text,Doc ID,Doc Position\nS,now,1,shoe,i1,2\n"
    (row,) = read(tmp_path, "a.csv", text)
    assert row.values == {"query": "shoe", "item_id": "i1", "position": "2"}


def test_each_judge_of_a_book_is_a_row(tmp_path):
    rows = read(tmp_path, "a.csv", "query,docid,Ada L,Ada L\nshoe,i1,3.0,1.0\nshoe,i2,,\n")
    assert [(row.values.get("rater"), row.values["label"]) for row in rows] == [
        ("Ada L", "3.0"),
        ("Ada L (2)", "1.0"),
        (None, None),
    ]


def test_a_whole_book_keeps_titles_and_judges(tmp_path):
    unrated = {"rating": None, "user_email": "bo@shop.example", "judge_later": True}
    pairs = [PAIR | {"judgements": [JUDGEMENT, {"rating": 0.0, "user_email": None}, unrated]}]
    pairs.append({"query_text": "shoe", "doc_id": "i2", "document_fields": {}, "judgements": [unrated]})
    rows = [row.values for row in read(tmp_path, "a.json", json.dumps({"query_doc_pairs": pairs}))]
    assert [(row["item_id"], row["label"], row.get("rater")) for row in rows] == [
        ("i1", "3.0", "ada@shop.example"),
        ("i1", "0.0", "Anonymous"),
        ("i2", None, None),
    ]
    assert [row["title"] for row in rows] == ["Red shoe", "Red shoe", None]


@pytest.mark.parametrize("document", [SRW, EXPORT, {"judgmentRatings": {"shoe": SRW["judgmentRatings"][0]["ratings"]}}])
def test_the_workbench_writes_three_forms(tmp_path, document):
    (row,) = read(tmp_path, "a.json", json.dumps(document))
    assert row.values == {"query": "shoe", "item_id": "i1", "label": "3.0"}


@pytest.mark.parametrize(
    ("request_fields", "text"),
    [
        ({"template_id": "t", "params": {"query_string": "red shoe"}}, "red shoe"),
        ({"request": {"query": {"multi_match": {"query": "shoe", "fields": ["title"]}}}}, "shoe"),
        ({"request": {"query": {"bool": {"must": [{"match": {"a": {"query": "x"}}}, {"match": {"b": "y"}}]}}}}, None),
    ],
)
def test_a_searchs_text_is_one_text(tmp_path, request_fields, text):
    (row,) = read(tmp_path, "a.json", json.dumps({"requests": [{"id": 7, "ratings": RATINGS} | request_fields]}))
    assert (row.values["query_id"], row.values["query"]) == ("7", text)


def test_a_pooled_item_is_unrated(tmp_path):
    assert read(tmp_path, "qrels", "q1 0 i1 -1\n")[0].values["label"] is None


BAD_RATING = {"judgmentRatings": [{"query": "a", "ratings": [{"docId": "i1", "rating": "NaN"}]}]}


@pytest.mark.parametrize(
    ("name", "text", "line", "error"),
    [
        ("a.csv", "query,docid,rating\nshoe,i1,good\n", 2, "unknown rating: rating is 'good'; write a finite number"),
        ("a.csv", "query,docid,rating\nshoe,i1\n", 2, "wrong number of fields: 2, where the header has 3"),
        ("a", "q1 0 i1 1\nq1 0 i2\n" + "q1 0 i1 1\n" * 30, 2, "wrong number of fields: 3, where qrels have 4"),
        ("a.json", json.dumps(BAD_RATING), 1, r"unknown rating: judgmentRatings\[0\].ratings\[0\].rating is 'NaN'"),
        ("a.json", json.dumps({"query_doc_pairs": [{}]}), 1, r"wrong type: query_doc_pairs\[0\] needs query_text"),
        ("a.json", json.dumps({"judgmentRatings": ["x"]}), 1, r"wrong type: judgmentRatings\[0\]; write"),
        ("a.json", json.dumps({"requests": [{"id": "q"}]}), 1, r"wrong type: requests\[0\] needs an id and a list"),
    ],
)
def test_a_broken_row_names_its_field(tmp_path, name, text, line, error):
    (tmp_path / name).write_text(text)
    chosen = "qrels" if name == "a" else guess_format(tmp_path / name)
    bad = [row for row in read_format(tmp_path / name, chosen, {}) if row.error]
    assert [row.line for row in bad] == [line]
    with pytest.raises(ValueError, match=error):
        raise ValueError(bad[0].error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"judgmentRatings": [', "a.json, line 1, column 22: no JSON .*; export the file again"),
        ('{"query_doc_pairs": {}}', "a.json has no list query_doc_pairs: give the JSON of a book's archive, unpacked"),
        ('{"a": 1}', "a.json is none of the JSON documents that are read: judgmentRatings"),
        (json.dumps({"hits": {"hits": [{}, {}]}}), "a.json, hits.hits: 2 lists of judgements; export one"),
        (json.dumps({"hits": {"hits": []}}), "a.json has no list judgmentRatings"),
    ],
)
def test_a_broken_document_says_what_to_do(tmp_path, text, error):
    with pytest.raises(ValueError, match=error):
        read(tmp_path, "a.json", text)


def test_a_queries_file_is_checked(tmp_path):
    path = tmp_path / "queries.tsv"
    path.write_text("query_id\tquery\nq1\tred shoe\nq2\those\n")
    assert read_queries(path) == {"q1": "red shoe", "q2": "hose"}
    for text, error in (("q1 shoe\n", "line 1: 'q1 shoe' has no tab"), ("q1\ta\nq1\tb\n", "line 2: .* two texts")):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"queries.tsv, {error}"):
            read_queries(path)
