"""The outcome collector: what it takes, what it refuses, and that rows reach S3."""

import gzip
import json
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi.testclient import TestClient

from components import storage
from serving.outcomes import create_app
from tests.serving.test_recorder import on_s3

CLICK = {"request_id": "r1", "item_id": "i1", "kind": "click"}
ORDER = CLICK | {"kind": "order", "revenue": 1999, "currency": "EUR"}
GRADE = CLICK | {"kind": "grade", "grade": 0.5}
REFUND = ORDER | {"kind": "refund", "order_id": "o1"}
TIME = (datetime.now(UTC) - timedelta(days=300)).isoformat()


@pytest.fixture
def client(recorder):
    return TestClient(create_app(recorder))


def test_outcomes_of_each_kind_are_recorded(client, recorder, objects):
    answer = client.post("/outcomes", json={"outcomes": [CLICK, ORDER, GRADE | {"time": TIME}]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 3})
    recorder.flush()
    rows = sorted((row["kind"], row["revenue"], row["grade"]) for row in on_s3(objects, "outcomes"))
    assert rows == [("click", None, None), ("grade", None, 0.5), ("order", 1999, None)]


WRONG = [
    ({}, "outcomes is missing"),
    ({"outcomes": []}, "outcomes has 0 entries"),
    ({"outcomes": ["x"]}, "outcomes[0] is a string; give an object"),
    ({"outcomes": [CLICK | {"kind": "view"}]}, "outcomes[0].kind is 'view'; give one of click, order, refund, grade"),
    ({"outcomes": [CLICK, CLICK | {"item_id": ""}]}, "outcomes[1].item_id is blank"),
    ({"outcomes": [ORDER | {"revenue": 19.99}]}, "outcomes[0].revenue is a number; give a whole number"),
    ({"outcomes": [ORDER | {"revenue": -1}]}, "outcomes[0].revenue is -1"),
    ({"outcomes": [ORDER | {"currency": None}]}, "outcomes[0] is of kind order without currency"),
    ({"outcomes": [CLICK | {"revenue": 5}]}, "outcomes[0] is of kind click with revenue"),
    ({"outcomes": [CLICK | {"revenu": 5}]}, "outcomes[0].revenu is not known here"),
    ({"outcomes": [GRADE | {"grade": 1.5}]}, "outcomes[0].grade is 1.5"),
    ({"outcomes": [CLICK | {"time": "today"}]}, "outcomes[0].time is 'today'"),
    ({"outcomes": [CLICK | {"time": "2026-01-31T10:00:00"}]}, "without a time zone"),
    ({"outcomes": [CLICK | {"time": "0001-01-01T00:00:00+14:00"}]}, "give a time of the last 366 days"),
    ({"outcomes": [CLICK | {"time": "9999-12-31T23:59:59-14:00"}]}, "at most one day ahead"),
    ({"outcomes": [ORDER | {"currency": "EUX"}]}, "outcomes[0].currency is 'EUX'; give a currency's code of ISO 4217"),
    ({"outcomes": [ORDER | {"currency": "€"}]}, "outcomes[0].currency has 1 characters; at least 3 are needed"),
    ({"outcomes": [ORDER | {"currency": "XAU"}]}, "outcomes[0].currency is 'XAU'"),
    ({"outcomes": [REFUND | {"revenue": None}]}, "outcomes[0] is of kind refund without revenue"),
    ({"outcomes": [CLICK | {"order_id": "o1"}]}, "outcomes[0] is of kind click with order_id"),
    ({"outcomes": [ORDER | {"revenue": 2**63}]}, "outcomes[0].revenue is 9223372036854775808"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_batch_is_refused_whole(client, recorder, body, sentence):
    answer = client.post("/outcomes", json=body)
    assert answer.status_code == 400 and sentence in answer.json()["error"]
    assert recorder.spooled_rows == 0


def record_and_read(client, recorder, objects, *outcomes: dict) -> list[dict]:
    assert client.post("/outcomes", json={"outcomes": outcomes}).status_code == 200
    recorder.flush()
    return on_s3(objects, "outcomes")


@pytest.mark.parametrize("revenue", [1999, -1999])
def test_a_refund_is_negative_revenue(client, recorder, objects, revenue):
    (row,) = record_and_read(client, recorder, objects, REFUND | {"revenue": revenue})
    assert (row["kind"], row["order_id"], row["revenue"], row["currency"]) == ("refund", "o1", -1999, "EUR")


def test_currencies_are_folded_to_capitals(client, recorder, objects):
    (row,) = record_and_read(client, recorder, objects, ORDER | {"currency": "eur"})
    assert row["currency"] == "EUR"


def test_a_platform_takes_its_one_currency(recorder, objects):
    client = TestClient(create_app(recorder, "EUR"))
    assert record_and_read(client, recorder, objects, ORDER | {"currency": "eur"})
    answer = client.post("/outcomes", json={"outcomes": [ORDER | {"currency": "usd"}]})
    assert answer.status_code == 400
    assert answer.json()["error"] == "outcomes[0].currency is USD; this platform takes EUR (BROADFAST_CURRENCY)"


def test_gzip_is_read(client):
    body = gzip.compress(json.dumps({"outcomes": [CLICK]}).encode())
    assert client.post("/outcomes", content=body, headers={"content-encoding": "gzip"}).json() == {"accepted": 1}
    assert client.post("/outcomes", content=body, headers={"content-encoding": "br"}).status_code == 415


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
