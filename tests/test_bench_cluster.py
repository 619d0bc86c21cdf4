"""What the cluster suite's tables become in figures."""

import json

import pytest

from bench.cluster.measure import main, summarise

TABLE = {
    "world": "doubles",
    "versions": {},
    "tally": {"releases": 4, "killed": 3, "samples": 90, "share violations": 0},
    "figures": {"canary_to_weights_seconds": 3.0},
    "outcomes": {"test_release.py": {"passed": 5}, "test_sequences.py": {"passed": 2, "skipped": 1}},
}


def test_tests_are_counted_over_files():
    figures = summarise(TABLE)
    assert figures["tests_passed"] == 7 and figures["tests_skipped"] == 1
    assert figures["share_violations"] == 0 and figures["canary_to_weights_seconds"] == 3.0


def test_doubles_are_not_taken_for_a_cluster(tmp_path):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE))
    with pytest.raises(ValueError, match="was not written by a run on a real cluster"):
        main([str(path), str(path), "--not-run", "nothing"], tmp_path)
