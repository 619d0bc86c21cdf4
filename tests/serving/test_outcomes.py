"""The outcome collector: what it takes, what it refuses, and that rows reach S3."""

import sys

import httpx
import pytest
from fastapi.testclient import TestClient

from components import storage
from serving.outcomes import create_app
from tests.serving.test_recorder import on_s3

CLICK = {"request_id": "r1", "item_id": "i1", "kind": "click"}
ORDER = CLICK | {"kind": "order", "revenue": 1999, "currency": "EUR"}
GRADE = CLICK | {"kind": "grade", "grade": 0.5}


@pytest.fixture
def client(recorder):
    return TestClient(create_app(recorder))


def test_outcomes_of_each_kind_are_recorded(client, recorder, objects):
    answer = client.post("/outcomes", json={"outcomes": [CLICK, ORDER, GRADE | {"time": "2026-01-31T10:00:00Z"}]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    recorder.flush()
    rows = sorted((row["kind"], row["revenue"], row["grade"]) for row in on_s3(objects, "outcomes"))
    assert rows == [("click", None, None), ("grade", None, 0.5), ("order", 1999, None)]


WRONG = [
    ({}, "outcomes is missing"),
    ({"outcomes": []}, "outcomes has 0 entries"),
    ({"outcomes": ["x"]}, "outcomes[0] is a string; give an object"),
    ({"outcomes": [CLICK | {"kind": "view"}]}, "outcomes[0].kind is 'view'; give one of click, order, grade"),
    ({"outcomes": [CLICK, CLICK | {"item_id": ""}]}, "outcomes[1].item_id is blank"),
    ({"outcomes": [ORDER | {"revenue": 19.99}]}, "outcomes[0].revenue is a number; give a whole number"),
    ({"outcomes": [ORDER | {"revenue": -1}]}, "outcomes[0].revenue is -1"),
    ({"outcomes": [ORDER | {"currency": None}]}, "outcomes[0] is of kind order without currency"),
    ({"outcomes": [CLICK | {"revenue": 5}]}, "outcomes[0] is of kind click with revenue"),
    ({"outcomes": [CLICK | {"revenu": 5}]}, "outcomes[0].revenu is not known here"),
    ({"outcomes": [GRADE | {"grade": 1.5}]}, "outcomes[0].grade is 1.5"),
    ({"outcomes": [CLICK | {"time": "today"}]}, "outcomes[0].time is 'today'"),
    ({"outcomes": [CLICK | {"time": "2026-01-31T10:00:00"}]}, "without a time zone"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_batch_is_refused_whole(client, recorder, body, sentence):
    answer = client.post("/outcomes", json=body)
    assert answer.status_code == 400 and sentence in answer.json()["error"]
    assert recorder.spooled_rows == 0


@pytest.mark.parametrize("body", [b"{", b"", b"null", b"[" * 5000, b'{"outcomes": [NaN]}', b'"\\ud800"', b"\xff"])
def test_a_body_that_is_no_json_is_refused(client, body):
    answer = client.post("/outcomes", content=body, headers={"content-type": "text/plain"})
    assert answer.status_code == 400 and answer.json()["error"]


def test_a_body_that_is_too_large_is_refused(client):
    answer = client.post("/outcomes", content=b" " * (2**20 + 1))
    assert answer.status_code == 413 and "larger than 1048576 bytes" in answer.json()["error"]


def test_health_is_bad_while_nothing_is_recorded(client, recorder):
    assert client.get("/health").json() == {"ready": True, "rows_waiting": 0}
    client.post("/outcomes", json={"outcomes": [CLICK] * 20})
    assert client.get("/health").status_code == 503


def test_the_published_schema_is_the_checked_one(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert schemas["Outcome"]["required"] == ["request_id", "item_id", "kind"]


def test_a_full_spool_answers_503(client):
    answer = client.post("/outcomes", json={"outcomes": [CLICK] * 21})
    assert answer.status_code == 503 and "nothing was recorded" in answer.json()["error"]


@pytest.mark.slow
def test_a_stopped_collector_uploads_its_rows(s3, tmp_path):
    port = s3.ports["outcomes"]
    url = s3.environment["BROADFAST_OUTCOMES_URL"]
    command = [sys.executable, "-m", "serving.outcomes", f"--port={port}", f"--spool={tmp_path}"]
    process = s3.start("outcomes", command)
    s3.wait_ready("outcomes", f"{url}/health")
    assert httpx.post(f"{url}/outcomes", json={"outcomes": [ORDER]}).json() == {"accepted": 1}
    s3.stop("outcomes")
    assert process.returncode is not None and list(storage.list_names("logs/outcomes"))
