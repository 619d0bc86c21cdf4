"""Old nights go from S3, but for what serves, is tried, is named by their lineage, or was used since."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from components import storage
from components.release import sweep
from components.release.sweep import main, sweep_nights
from components.release.training_run import artifacts_root
from components.release_state import ReleaseState
from components.release_store import NIGHTS, update_state
from components.settings import Settings
from testing.servers import environment

pytestmark = pytest.mark.slow
PREFIXES = ("blobs", "packages", "packages-expected", "rationales", "checkpoints", "trainjobs", NIGHTS, "artifacts")


@pytest.fixture
def bucket(s3):
    """Empty what nights leave in the bucket."""
    for prefix in PREFIXES:
        storage.remove_folder(prefix)


def write_night(number: int, **values) -> None:
    """Write what the night of a number left, and its record, in this moment."""
    teacher = f"teacher-{number}-digest"
    storage.put_bytes(f"blobs/change-{number}", b"weights")
    storage.put_bytes(f"rationales/{teacher[:16]}/1-00/000000.parquet", b"rows")
    storage.put_json(f"packages/student-{number}/lineage.json", {"teachers": [teacher]})
    storage.put_json(f"packages-expected/student-{number}.json", {})
    storage.put_bytes(f"artifacts/retrain/run-{number}/fine-tune/model", b"reference")
    time.sleep(1.1)  # S3 keeps times in seconds
    night = {
        "time": datetime.now(UTC).isoformat(),
        "version": f"student-{number}",
        "models": {teacher: [f"change-{number}"]},
        "artifacts": f"minio://{Settings().s3_bucket}/artifacts/retrain/run-{number}",
    }
    storage.put_json(f"{NIGHTS}/{number:04d}.json", night | values)


def names(prefix: str) -> set[str]:
    return {name.split("/")[1].removesuffix(".json") for name in storage.list_names(prefix)}


def test_old_nights_go_and_new_ones_stay(bucket):
    for number in (1, 2, 3):
        write_night(number)
    result = sweep_nights(keep=2)
    assert (result.swept_nights, result.kept_nights) == (1, 2)
    assert names("blobs") == {"change-2", "change-3"} and names("packages") == {"student-2", "student-3"}
    assert names("rationales") == {"teacher-2-digest", "teacher-3-digest"}
    assert names("packages-expected") == {"student-2", "student-3"}
    runs = {name.split("/")[2] for name in storage.list_names("artifacts/retrain")}
    assert runs == {"run-2", "run-3"} and result.headline == "1 nights swept, 0 MB; 2 kept"


def test_a_second_sweep_finds_nothing(bucket):
    for number in (1, 2):
        write_night(number)
    assert sweep_nights(keep=1).bytes > 0
    again = sweep_nights(keep=1)
    assert (again.bytes, again.swept_nights) == (0, 0)


@pytest.mark.parametrize("role", ["stable", "candidate", "next_candidate"])
def test_what_serves_stays_with_its_teacher(bucket, role):
    for number in (1, 2, 3):
        write_night(number)
    update_state(lambda state: ReleaseState(**{role: "student-1"}), "a version is in the release")
    sweep_nights(keep=1)
    assert names("packages") == {"student-1", "student-3"} and names("blobs") == {"change-1", "change-3"}
    assert names("rationales") == {"teacher-1-digest", "teacher-3-digest"}


def test_a_change_that_a_new_night_used_stays(bucket):
    write_night(1)
    write_night(2, models={"teacher-2-digest": ["change-1", "change-2"]})
    sweep_nights(keep=1)
    assert names("blobs") == {"change-1", "change-2"} and names("packages") == {"student-2"}


def test_what_a_running_night_has_written_stays(bucket):
    for number in (1, 2):
        write_night(number)
    storage.put_bytes("blobs/change-of-tonight", b"new")
    storage.put_bytes("checkpoints/sft/tonight/step", b"new")
    sweep_nights(keep=1)
    assert names("blobs") == {"change-2", "change-of-tonight"} and names("checkpoints") == {"sft"}


def test_a_night_that_failed_goes_with_older_ones(bucket):
    storage.put_bytes("blobs/change-of-no-night", b"failed")
    storage.put_bytes("checkpoints/sft/abandoned/step", b"failed")
    for number in (1, 2):
        write_night(number)
    sweep_nights(keep=1)
    assert names("blobs") == {"change-2"} and not names("checkpoints")


def test_few_nights_are_all_kept(bucket):
    write_night(1)
    assert sweep_nights(keep=14).kept_nights == 1 and names("blobs") == {"change-1"}


def test_artifacts_out_of_reach_are_named(bucket):
    write_night(1, artifacts="minio://somebodys/v2/artifacts/retrain/run-1")
    write_night(2)
    result = sweep_nights(keep=1)
    assert result.unreachable == ["minio://somebodys/v2/artifacts/retrain/run-1"]
    assert result.headline.endswith("not reached: minio://somebodys/v2/artifacts/retrain/run-1")


def test_a_sweep_that_was_killed_is_finished(bucket, monkeypatch):
    for number in (1, 2):
        write_night(number)

    def die(*arguments):
        raise ConnectionError("S3 is away")

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "remove_artifacts", die)
        with pytest.raises(ConnectionError):
            sweep_nights(keep=1)
    assert sweep_nights(keep=1).swept_nights == 1
    assert not list(storage.list_names("artifacts/retrain/run-1"))


def test_the_command_says_what_it_did(bucket, capsys):
    for number in (1, 2):
        write_night(number, time=(datetime.now(UTC) + timedelta(seconds=number)).isoformat())
    assert main(["--nights", "1"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "blobs: 1 objects, 0.0 MB" and out[-1] == "1 nights swept, 0 MB; 1 kept"


def test_the_serving_night_cannot_be_swept(capsys):
    assert main(["--nights", "0"]) == 2
    assert "give at least 1" in capsys.readouterr().err


def test_a_wrong_setting_is_named(capsys):
    with environment(BROADFAST_KEEP_NIGHTS="zero"):
        assert main([]) == 1
    assert "BROADFAST_KEEP_NIGHTS is 'zero'; give a whole number from 1" in capsys.readouterr().err


def test_a_runs_artifacts_lie_above_its_steps():
    root = "minio://mlpipeline/v2/artifacts/retrain/8f3"
    assert artifacts_root(f"{root}/record-night/4b1/facts", "record-night") == root
    assert artifacts_root("/home/me/runs/kfp/retrain-1/record-night/facts", "record-night") == ""
