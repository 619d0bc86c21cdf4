"""Two packages are asked the same in turn: their time, and the hand-checked pairs."""

import json

import pytest

from components import contracts
from components.packaging.benchmark import CHECKED, rightly, side_by_side
from components.scoring.scorer import Scorer
from testing.student_fixtures import training_rows
from testing.tiny_package import write_package


@pytest.fixture
def tiny(tmp_path):
    write_package(tmp_path / "tiny")
    contracts.write(training_rows(4), contracts.TRAINING_SET, tmp_path / "rows")
    return tmp_path / "tiny"


def test_a_package_beside_itself_takes_its_own_time_and_loses_nothing(tiny, tmp_path):
    said = side_by_side(tiny, tiny, tmp_path / "rows")
    assert 0.2 < said["latency_ratio"] < 5 and said["cpu_ms_candidate"] > 0
    assert said["checked_right_candidate"] == said["checked_right_baseline"] and said["checked_lost"] == []


def test_each_hand_checked_pair_is_a_request_of_its_own_as_the_dark_launch_asks_it(tiny, tmp_path, monkeypatch):
    sizes, score = [], Scorer.__call__
    monkeypatch.setattr(Scorer, "__call__", lambda scorer, pairs: sizes.append(len(pairs)) or score(scorer, pairs))
    said = side_by_side(tiny, tiny, tmp_path / "rows")
    assert sizes[-64:] == [1] * 64 and 1 not in sizes[:-64]
    assert len(said["checked_answers"]) == 32 and all(0 <= row["exact"] <= 1 for row in said["checked_answers"])


def test_hand_checked_pairs_are_eight_of_each_label_and_are_asked_whole():
    rows = [json.loads(line) for line in CHECKED.read_text().splitlines()]
    assert {label: sum(row["label"] == label for row in rows) for label in contracts.LABELS} == dict.fromkeys(
        contracts.LABELS, 8
    )
    assert len({(row["query"], row["title"]) for row in rows}) == 32


def test_a_pair_is_right_where_it_gets_its_label(tiny):
    rows = [{"query": "", "title": title, "label": "Exact"} for title in ("red", "hose")]
    assert rightly(Scorer(tiny)([("", row["title"]) for row in rows]).labels, rows) == [True, False]


def test_without_a_valid_pair_there_is_nothing_to_time(tiny, tmp_path):
    contracts.write([], contracts.TRAINING_SET, tmp_path / "none")
    with pytest.raises(ValueError, match="no pair in the split 'valid': nothing to time"):
        side_by_side(tiny, tiny, tmp_path / "none")
