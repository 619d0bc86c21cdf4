"""The server as a process, asked over HTTP with V1."""

import httpx
import psutil
import pytest

from components import storage
from components.release.candidate import EXPECTED
from components.release.parity import parity_through
from testing.request_fuzz import fuzz_figures

pytestmark = pytest.mark.slow  # starts servers

BODY = {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna"}


def test_an_answer_names_its_version(server):
    answer = server.post(json=BODY)
    assert (answer.status_code, answer.headers["x-model-version"]) == (200, server.version)
    assert [row["item_id"] for row in answer.json()["predictions"]] == ["i1", "i2"]


@pytest.mark.parametrize(("exact", "problem"), [(0.9996, ""), (0.2, "1 of 1 answers through the gateway are not")])
def test_a_dark_launch_is_compared_with_offline_scores(server, s3, exact, problem):
    storage.put_json(EXPECTED.format(version="v"), [{"query": "red shoes", "title": "red", "exact": exact}])
    answer = parity_through(server.url)("v")
    assert answer.startswith(problem) and bool(answer) == bool(problem)
    assert parity_through(server.url)("never released") == ""


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_does_not_matter(server, kind):
    answer = server.post(content=b'{"query": "a", "item_ids": ["i1"]}', headers={"content-type": kind})
    assert answer.status_code == 200


HOSTILE = [
    {"content": b""},
    {"content": b"{"},
    {"content": b"\xff\xfe", "headers": {"content-type": "text/plain"}},
    {"content": b'{"query": "\\ud800", "item_ids": ["i1"]}', "headers": {"content-type": "application/json"}},
    {"content": b'{"query": "a", "item_ids": ["i1"], "page_size": NaN}'},
    {"content": b"[" * 2000, "headers": {"content-type": "application/json"}},
    {"json": BODY | {"item_ids": ["nobody"]}},
    {"json": BODY, "headers": {"x-arm": "left"}},
    {"json": [BODY]},
    {"json": None},
    {"json": {"query": "a", "instances": "b"}},
    {"json": BODY, "headers": {"ce-specversion": "9", "ce-id": "1", "ce-source": "x", "ce-type": "y", "x-arm": "z"}},
]


@pytest.mark.parametrize("request_", HOSTILE, ids=range(len(HOSTILE)))
def test_bad_input_is_the_callers_error(server, request_):
    for verb in ("predict", "explain"):
        answer = server.post(verb, **request_)
        assert answer.status_code == 400 and answer.json()["error"]


def test_another_model_is_not_found(server):
    assert httpx.post(f"{server.url}/v1/models/other:predict", json=BODY).status_code == 404


def test_a_body_without_end_is_refused(server):
    endless = (b"x" * 2**20 for _ in range(40))
    answer = server.post(content=endless)
    assert answer.status_code == 413 and "larger than 16777216 bytes" in answer.json()["error"]


def test_the_published_schema_is_that_of_requests(server):
    from serving.request_schemas import Ranking

    schema = httpx.get(f"{server.url}/openapi.json").json()["components"]["schemas"]["Ranking"]
    assert schema["properties"].keys() == Ranking.model_json_schema()["properties"].keys()
    assert schema["additionalProperties"] is False


def test_a_header_has_the_time_of_each_stage(server):
    stages = server.post(json=BODY | {"query": "never asked"}).headers["server-timing"]
    assert [part.split(";")[0] for part in stages.split(", ")] == ["parse", "features", "tokenise", "model", "record"]


def test_no_request_is_the_servers_error(server):
    figures = fuzz_figures(server.url, ["i1", "i2"], tries=300)
    assert figures["fuzz_requests"] == 300 and figures["fuzz_5xx"] == 0, figures["fuzz_first_wrong"]
    assert figures["fuzz_right"] > 50 and figures["fuzz_right_refused"] == 0, figures["fuzz_first_wrong"]


def test_nobody_can_unload_the_model_over_http(server):
    assert httpx.post(f"{server.url}/v2/repository/models/relevance/unload").status_code == 404
    assert server.post(json=BODY).status_code == 200


def test_an_explanation_does_not_echo_headers(server):
    answer = server.post("explain", json=BODY, headers={"authorization": "secret"})
    assert answer.status_code == 200 and "authorization" not in answer.headers
    assert answer.headers["x-model-version"] == server.version
    assert answer.json()["explanations"][0]["rationales"][0]["perspective"] == "attributes"


def test_requests_are_counted_and_log_no_traceback(server):
    server.post(content=b"{")
    metrics = httpx.get(f"{server.url}/metrics").text
    assert f'broadfast_requests_total{{code="400",verb="predict",version="{server.version}"}}' in metrics
    assert f'broadfast_stage_seconds_count{{stage="model",version="{server.version}"}}' in metrics
    assert f'broadfast_request_seconds_bucket{{le="0.5",verb="predict",version="{server.version}"}}' in metrics
    assert "Traceback" not in server.log.read_text()


def test_it_listens_on_loopback_only(server):
    addresses = [c.laddr.ip for c in psutil.Process(server.process.pid).connections() if c.status == "LISTEN"]
    assert {address.removeprefix("::ffff:") for address in addresses} == {"127.0.0.1"}


def test_torch_is_nowhere_in_the_server(server):
    paths = {part.path for part in psutil.Process(server.process.pid).memory_maps()}
    assert not [path for path in paths if "/torch/" in path]
