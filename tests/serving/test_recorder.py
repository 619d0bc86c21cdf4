"""The recorder: what was recorded reaches S3 once, whatever ends the process, and what cannot be is refused."""

import contextlib
import os
from argparse import ArgumentParser
from datetime import UTC, datetime
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from components import contracts, storage
from serving.recorder import Full, Recorder, recorder_of, spool_options
from testing.server_faults import small_disk

TIME = datetime(2026, 1, 31, 23, 59, 59, 123456, tzinfo=UTC)


def row(schema, **said) -> dict:
    return dict.fromkeys(schema.names) | {"time": TIME, "request_id": "r1"} | said


def exposure(**said) -> dict:
    return row(contracts.EXPOSURES, user_hash=bytes(range(16)), item_id="i1", position=1, stale=False, **said)


def request(**said) -> dict:
    return row(contracts.REQUESTS, **{"status": 200, **said})


def on_s3(objects: dict, table: str) -> list[dict]:
    found = [pq.read_table(BytesIO(content)) for name, content in objects.items() if f"logs/{table}/" in name]
    return [row for part in found for row in part.to_pylist()]


def unreachable(name: str, content: bytes) -> None:
    raise ConnectionRefusedError("no S3 here")


def test_rows_come_back_from_s3_as_they_were_recorded_below_their_hour(recorder, objects):
    recorder.record(exposures=[exposure()], requests=[request()])
    assert recorder.flush()
    assert on_s3(objects, "exposures") == [exposure()]
    assert all("/date=2026-01-31/hour=23/" in name for name in objects) and len(objects) == 2
    assert recorder.spooled == 0 and not list(recorder.folder.glob("*.jsonl"))


def test_rows_are_in_the_file_when_record_returns_so_a_killed_process_loses_none(recorder, objects, tmp_path):
    recorder.record(exposures=[exposure()], requests=[request()])
    left = tmp_path / "left"
    left.mkdir()
    for path in recorder.folder.glob("*.open"):
        (left / path.name).write_bytes(path.read_bytes() + b'{"requests": [{"ti')
    successor = Recorder(left, objects.__setitem__)
    assert successor.spooled == 2
    successor.close()
    assert on_s3(objects, "exposures") == [exposure()]


def test_an_upload_that_is_repeated_writes_the_same_objects(recorder, objects):
    recorder.record(requests=[request()])
    recorder._seal()
    (sealed,) = recorder.folder.glob("*.jsonl")
    content = sealed.read_bytes()
    recorder.flush()
    sealed.write_bytes(content)
    recorder.flush()
    assert len(on_s3(objects, "requests")) == 1


def test_what_s3_does_not_take_stays_and_goes_up_later(tmp_path, objects):
    first = Recorder(tmp_path / "spool", unreachable)
    first.record(exposures=[exposure()])
    assert not first.flush()
    first.close()
    second = Recorder(tmp_path / "spool", objects.__setitem__)
    second.close()
    assert len(on_s3(objects, "exposures")) == 1


def test_a_full_spool_refuses_exposures_and_still_notes_refused_requests(recorder):
    recorder.record(exposures=[exposure()] * 20)
    with pytest.raises(Full, match="20 rows wait for S3, and at most 20 may"):
        recorder.record(exposures=[exposure()], requests=[request()])
    recorder.record(requests=[request(status=503)])
    assert recorder.spooled == 21


def test_at_its_limit_of_bytes_a_spool_takes_nothing_until_s3_has_what_waits(tmp_path, objects):
    recorder = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600, limit_bytes=2_000)
    kept = 0
    with pytest.raises(Full, match=r"0\.0 MiB wait for S3, and at most 0\.0019"):
        while True:
            recorder.record(requests=[request(request_id=f"r{kept}", status=503)])
            kept += 1
    assert 0 < recorder.spooled_bytes == next(recorder.folder.glob("*.open")).stat().st_size <= 2_000
    assert recorder.flush() and recorder.spooled_bytes == 0
    recorder.record(requests=[request()])
    recorder.close()
    assert len(on_s3(objects, "requests")) == kept + 1


def test_a_closed_recorder_refuses(tmp_path, objects):
    recorder = Recorder(tmp_path / "spool", objects.__setitem__)
    recorder.close()
    with pytest.raises(Full, match="stopping"):
        recorder.record(requests=[request()])


@pytest.mark.parametrize("size", [0, -1])
def test_a_spool_that_could_hold_nothing_is_refused_by_its_option(tmp_path, size):
    parser = ArgumentParser()
    spool_options(parser, str(tmp_path / "spool"))
    with pytest.raises(ValueError, match=f"^--spool-mebibytes is {size}: give one at least"):
        recorder_of(parser.parse_args([f"--spool-mebibytes={size}"]))
    assert not (tmp_path / "spool").exists()


def test_two_servers_cannot_share_a_spool(recorder, objects):
    with pytest.raises(ValueError, match="give each server a spool folder of its own"):
        Recorder(recorder.folder, objects.__setitem__)


@pytest.mark.parametrize("line", [b'{"requests": [{"time": "x"}]}', b"nonsense", b"[]", b'{"hats": []}', b"\xff"])
def test_lines_that_are_no_rows_are_set_aside_and_block_no_others(tmp_path, objects, line):
    first = Recorder(tmp_path / "spool", unreachable)
    first.record(requests=[request()])
    first.close()
    (left,) = first.folder.glob("*.jsonl")
    left.write_bytes(line + b"\n" + left.read_bytes())
    Recorder(first.folder, objects.__setitem__).close()
    assert on_s3(objects, "requests") == [request()]
    (aside,) = first.folder.glob("*.refused")
    assert aside.read_bytes() == line + b"\n"


def test_a_row_of_another_contract_is_set_aside(recorder, objects):
    recorder.record(requests=[request() | {"colour": "red"}])
    assert recorder.flush() and not objects
    assert len(list(recorder.folder.glob("*.refused"))) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of 64 kB")
def test_what_a_full_disk_takes_half_of_is_taken_back_and_what_it_took_before_stays(tmp_path, objects):
    with small_disk(tmp_path / "disk", "64k") as disk:
        recorder = Recorder(disk, unreachable, flush_seconds=3600)
        (disk / "filler").write_bytes(b"x" * 40_000)
        taken = filled(recorder, 40)
        (disk / "filler").unlink()
        taken += filled(recorder, 80)
        recorder.put = objects.__setitem__
        recorder.close()
        assert 40 < taken < 120 and len(on_s3(objects, "requests")) == taken and not list(disk.glob("*.refused"))


def filled(recorder, lines: int) -> int:
    """How many lines of a thousand bytes are taken."""
    taken = 0
    for _ in range(lines):
        with contextlib.suppress(Full):
            recorder.record(requests=[request(version="v" * 1000)])
            taken += 1
    return taken


@pytest.mark.slow
def test_rows_reach_a_real_s3_in_the_background(s3, tmp_path):
    recorder = Recorder(tmp_path / "spool", flush_seconds=0.05)
    recorder.record(exposures=[exposure()])
    recorder.close()
    (name,) = storage.list_names("logs/exposures/date=2026-01-31/hour=23")
    (tmp_path / "read.parquet").write_bytes(storage.get_bytes(name))
    assert contracts.read(contracts.EXPOSURES, tmp_path / "read.parquet") == [exposure()]
    assert os.listdir(tmp_path / "spool") == ["lock"]
