"""The label audit: who is asked about what, what a spreadsheet makes of it, and the agreement with its interval."""

import csv
import io

import pytest

from components import contracts
from components.contracts import LABELS
from components.judgements.audit import (
    AuditConfig,
    agreement,
    answers,
    audit,
    harmless,
    judged,
    mover,
    proportion,
    sample,
    write_sample,
)
from testing.rows import judgement

CONFIG = AuditConfig(rows=8)
ROWS = [judgement(item_id=f"i{n}", label=LABELS[0 if n % 10 else 2]) for n in range(60)]
HEAD = "query_id,item_id,query,title,brand,category,attributes,human_label,comment\n"


def csv_of(*rows, head=HEAD):
    return (head + "".join(f"{query},{item},,,,,,{label},\n" for query, item, label in rows)).encode()


def agreed(*pairs, counts=None):
    """The agreement of (judged, human) labels, one pair each."""
    judged_labels = {("q", str(n)): one for n, (one, _) in enumerate(pairs)}
    said = {("q", str(n)): other for n, (_, other) in enumerate(pairs)}
    return agreement(judged_labels, said, counts or dict.fromkeys(LABELS, 1), AuditConfig())


def test_a_sample_is_as_much_of_each_label_as_there_is_and_the_same_again():
    chosen, counts = sample(ROWS, CONFIG)
    assert [row["label"] for row in chosen].count("Exact") == [row["label"] for row in chosen].count("Complement") == 2
    assert counts == {"Exact": 54, "Complement": 6}
    assert chosen == sample(reversed(ROWS), CONFIG)[0] != sample(ROWS, AuditConfig(rows=8, seed=1))[0]


def test_the_person_does_not_see_the_judged_label(tmp_path):
    write_sample(ROWS[:2], tmp_path / "audit.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "audit.csv").read_text("utf-8-sig"))))
    assert [row["human_label"] for row in rows] == ["", ""] and "label" not in rows[0]
    assert "Exact" not in (tmp_path / "audit.csv").read_text()


@pytest.mark.parametrize("text", ["=1+1", "+49", "-5", "@x", "'quoted", "plain"])
def test_no_cell_is_a_formula_and_ids_come_back_as_they_were(text, tmp_path):
    assert not harmless(text).startswith(("=", "+", "-", "@"))
    write_sample([judgement(query_id=text, item_id=text, title=text)], tmp_path / "audit.csv")
    filled = (tmp_path / "audit.csv").read_bytes().replace(b",,", b",E,")
    assert answers(filled, "audit.csv") == {(text, text): "Exact"}


def test_labels_are_read_by_name_or_letter_and_empty_ones_are_left_out():
    said = answers(csv_of(("q", "1", "exact"), ("q", "2", "S"), ("q", "3", "")), "a.csv")
    assert said == {("q", "1"): "Exact", ("q", "2"): "Substitute"}


def test_a_file_that_excel_saved_with_semicolons_is_read():
    content = b"\xef\xbb\xbf" + csv_of(("q", "1", "I")).replace(b",", b";")
    assert answers(content, "a.csv") == {("q", "1"): "Irrelevant"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (csv_of(("q", "1", "good")), "a.csv, line 2: human_label is 'good'; give one of Exact, Substitute"),
        (csv_of(("q", "1", "E"), ("q", "1", "S")), "line 3: the pair .* is there twice"),
        (csv_of(head="query_id,item_id\n"), r"a.csv has no column \['human_label'\]; keep the columns"),
        (csv_of() + b"q,1\n", "line 2: the row is cut off; it needs all 9 columns"),
        (HEAD.encode("utf-16"), "a.csv is not UTF-8"),
        (b"", "has no column"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(content, sentence):
    with pytest.raises(ValueError, match=sentence):
        answers(content, "a.csv")


def test_a_pair_that_is_not_judged_is_named():
    with pytest.raises(ValueError, match=r"1 audited pairs are not among the judgements, \('q1', 'new'\)"):
        judged(ROWS, {("q1", "new"): "Exact", ("q1", "i1"): "Exact"})


def test_labels_weigh_as_often_as_they_are_judged_and_the_interval_is_movers():
    said = agreed(("Exact", "Exact"), ("Complement", "Exact"), counts={"Exact": 9, "Complement": 1})
    whole = said["agreement"]
    assert whole["agreement"] == pytest.approx(0.9)  # 0.9 x 1 + 0.1 x 0
    # Wilson of 1 of 1 is 0.2065 to 1, of 0 of 1 is 0 to 0.7935: 0.9 x 0.7935 below, 0.1 x 0.7935 above
    assert (whole["low"], whole["high"]) == pytest.approx((0.9 - 0.9 * 0.7935, 0.9 + 0.1 * 0.7935), abs=1e-4)
    assert said["judged_and_human"] == [["Complement", "Exact", 1], ["Exact", "Exact", 1]]


def test_a_label_that_nobody_audited_is_named_and_the_others_weigh_more():
    said = agreed(("Exact", "Exact"), ("Substitute", "Irrelevant"), counts=dict.fromkeys(LABELS, 5))
    assert said["not_audited_labels"] == ["Complement", "Irrelevant"] and said["agreement"]["agreement"] == 0.5


def test_one_label_alone_has_wilsons_own_interval():
    part = proportion(9, 10, AuditConfig())
    assert mover({"Exact": part}, {"Exact": 1.0}) == pytest.approx({k: part[k] for k in ("agreement", "low", "high")})
    assert (part["low"], part["high"]) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson 1927, 9 of 10


def test_an_empty_sheet_is_not_audited_and_neither_is_no_sheet(tmp_path):
    assert agreed()["figure"] == "not audited: nothing is filled in yet"
    contracts.write(ROWS, contracts.JUDGEMENTS, tmp_path / "judgements")
    said = audit(tmp_path / "judgements", "", CONFIG, tmp_path / "audit.csv")
    assert (said["rows_in"], said["rows_out"], said["set_aside"], said["status"]) == (60, 4, 56, "not audited")
