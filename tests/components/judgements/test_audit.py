"""The label audit: its sample, the sheet that a spreadsheet leaves, and the agreement with its interval."""

import csv
import io

import pytest

from components import contracts
from components.contracts import LABELS
from components.judgements.audit import (
    AuditConfig,
    audit,
    combine_shares,
    compare_sheet,
    draw_sample,
    find_labels,
    measure_agreement,
    measure_share,
)
from components.judgements.audit_sheet import escape_formula, read_sheet, write_sheet
from testing.rows import judgement

CONFIG = AuditConfig(rows=8)
ROWS = [judgement(item_id=f"i{n}", label=LABELS[0 if n % 10 else 2]) for n in range(60)]
HEAD = "query_id,item_id,query,title,brand,category,attributes,human_label,comment\n"


def sheet_bytes(*rows, head=HEAD) -> bytes:
    return (head + "".join(f"{query},{item},,,,,,{label},\n" for query, item, label in rows)).encode()


def agree(*pairs, counts=None) -> dict:
    """Return the agreement of (judged, human) labels, one pair each."""
    labels = {("q", str(number)): label for number, (label, _) in enumerate(pairs)}
    human_labels = {("q", str(number)): label for number, (_, label) in enumerate(pairs)}
    return measure_agreement(labels, human_labels, counts or dict.fromkeys(LABELS, 1), AuditConfig())


def test_a_sample_is_balanced_and_repeats():
    rows, counts = draw_sample(ROWS, CONFIG)
    labels = [row["label"] for row in rows]
    assert labels.count("Exact") == labels.count("Complement") == 2
    assert counts == {"Exact": 54, "Complement": 6}
    assert rows == draw_sample(reversed(ROWS), CONFIG)[0]
    assert rows != draw_sample(ROWS, AuditConfig(rows=8, seed=1))[0]


def test_the_person_does_not_see_the_judged_label(tmp_path):
    write_sheet(ROWS[:2], tmp_path / "audit.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "audit.csv").read_text("utf-8-sig"))))
    assert [row["human_label"] for row in rows] == ["", ""] and "label" not in rows[0]
    assert "Exact" not in (tmp_path / "audit.csv").read_text()


@pytest.mark.parametrize("text", ["=1+1", "+49", "-5", "@x", "'quoted", "plain"])
def test_no_cell_is_a_formula(text, tmp_path):
    assert not escape_formula(text).startswith(("=", "+", "-", "@"))
    write_sheet([judgement(query_id=text, item_id=text, title=text)], tmp_path / "audit.csv")
    content = (tmp_path / "audit.csv").read_bytes().replace(b",,", b",E,")
    assert read_sheet(content, "audit.csv").labels == {(text, text): "Exact"}


def test_labels_are_names_or_letters():
    sheet = read_sheet(sheet_bytes(("q", "1", "exact"), ("q", "2", "S"), ("q", "3", "")), "a.csv")
    assert sheet.labels == {("q", "1"): "Exact", ("q", "2"): "Substitute"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_excel_saves_is_read(encoding):
    content = sheet_bytes(("q", "1", "I")).replace(b",", b";").decode().encode(encoding)
    assert read_sheet(content, "a.csv").labels == {("q", "1"): "Irrelevant"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (sheet_bytes(("q", "1", "good")), "a.csv, line 2: human_label is 'good'; give one of Exact, Substitute"),
        (sheet_bytes(("q", "1", "E"), ("q", "1", "S")), "line 3: the pair .* is there twice"),
        (sheet_bytes(head="query_id,item_id\n"), r"a.csv has no column \['human_label'\]; keep the columns"),
        (b"", "has no column"),
    ],
)
def test_an_unreadable_sheet_names_the_remedy(content, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_sheet(content, "a.csv")


def test_a_cut_off_row_costs_itself_alone(tmp_path):
    sheet = read_sheet(sheet_bytes(("q1", "i1", "E")) + b"q,1\n", "a.csv")
    assert sheet.labels == {("q1", "i1"): "Exact"}
    assert sheet.broken_rows == ["line 3: wrong number of fields: 2, where the header has 9; the row is cut off"]
    contracts.write(ROWS, contracts.JUDGEMENTS, tmp_path / "judgements")
    details = compare_sheet(tmp_path / "judgements", sheet, {"Exact": 54, "Complement": 6}, CONFIG)
    assert "1 audited; 1 rows cannot be read, line 3: wrong number" in details["headline"]


def test_a_pair_that_is_not_judged_is_named():
    with pytest.raises(ValueError, match=r"1 audited pairs are not among the judgements, \('q1', 'new'\)"):
        find_labels(ROWS, {("q1", "new"): "Exact", ("q1", "i1"): "Exact"})


def test_labels_weigh_as_often_as_they_are_judged():
    result = agree(("Exact", "Exact"), ("Complement", "Exact"), counts={"Exact": 9, "Complement": 1})
    overall = result["agreement"]
    assert overall["agreement"] == pytest.approx(0.9)  # 0.9 x 1 + 0.1 x 0
    # Wilson of 1 of 1 is 0.2065 to 1, of 0 of 1 is 0 to 0.7935: 0.9 x 0.7935 below, 0.1 x 0.7935 above
    assert (overall["low"], overall["high"]) == pytest.approx((0.9 - 0.9 * 0.7935, 0.9 + 0.1 * 0.7935), abs=1e-4)
    assert result["judged_and_human"] == [["Complement", "Exact", 1], ["Exact", "Exact", 1]]


def test_a_label_that_nobody_audited_is_named():
    result = agree(("Exact", "Exact"), ("Substitute", "Irrelevant"), counts=dict.fromkeys(LABELS, 5))
    assert result["not_audited_labels"] == ["Complement", "Irrelevant"]
    assert result["agreement"]["agreement"] == 0.5


def test_one_label_alone_has_wilsons_own_interval():
    share = measure_share(9, 10, AuditConfig())
    bounds = {name: share[name] for name in ("agreement", "low", "high")}
    assert combine_shares({"Exact": share}, {"Exact": 1.0}) == pytest.approx(bounds)
    assert (share["low"], share["high"]) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # Wilson 1927, 9 of 10


def test_an_empty_sheet_is_not_audited(tmp_path):
    assert agree()["headline"] == "not audited: nothing is filled in yet"
    contracts.write(ROWS, contracts.JUDGEMENTS, tmp_path / "judgements")
    result = audit(tmp_path / "judgements", "", CONFIG, tmp_path / "audit.csv")
    assert (result.rows_in, result.rows_out, result.quarantined) == (60, 4, 56)
    assert result.details["status"] == "not audited"
