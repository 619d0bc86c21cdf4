"""What a person should know of a source is said before a run starts."""

import pytest

from components.judgements.config import PrepareConfig
from components.judgements.prepare import SourceCheck, check_source
from tests.components.judgements.sources import GOOD, csv_file, many_rows


def check(path, **config) -> SourceCheck:
    return check_source(path, {}, PrepareConfig(**config))


def test_a_good_source_needs_no_word(tmp_path):
    assert check(csv_file(tmp_path / "a.csv", many_rows(300))) == SourceCheck([], "")


def test_unknown_labels_stop_a_run_with_the_option(tmp_path):
    rows = [row | {"label": "0123"[n % 4]} for n, row in enumerate(many_rows())]
    path = csv_file(tmp_path / "a.csv", rows)
    with pytest.raises(ValueError, match=r"a.csv.*: 180 rows have labels .*'0' \(45 rows\).* --labels 0-3"):
        check(path)
    result = check(path, labels="0-3")
    assert "3 of the 4 labels: nobody gave Complement" in result.warnings[0] and not result.problem


def test_one_unknown_label_in_fifty_stops_a_run(tmp_path):
    rows = many_rows() + [GOOD | {"item_id": f"i{n}", "label": "Partial"} for n in range(4)]
    result = check(csv_file(tmp_path / "a.csv", rows))
    assert "'Partial' (4 rows)" in result.problem and "--labels exact-partial-irrelevant" in result.problem
    assert result.problem not in result.warnings


def test_a_few_unknown_labels_are_named(tmp_path):
    rows = many_rows(300) + [GOOD | {"item_id": "i9", "label": "?"}]
    (warning,) = check(csv_file(tmp_path / "a.csv", rows)).warnings
    assert "1 rows have labels that are none of Exact (E)" in warning and "'?' (1 rows)" in warning


def test_too_few_queries_are_refused(tmp_path):
    result = check(csv_file(tmp_path / "a.csv", many_rows(4)))
    assert "too few to train and compare models: judge at least 10 different query texts" in result.problem


def test_a_source_without_train_is_refused(tmp_path):
    rows = [row | {"split": "valid"} for row in many_rows(20)]
    rows += [row | {"split": "test", "query_id": f"t{n}", "query": f"sock {n}"} for n, row in enumerate(rows)]
    problem = check(csv_file(tmp_path / "a.csv", rows)).problem
    assert "a.csv has 0 train and 20 valid queries: a model learns from train. Give most queries `train`" in problem


def test_quarantined_rows_are_named_with_an_example(tmp_path):
    rows = many_rows(300) + [GOOD | {"query_id": "q1", "query": f"sock {n}"} for n in range(5)]
    (warning,) = check(csv_file(tmp_path / "a.csv", rows)).warnings
    assert "a.csv: 5 of 905 rows are quarantined, as line 902: query id conflict: q1 is 'shoe 1' already" in warning


def test_few_valid_queries_are_named(tmp_path):
    warnings = check(csv_file(tmp_path / "a.csv", many_rows(60))).warnings
    assert "queries in the valid split: a difference between two models is hard to tell below 30" in warnings[-1]


def test_few_valid_queries_stop_a_run(tmp_path):
    rows = [row | {"split": "valid" if row["query_id"] == "q1" else "train"} for row in many_rows(20)]
    problem = check(csv_file(tmp_path / "a.csv", rows)).problem
    assert problem == (
        "a.csv has 19 train and 1 valid queries: models are compared on at least 3 valid queries. "
        "Judge more query texts, or give the rows of 3 queries `valid` in the column split"
    )


def test_a_single_label_stops_a_run(tmp_path):
    rows = [row | {"label": "Exact"} for row in many_rows(60, 2)]
    assert check(csv_file(tmp_path / "a.csv", rows)).problem == (
        "a.csv has one label in its train split, Exact: a model learns nothing from it. "
        "Add pairs of another label, for example items that do not answer their query as Irrelevant"
    )


def test_quarantine_of_most_rows_stops_a_run(tmp_path):
    rows = [row | {"title": "" if n < 80 else "shoe", "label": "E"} for n, row in enumerate(many_rows(40))]
    rows[100] |= {"query": ""}
    result = check(csv_file(tmp_path / "a.csv", rows))
    assert result.problem == (
        "a.csv: 80 of 120 rows are quarantined, as line 2: empty title. Quarantined are 81 of 120 in all, more than "
        "half: fill in the title of every row, or name its column with --columns title=ITS_NAME"
    )
    assert not any("empty title" in warning for warning in result.warnings)


def test_copies_never_stop_a_run(tmp_path):
    assert not check(csv_file(tmp_path / "a.csv", many_rows(60) * 3)).problem


def test_labels_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match="--labels: 'great' cannot be read"):
        check(csv_file(tmp_path / "a.csv", many_rows()), labels="great")
