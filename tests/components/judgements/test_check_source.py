"""What a person should know of a source is said before a run starts."""

import pytest

from components.judgements.config import PrepareConfig
from components.judgements.prepare import check_source
from tests.components.judgements.sources import GOOD, csv_file, many_rows


def check(path, **config) -> list[str]:
    return check_source(path, {}, PrepareConfig(**config))


def test_a_good_source_needs_no_word(tmp_path):
    assert check(csv_file(tmp_path / "a.csv", many_rows(300))) == []


def test_unknown_labels_stop_a_run_with_the_option(tmp_path):
    rows = [row | {"label": "0123"[n % 4]} for n, row in enumerate(many_rows())]
    path = csv_file(tmp_path / "a.csv", rows)
    with pytest.raises(ValueError, match=r"a.csv.*: 180 rows have labels .*'0' \(45 rows\).* --labels 0-3"):
        check(path)
    assert "3 of the 4 labels: nobody gave Complement" in check(path, labels="0-3")[0]


def test_a_few_unknown_labels_are_named(tmp_path):
    rows = many_rows(300) + [GOOD | {"item_id": "i9", "label": "?"}]
    (warning,) = check(csv_file(tmp_path / "a.csv", rows))
    assert "1 rows have labels that are none of Exact (E)" in warning and "'?' (1 rows)" in warning


def test_too_few_queries_are_refused(tmp_path):
    with pytest.raises(ValueError, match="too few to train and compare models: judge at least 10 different query"):
        check(csv_file(tmp_path / "a.csv", many_rows(4)))


def test_quarantined_rows_are_named_with_an_example(tmp_path):
    rows = many_rows(300) + [GOOD | {"query_id": "q1", "query": f"sock {n}"} for n in range(5)]
    (warning,) = check(csv_file(tmp_path / "a.csv", rows))
    assert "a.csv: 5 of 905 rows are quarantined, as line 902: query id conflict: q1 is 'shoe 1' already" in warning


def test_few_valid_queries_are_named(tmp_path):
    warnings = check(csv_file(tmp_path / "a.csv", many_rows(60)))
    assert "queries in the valid split: a difference between two models is hard to tell below 30" in warnings[-1]


def test_labels_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(ValueError, match="--labels: 'great' cannot be read"):
        check(csv_file(tmp_path / "a.csv", many_rows()), labels="great")
