"""The row of a request: written once with its answer, and never for a mirrored copy."""

from components import contracts
from serving.request_log import RequestEntry, write_entry
from tests.serving.test_recorder import on_s3


def test_a_request_leaves_one_row(recorder, objects):
    entry = RequestEntry("r1", version="v1")
    write_entry(recorder, entry, 200, 12.5)
    recorder.flush()
    (row,) = on_s3(objects, "requests")
    assert (row["request_id"], row["version"], row["status"], row["latency_ms"]) == ("r1", "v1", 200, 12.5)
    assert list(row) == contracts.REQUESTS.names and entry.status == 200


def test_a_mirrored_copy_leaves_no_row(recorder, objects):
    entry = RequestEntry("r1", is_shadow=True)
    write_entry(recorder, entry, 200, 12.5, exposures=[{"item_id": "i1"}])
    recorder.flush()
    assert not objects and entry.status == 200
