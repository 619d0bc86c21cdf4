"""The recorder: a recorded row reaches S3 once, whatever ends the process."""

import contextlib
import os
from argparse import ArgumentParser
from datetime import UTC, datetime
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from components import contracts, storage
from components.log_gaps import LogGap
from serving.dropped_rows import DroppedRows
from serving.recorder import Recorder
from serving.spool_limits import SpoolFull, SpoolLimits
from serving.spool_metrics import DROPPED
from serving.spool_options import add_spool_options, create_recorder
from testing.small_disk import small_disk

TIME = datetime(2026, 1, 31, 23, 59, 59, 123456, tzinfo=UTC)


def row(schema, **values) -> dict:
    return dict.fromkeys(schema.names) | {"time": TIME, "request_id": "r1"} | values


def exposure(**values) -> dict:
    return row(contracts.EXPOSURES, user_hash=bytes(range(16)), item_id="i1", position=1, stale=False, **values)


def request(**values) -> dict:
    return row(contracts.REQUESTS, **{"status": 200, **values})


def on_s3(objects: dict, table: str) -> list[dict]:
    parts = [pq.read_table(BytesIO(content)) for name, content in objects.items() if f"logs/{table}/" in name]
    return [row for part in parts for row in part.to_pylist()]


def unreachable(name: str, content: bytes) -> None:
    raise ConnectionRefusedError("no S3 here")


def test_rows_come_back_from_s3_unchanged(recorder, objects):
    recorder.record(exposures=[exposure()], requests=[request()])
    assert recorder.flush()
    assert on_s3(objects, "exposures") == [exposure()]
    assert all("/date=2026-01-31/hour=23/" in name for name in objects) and len(objects) == 2
    assert recorder.spooled_rows == 0 and not list(recorder.folder.glob("*.jsonl"))


def test_a_killed_process_loses_no_row(recorder, objects, tmp_path):
    recorder.record(exposures=[exposure()], requests=[request()])
    left = tmp_path / "left"
    left.mkdir()
    for path in recorder.folder.glob("*.open"):
        (left / path.name).write_bytes(path.read_bytes() + b'{"requests": [{"ti')
    successor = Recorder(left, objects.__setitem__)
    assert successor.spooled_rows == 2
    successor.close()
    assert on_s3(objects, "exposures") == [exposure()]


def test_a_repeated_upload_writes_the_same_objects(recorder, objects):
    recorder.record(requests=[request()])
    recorder._seal()
    (path,) = recorder.folder.glob("*.jsonl")
    content = path.read_bytes()
    recorder.flush()
    path.write_bytes(content)
    recorder.flush()
    assert len(on_s3(objects, "requests")) == 1


def test_rows_that_s3_refuses_go_up_later(tmp_path, objects):
    first = Recorder(tmp_path / "spool", unreachable)
    first.record(exposures=[exposure()])
    assert not first.flush()
    first.close()
    second = Recorder(tmp_path / "spool", objects.__setitem__)
    second.close()
    assert len(on_s3(objects, "exposures")) == 1


def test_a_full_spool_still_records_refused_requests(recorder):
    recorder.record(exposures=[exposure()] * 20)
    with pytest.raises(SpoolFull, match="20 rows wait for S3, and at most 20 may"):
        recorder.record(exposures=[exposure()], requests=[request()])
    recorder.record(requests=[request(status=503)])
    assert recorder.spooled_rows == 21


def test_a_spool_at_its_limit_waits_for_s3(tmp_path, objects):
    recorder = Recorder(tmp_path / "spool", objects.__setitem__, flush_seconds=3600, limits=SpoolLimits(size=2_000))
    count = 0
    with pytest.raises(SpoolFull, match=r"0\.0 MiB wait for S3, and at most 0\.0019"):
        while True:
            recorder.record(requests=[request(request_id=f"r{count}", status=503)])
            count += 1
    assert 0 < recorder.spooled_bytes == next(recorder.folder.glob("*.open")).stat().st_size <= 2_000
    assert recorder.flush() and recorder.spooled_bytes == 0
    recorder.record(requests=[request()])
    recorder.close()
    assert len(on_s3(objects, "requests")) == count + 1


