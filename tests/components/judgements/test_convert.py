"""Files change their format: nothing is lost that both sides can say, what is lost is named, and counts add up."""

import csv
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import contracts
from components.formats.guess import guess_format
from components.judgements.conversion import Target
from components.judgements.convert import Texts, convert, main, open_rows
from components.judgements.pairs import collect_pairs

QUEPID = "query,docid,rating\ntrail shoes,i1,3.0\ntrail shoes,i2,\ngps watch,i9,1.0\nsocks,,\n"
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\u2028\u2029"), min_size=1)
QUERIES = WORDS.map(lambda text: " ".join(text.split())).filter(lambda text: text and text[0] not in " =+-@")
IDS = st.text("abcXYZ019_-./äß", min_size=1, max_size=8)
RATINGS = st.dictionaries(st.tuples(QUERIES, IDS), st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0]), min_size=1, max_size=12)


def run(capsys, *arguments):
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    return code, output.out + output.err


def read_ratings(path, **texts):
    rows = collect_pairs(open_rows(path, guess_format(path), Texts(**texts))).rows
    return {(row["query"], row["item_id"]): float(row["label"]) for row in rows if row["label"]}


def quepid_file(path, ratings):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("query", "docid", "rating"), *[(*pair, value) for pair, value in ratings.items()]])
    return path


@settings(deadline=None, max_examples=15)
@given(RATINGS)
def test_texts_and_ratings_survive_every_trip(tmp_path_factory, ratings):
    folder = tmp_path_factory.mktemp("trip")
    source = quepid_file(folder / "a.csv", ratings)
    for name, out in (("srw", "b.json"), ("quepid", "c.csv"), ("table", "d.jsonl"), ("table", "e.tsv")):
        path = folder / out
        convert(source, guess_format(source), Texts(), Target(path, name, kind=out.split(".")[1]))
        source = path
    assert read_ratings(source) == ratings


@settings(deadline=None, max_examples=15)
@given(RATINGS)
def test_qrels_give_back_texts_and_ratings(tmp_path_factory, ratings):
    folder = tmp_path_factory.mktemp("qrels")
    whole = {pair: float(int(value)) for pair, value in ratings.items()}
    source = quepid_file(folder / "a.csv", whole)
    convert(source, "quepid", Texts(), Target(folder / "q.txt", "qrels"))
    assert read_ratings(folder / "q.txt", queries=folder / "q.txt.queries.tsv") == whole


def test_losses_and_counts_are_printed(tmp_path, capsys):
    (tmp_path / "a.csv").write_text(QUEPID)
    code, text = run(capsys, tmp_path / "a.csv", tmp_path / "q.txt", "--to", "qrels")
    assert code == 0
    assert "read a.csv (quepid): 4 rows = pairs 2 + pairs without a rating 1 + queries without items 1" in text
    assert "lost: 1 pairs without a rating; 1 queries without items" in text
    assert re.fullmatch(r"(\w{16} 0 i[19] [13]\n){2}", (tmp_path / "q.txt").read_text())
    code, text = run(capsys, tmp_path / "a.csv", tmp_path / "b.csv", "--to", "quepid")
    assert "lost: nothing" in text and (tmp_path / "b.csv").read_text() == QUEPID


