"""Two packages side by side: their time, and the golden pairs."""

from collections import Counter

import pytest

from components import contracts
from components.packaging.benchmark import (
    GoldenResult,
    compare_packages,
    golden_pairs,
    golden_regressions,
    score_golden_pairs,
)
from components.scoring.scorer import Scorer
from testing.student_fixtures import training_rows
from testing.tiny_package import write_package


@pytest.fixture
def package(tmp_path):
    write_package(tmp_path / "tiny")
    contracts.write(training_rows(4), contracts.TRAINING_SET, tmp_path / "rows")
    return tmp_path / "tiny"


def test_a_package_loses_nothing_against_itself(package, tmp_path):
    details = compare_packages(package, package, tmp_path / "rows").details
    assert 0.2 < details["latency_ratio"] < 5 and details["cpu_ms_candidate"] > 0
    assert details["checked_right_candidate"] == details["checked_right_baseline"]
    assert details["checked_lost"] == []


def test_each_golden_pair_is_its_own_request(package, tmp_path, monkeypatch):
    sizes = []
    score = Scorer.__call__
    monkeypatch.setattr(Scorer, "__call__", lambda scorer, pairs: sizes.append(len(pairs)) or score(scorer, pairs))
    details = compare_packages(package, package, tmp_path / "rows").details
    assert sizes[-64:] == [1] * 64 and 1 not in sizes[:-64]
    assert len(details["checked_answers"]) == 32
    assert all(0 <= answer["exact"] <= 1 for answer in details["checked_answers"])


def test_golden_pairs_are_eight_of_each_label():
    pairs = golden_pairs()
    assert Counter(pair["label"] for pair in pairs) == dict.fromkeys(contracts.LABELS, 8)
    assert len({(pair["query"], pair["title"]) for pair in pairs}) == 32


def test_a_golden_pair_is_right_with_its_label(package):
    pairs = [{"query": "", "title": title, "label": "Exact"} for title in ("red", "hose")]
    assert score_golden_pairs(Scorer(package), pairs).is_right == [True, False]


def test_regressions_are_pairs_the_candidate_loses():
    pairs = [{"query": "shoe", "title": title, "label": "Exact"} for title in ("red", "blue")]
    candidate = GoldenResult([True, False], [1.0, 0.0])
    baseline = GoldenResult([False, True], [0.0, 1.0])
    assert golden_regressions(pairs, candidate, baseline) == ["shoe / blue: Exact"]


def test_without_a_valid_pair_nothing_is_timed(package, tmp_path):
    contracts.write([], contracts.TRAINING_SET, tmp_path / "none")
    with pytest.raises(ValueError, match="no pair in the split 'valid': nothing to time"):
        compare_packages(package, package, tmp_path / "none")