def test_dropped_rows_are_counted_and_marked(tmp_path, objects):
    recorder = Recorder(tmp_path / "spool", unreachable, 3600, SpoolLimits(rows=2), drops_when_full=True)
    before = DROPPED.labels("exposures")._value.get()
    recorder.record(exposures=[exposure()], requests=[request()])
    recorder.record(exposures=[exposure()] * 3, requests=[request()])
    assert DROPPED.labels("exposures")._value.get() - before == 3
    assert not recorder.flush() and recorder.spooled_rows == 2
    recorder.put = objects.__setitem__
    recorder.close()
    (name,) = [name for name in objects if name.startswith("logs/gaps/date=")]
    gap = LogGap.from_json(objects[name])
    assert gap.rows == {"exposures": 3, "requests": 1} and gap.reason == "2 rows wait for S3, and at most 2 may"
    assert len(on_s3(objects, "exposures")) == 1


def test_a_killed_process_leaves_its_gap(tmp_path, objects):
    first = DroppedRows(tmp_path)
    first.add({"exposures": [exposure()] * 3}, "the spool is full")
    second = Recorder(tmp_path, objects.__setitem__)
    second.close()
    (content,) = objects.values()
    assert LogGap.from_json(content).rows == {"exposures": 3}
    assert not (tmp_path / "gap.json").exists()


def test_a_closed_recorder_refuses(tmp_path, objects):
    recorder = Recorder(tmp_path / "spool", objects.__setitem__)
    recorder.close()
    with pytest.raises(SpoolFull, match="stopping"):
        recorder.record(requests=[request()])


@pytest.mark.parametrize("size", [0, -1])
def test_a_spool_without_room_is_refused(tmp_path, size):
    parser = ArgumentParser()
    add_spool_options(parser, str(tmp_path / "spool"))
    with pytest.raises(ValueError, match=f"^--spool-mebibytes is {size}: give one at least"):
        create_recorder(parser.parse_args([f"--spool-mebibytes={size}"]))
    assert not (tmp_path / "spool").exists()


def test_two_servers_cannot_share_a_spool(recorder, objects):
    with pytest.raises(ValueError, match="give each server a spool folder of its own"):
        Recorder(recorder.folder, objects.__setitem__)


@pytest.mark.parametrize("line", [b'{"requests": [{"time": "x"}]}', b"nonsense", b"[]", b'{"hats": []}', b"\xff"])
def test_lines_that_are_no_rows_are_quarantined(tmp_path, objects, line):
    first = Recorder(tmp_path / "spool", unreachable)
    first.record(requests=[request()])
    first.close()
    (left,) = first.folder.glob("*.jsonl")
    left.write_bytes(line + b"\n" + left.read_bytes())
    Recorder(first.folder, objects.__setitem__).close()
    assert on_s3(objects, "requests") == [request()]
    (quarantine,) = first.folder.glob("*.refused")
    assert quarantine.read_bytes() == line + b"\n"


def test_a_row_of_another_contract_is_quarantined(recorder, objects):
    recorder.record(requests=[request() | {"colour": "red"}])
    assert recorder.flush() and not objects
    assert len(list(recorder.folder.glob("*.refused"))) == 1


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk of 64 kB")
def test_a_full_disk_leaves_no_half_line(tmp_path, objects):
    with small_disk(tmp_path / "disk", "64k") as disk:
        recorder = Recorder(disk, unreachable, flush_seconds=3600)
        (disk / "filler").write_bytes(b"x" * 40_000)
        count = fill(recorder, 40)
        (disk / "filler").unlink()
        count += fill(recorder, 80)
        recorder.put = objects.__setitem__
        recorder.close()
        assert 40 < count < 120 and len(on_s3(objects, "requests")) == count and not list(disk.glob("*.refused"))


def fill(recorder, lines: int) -> int:
    """Record lines of a thousand bytes, and return how many were taken."""
    count = 0
    for _ in range(lines):
        with contextlib.suppress(SpoolFull):
            recorder.record(requests=[request(version="v" * 1000)])
            count += 1
    return count


@pytest.mark.slow
def test_rows_reach_a_real_s3_in_the_background(s3, tmp_path):
    recorder = Recorder(tmp_path / "spool", flush_seconds=0.05)
    recorder.record(exposures=[exposure()])
    recorder.close()
    (name,) = storage.list_names("logs/exposures/date=2026-01-31/hour=23")
    (tmp_path / "read.parquet").write_bytes(storage.get_bytes(name))
    assert contracts.read(contracts.EXPOSURES, tmp_path / "read.parquet") == [exposure()]
    assert os.listdir(tmp_path / "spool") == ["lock"]
