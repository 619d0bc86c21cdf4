"""What the cluster suite's tables become in figures."""

import json

import pytest

from bench.cluster.measure import main, read_tables, summarise
from bench.cluster.night import main as night
from components import blobs, storage
from components.settings import Settings

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


def test_several_runs_are_added_up(tmp_path):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE))
    figures = summarise(read_tables([path, path], "doubles"))
    assert (figures["tests_passed"], figures["tests_skipped"], figures["releases"]) == (14, 2, 8)


def test_doubles_are_not_taken_for_a_cluster(tmp_path):
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE))
    with pytest.raises(ValueError, match="was not written by a run on a real cluster"):
        main(["--doubles", str(path), "--real", str(path), "--not-run", "nothing"], tmp_path)


def test_changed_tensors_count_as_a_nights_artifacts(tmp_path, s3):
    storage.ensure_bucket()
    storage.remove_folder(blobs.PREFIX)  # of other tests
    for name in ("kfp/run/a/1/model", "kfp/run/b/2/model", "kfp/other/a/1/model", f"{blobs.PREFIX}/abc"):
        storage.put_bytes(name, bytes(1_000_000))
    path = tmp_path / "night.json"
    assert night([f"{Settings().s3_bucket}/kfp/run", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert figures["night_artifacts_mb"] == 3.0 and figures["night_artifacts_over_today"] == 0.001
    assert figures["night_tensors_mb"] == 1.0


def test_a_night_that_left_nothing_is_no_figure(tmp_path, s3, capsys):
    storage.ensure_bucket()
    with pytest.raises(SystemExit):
        night([f"{Settings().s3_bucket}/kfp/nobodys", str(tmp_path / "night.json")])
    assert "nothing is below" in capsys.readouterr().err and not list(tmp_path.iterdir())
