"""Several raters of a pair: the majority or the median counts, and agreement is measured."""

import numpy as np
import pytest

from components.agreement import alpha, coincidences, measure_agreement
from tests.components.judgements.sources import GOOD, csv_file

# the example of Krippendorff (2011), Computing Krippendorff's Alpha-Reliability: four raters of twelve units.
# The package `krippendorff` 0.9.0 gives the same figures.
RATERS = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
UNITS = [[int(rater[unit]) for rater in RATERS if rater[unit] != "."] for unit in range(12)]


def count_votes(units: list[list[int]]) -> np.ndarray:
    return np.array([[unit.count(value) for value in range(1, 6)] for unit in units])


@pytest.mark.parametrize(("is_ordinal", "expected"), [(False, 0.743), (True, 0.815)])
def test_alpha_is_that_of_krippendorffs_example(is_ordinal, expected):
    totals = coincidences(count_votes(UNITS)).sum(axis=0)
    assert alpha(totals, is_ordinal) == pytest.approx(expected, abs=5e-4)


def test_alpha_is_one_where_all_agree():
    same = {("q1", "i1"): ["E", "E"], ("q2", "i2"): ["I", "I"]}
    assert measure_agreement(same, ["E", "I"], False)["alpha"] == 1.0
    assert measure_agreement({("q1", "i1"): ["E", "E"]}, ["E"], False)["alpha"] is None


def rate(*labels: str, **fields) -> list[dict]:
    return [GOOD | {"label": label, "rater": f"r{n}"} | fields for n, label in enumerate(labels)]


def test_the_majority_of_raters_counts(tmp_path, prepare_source):
    rows = rate("I", "E", "E") + rate("E", "S", "S", query_id="q2", query="jacket")
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert [row["label"] for row in tables.judgements] == ["Exact", "Substitute"]
    raters = tables.details["raters"]
    assert (raters["pairs"], raters["ratings"], raters["disputed_pairs"], raters["divided_pairs"]) == (2, 6, 2, 0)
    assert raters["level"] == "nominal" and raters["low"] <= raters["alpha"] <= raters["high"]


def test_merged_ratings_are_not_quarantined(tmp_path, prepare_source):
    rows = rate("I", "E", "E") + rate("E", "E", query_id="q2", query="jacket")
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert not tables.quarantine and tables.details["merged_ratings"] == 3
    assert (tables.result.rows_in, tables.result.rows_out, tables.result.quarantined) == (2, 2, 0)
    sentence = "a.csv: 2 pairs have several ratings: raters disagree on 1; 0 have no majority and are quarantined"
    assert any(warning.startswith(sentence) for warning in tables.details["warnings"])


def test_divided_raters_give_no_judgement(tmp_path, prepare_source):
    rows = rate("E", "S") + rate("E", query_id="q2", query="jacket")
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert [row["query_id"] for row in tables.judgements] == ["q2"]
    assert [reason for _, reason in tables.reasons] == ["raters are divided: Exact 1, Substitute 1"] * 2
    assert "1 have no majority and are quarantined" in " ".join(tables.details["warnings"])


def test_graded_ratings_have_a_median(tmp_path, prepare_source):
    tables = prepare_source(csv_file(tmp_path / "a.csv", rate("3", "2", "0")), labels="0-3")
    assert tables.judgements[0]["label"] == "Substitute"
    assert tables.details["raters"]["level"] == "ordinal"


def test_raters_may_have_a_column_each(tmp_path, prepare_source):
    row = {"query": "shoe", "docid": "1", "title": "Red shoe", "Ada L": "3.0", "Bo": "2.0", "Anonymous": "3"}
    rows = [row, row | {"docid": "2", "Ada L": "", "Bo": "0", "Anonymous": ""}]
    rows += [row | {"docid": "3", "Ada L": "", "Bo": "", "Anonymous": ""}]
    columns = "item_id=docid,label=Ada L+Bo+Anonymous"
    tables = prepare_source(csv_file(tmp_path / "book.csv", rows), columns, labels="0-3")
    assert [(row["item_id"], row["label"]) for row in tables.judgements] == [("1", "Exact"), ("2", "Irrelevant")]
    assert (4, "unrated: the row has no label") in tables.reasons
    assert tables.details["raters"]["pairs"] == 1
    with pytest.raises(ValueError, match="book.csv has no column 'Cy' for label"):
        prepare_source(tmp_path / "book.csv", "item_id=docid,label=Ada L+Cy", labels="0-3")


def test_a_rater_counts_once(tmp_path, prepare_source):
    rows = rate("E", "I", "I") + [GOOD | {"label": "E", "rater": "r0"}] * 2
    tables = prepare_source(csv_file(tmp_path / "a.csv", rows))
    assert tables.judgements[0]["label"] == "Irrelevant"
    assert tables.details["quarantined_by_reason"] == {"duplicate": 2} and tables.details["merged_ratings"] == 2


def test_rows_without_a_rater_vote_where_they_differ(tmp_path, prepare_source):
    tables = prepare_source(csv_file(tmp_path / "a.csv", [GOOD | {"label": label} for label in "IEE"]))
    assert tables.judgements[0]["label"] == "Exact"
    assert tables.details["raters"]["disputed_pairs"] == 1


def test_equal_rows_without_a_rater_are_copies(tmp_path, prepare_source):
    tables = prepare_source(csv_file(tmp_path / "a.csv", [GOOD, GOOD]))
    assert tables.reasons == [(3, "duplicate: a.csv:2 has it")]
    assert tables.details["raters"] == {}
