"""The collector: what it takes, what it refuses, and that it keeps what it takes."""

import sys

import httpx
import pytest
from fastapi.testclient import TestClient

from components import storage
from serving.outcomes import application
from tests.serving.test_exposures import on_s3

CLICK = {"request_id": "r1", "item_id": "i1", "kind": "click"}
ORDER = CLICK | {"kind": "order", "revenue": 1999, "currency": "EUR"}
GRADE = CLICK | {"kind": "grade", "grade": 0.5}


@pytest.fixture
def client(recorder):
    return TestClient(application(recorder))


def test_outcomes_of_each_kind_are_accepted_and_kept(client, recorder, objects):
    answer = client.post("/outcomes", json={"outcomes": [CLICK, ORDER, GRADE | {"time": "2026-01-31T10:00:00Z"}]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    recorder.flush()
    kept = sorted((row["kind"], row["revenue"], row["grade"]) for row in on_s3(objects, "outcomes"))
    assert kept == [("click", None, None), ("grade", None, 0.5), ("order", 1999, None)]


WRONG = [
    ({}, "the body has no outcomes"),
    ({"outcomes": []}, "outcomes has 0 entries"),
    ({"outcomes": ["x"]}, "outcomes[0] is no object"),
    ({"outcomes": [CLICK | {"kind": "view"}]}, "outcomes[0].kind is 'view'"),
    ({"outcomes": [CLICK, CLICK | {"item_id": ""}]}, "outcomes[1].item_id is blank"),
    ({"outcomes": [ORDER | {"revenue": 19.99}]}, "outcomes[0].revenue is 19.99"),
    ({"outcomes": [ORDER | {"revenue": -1}]}, "outcomes[0].revenue is -1"),
    ({"outcomes": [ORDER | {"currency": None}]}, "outcomes[0].currency is missing"),
    ({"outcomes": [GRADE | {"grade": 1.5}]}, "outcomes[0].grade is 1.5"),
    ({"outcomes": [CLICK | {"time": "today"}]}, "outcomes[0].time is 'today'"),
    ({"outcomes": [CLICK | {"time": "2026-01-31T10:00:00"}]}, "without a time zone"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_batch_is_refused_whole_in_a_sentence(client, recorder, body, sentence):
    answer = client.post("/outcomes", json=body)
    assert answer.status_code == 400 and sentence in answer.json()["error"]
    assert recorder.spooled == 0


def test_what_is_not_json_is_refused(client):
    assert client.post("/outcomes", content=b"{").status_code == 400


def test_a_full_spool_answers_503_and_says_that_nothing_was_recorded(client):
    answer = client.post("/outcomes", json={"outcomes": [CLICK] * 21})
    assert answer.status_code == 503 and "nothing was recorded" in answer.json()["error"]


@pytest.mark.slow
def test_the_collector_as_a_process_uploads_what_it_has_when_it_is_stopped(s3, tmp_path):
    port, url = s3.ports["outcomes"], s3.environment["BROADFAST_OUTCOMES_URL"]
    command = [sys.executable, "-m", "serving.outcomes", f"--port={port}", f"--spool={tmp_path}"]
    process = s3.start("outcomes", command)
    s3.wait_ready("outcomes", f"{url}/health")
    assert httpx.post(f"{url}/outcomes", json={"outcomes": [ORDER]}).json() == {"accepted": 1}
    s3.stop("outcomes")
    assert process.returncode is not None and list(storage.names_below("logs/outcomes"))