def test_broken_rows_are_counted_with_their_line(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("query,docid,rating\nshoe,i1,3\nshoe,i2,good\n,i3,1\nshoe,i1,3\n")
    code, text = run(capsys, tmp_path / "a.csv", tmp_path / "b.json")
    assert code == 0
    assert "4 rows = pairs 1 + ratings merged into others 1 + rows set aside 2" in text
    assert "set aside: a.csv (quepid), line 3: unknown rating: rating is 'good'" in text
    assert "line 4: no query: the row has neither a text nor an id" in text


def test_labels_become_grades_and_come_back(tmp_path, capsys):
    rows = "query_id,query,item_id,title,label\n" + "".join(f"q1,shoe,{name},T,{name}\n" for name in "ESCI")
    (tmp_path / "a.csv").write_text(rows)
    code, text = run(capsys, tmp_path / "a.csv", tmp_path / "q", "--to", "qrels", "--grades", "gains")
    assert (tmp_path / "q").read_text() == "q1 0 E 100\nq1 0 S 10\nq1 0 C 1\nq1 0 I 0\n"
    assert "lost: title (4 rows)" in text
    option = re.search(r"read them back with --labels (\S+)", text)[1]
    code, text = run(capsys, tmp_path / "q", tmp_path / "q2", "--to", "qrels", "--labels", option, "--grades", "gains")
    assert (tmp_path / "q2").read_text() == (tmp_path / "q").read_text()


def test_fractions_need_a_scale_for_qrels(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("query,docid,rating\nshoe,i1,2.33\n")
    code, text = run(capsys, tmp_path / "a.csv", tmp_path / "q", "--to", "qrels")
    assert code == 1 and "line 2: qrels hold whole numbers, and this rating is 2.33; name its scale" in text
    assert not list(tmp_path.glob("q*"))
    code, _ = run(capsys, tmp_path / "a.csv", tmp_path / "q", "--to", "qrels", "--labels", "1-3")
    assert code == 0 and (tmp_path / "q").read_text().endswith(" 0 i1 2\n")


def test_a_books_judges_survive_in_our_rows(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("query,docid,Ada,Bo\nshoe,i1,3.0,1.0\n")
    _, text = run(capsys, tmp_path / "a.csv", tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "query,item_id,label,rater\nshoe,i1,3.0,Ada\nshoe,i1,1.0,Bo\n"
    _, text = run(capsys, tmp_path / "a.csv", tmp_path / "b.json")
    assert "who gave which rating (1 merged)" in text and '"rating": "2.0"' in (tmp_path / "b.json").read_text()


def test_divided_raters_are_set_aside(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("query,item_id,label,rater\nshoe,i1,E,Ada\nshoe,i1,I,Bo\nshoe,i2,E,Bo\n")
    _, text = run(capsys, tmp_path / "a.csv", tmp_path / "b.json")
    assert "3 rows = pairs 1 + rows of divided raters 2" in text
    assert "line 2: raters are divided (E, I); let one more person rate the pair" in text


def test_predictions_become_a_run_without_ties(tmp_path, capsys):
    row = dict.fromkeys(contracts.PREDICTIONS.names) | {"query_id": "q1", "label": "Exact"}
    rows = [row | {"item_id": item, "score": score} for item, score in (("a", 0.5), ("b", 0.9), ("c", 0.5))]
    rows += [row | {"query_id": "q2", "item_id": "a", "score": 0.25}]
    contracts.write(rows, contracts.PREDICTIONS, tmp_path / "p.parquet")
    code, text = run(capsys, tmp_path / "p.parquet", tmp_path / "run", "--to", "run", "--name", "s1")
    lines = (tmp_path / "run").read_text().splitlines()
    assert lines == ["q1 Q0 b 1 3.0 s1", "q1 Q0 a 2 2.0 s1", "q1 Q0 c 3 1.0 s1", "q2 Q0 a 1 0.25 s1"]
    assert "scores of 3 rows, tied or absent: written are ranks from below" in text


def test_ids_with_blanks_cannot_stand_in_qrels(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("query,docid,rating\nshoe,i 1,3\nshoe,i2,1\n")
    _, text = run(capsys, tmp_path / "a.csv", tmp_path / "q", "--to", "qrels")
    assert "pairs 1 + rows set aside 1" in text and "line 2: item_id 'i 1' holds white space" in text


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("query,docid,rating\n", ["--to", "srw"], "nothing can be written to out: 0 rows = 0"),
        ("q1 0 i1 3\n", ["--to", "srw"], "nothing can be written to out: .*line 1: no query text; give the texts with"),
        ("q1 0 i1 3\n", [], "out: name the format to write with --to, one of quepid, srw, qrels"),
        ("q1 0 i1 -1\n", ["--to", "quepid"], "nothing can be written to out: .*line 1: no query text; give the texts"),
        ("query,docid,title,rating\na,b,c,3\n", ["--to", "srw"], "nothing .*no pair has a rating: name their column"),
        ("query,item_id,label\na,b,good\n", ["--to", "srw"], r"labels without a number: 'good' \(1 rows\); say what"),
        ("query,docid,rating\na,b,1\n", ["--to", "srw", "--grades", "x"], "--grades: 'x' cannot be read: write LABEL="),
        ("query,docid,rating\na,b,1\n", ["--to", "table"], "out: rows are written as .csv, .tsv"),
        ("a,b\n1,2\n", ["--to", "srw"], "a.csv has no column query or query_id; it has a, b: name it with --columns"),
    ],
)
def test_what_cannot_be_converted_says_why(tmp_path, capsys, text, options, error):
    (tmp_path / "a.csv").write_text(text)
    code, output = run(capsys, tmp_path / "a.csv", tmp_path / "out", *options)
    assert code == 1 and re.search(f"stopped: {error}", output), output
    assert not (tmp_path / "out").exists()


def test_two_spellings_of_a_query_stay_apart(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("query,docid,rating\nRed Shoe,i1,3.0\nred shoe,i1,1.0\n")
    run(capsys, tmp_path / "a.csv", tmp_path / "b.json")
    entries = json.loads((tmp_path / "b.json").read_text())["judgmentRatings"]
    assert [(entry["query"], entry["ratings"][0]["rating"]) for entry in entries] == [
        ("Red Shoe", "3.0"),
        ("red shoe", "1.0"),
    ]
    (tmp_path / "c.csv").write_text("query_id,query,item_id,label\nq1,shoe,i1,3\nq1,hose,i1,3\n")
    _, text = run(capsys, tmp_path / "c.csv", tmp_path / "q", "--to", "qrels")
    assert "line 3: query id conflict: q1 is" in text


def test_every_format_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("quepid-book", "srw-csv", "rank-eval", "home-depot", "wands", "esci"))
