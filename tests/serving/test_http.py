"""The server as a process: what callers get over HTTP, how it stops, and what it says when it cannot start."""

import signal
import subprocess
import sys

import httpx
import psutil
import pyarrow.parquet as pq
import pytest

from components import storage
from components.release.candidate import EXPECTED
from components.release.parity import parity_through
from testing.request_fuzz import fuzz_figures
from testing.tiny_package import write_package

pytestmark = pytest.mark.slow  # starts servers

BODY = {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna"}


@pytest.fixture(scope="module")
def server(s3, night, tmp_path_factory):
    """The address, the process, the version and gRPC's address of one server with S3 behind it."""
    from pipelines.local.ports import free_ports

    (port, grpc_port), folder = free_ports(2), tmp_path_factory.mktemp("server")
    version = write_package(folder / "package")
    command = [sys.executable, "-m", "serving", f"--package={folder / 'package'}", f"--features={night}"]
    command += [f"--port={port}", f"--grpc-port={grpc_port}", f"--spool={folder / 'spool'}"]
    process = s3.start("tiny", command)
    s3.wait_ready("tiny", f"http://127.0.0.1:{port}/v1/models/relevance")
    return f"http://127.0.0.1:{port}", process, version, f"127.0.0.1:{grpc_port}"


def post(server, verb: str = "predict", **request) -> httpx.Response:
    return httpx.post(f"{server[0]}/v1/models/relevance:{verb}", **request)


def test_a_request_is_answered_with_the_version_that_answered(server):
    answer = post(server, json=BODY)
    assert (answer.status_code, answer.headers["x-model-version"]) == (200, server[2])
    assert [row["item_id"] for row in answer.json()["predictions"]] == ["i1", "i2"]


@pytest.mark.parametrize(("exact", "said"), [(0.9996, ""), (0.2, "1 of 1 answers through the gateway are not")])
def test_a_dark_launch_is_compared_with_what_was_said_offline(server, s3, exact, said):
    storage.put_json(EXPECTED.format(version="v"), [{"query": "red shoes", "title": "red", "exact": exact}])
    assert parity_through(server[0])("v").startswith(said) and bool(parity_through(server[0])("v")) == bool(said)
    assert parity_through(server[0])("never released") == ""


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_does_not_matter(server, kind):
    answer = post(server, content=b'{"query": "a", "item_ids": ["i1"]}', headers={"content-type": kind})
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
def test_bad_input_is_the_callers_error_in_one_sentence(server, request_):
    for verb in ("predict", "explain"):
        answer = post(server, verb, **request_)
        assert answer.status_code == 400 and answer.json()["error"]


def tensor(name: str, *values: str, **lies) -> dict:
    return {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": list(values)} | lies


def infer(server, *inputs: dict, **request) -> httpx.Response:
    body = {"json": {"id": "r1", "inputs": list(inputs)}} if inputs else {}
    return httpx.post(f"{server[0]}/v2/models/relevance/infer", **(body | request))


def test_a_v2_request_is_answered_in_tensors_with_the_same_ranking(server):
    answer = infer(server, tensor("query", "red shoes"), tensor("item_ids", "i1", "i2"))
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    same = post(server, json=BODY).json()["predictions"]
    assert outputs["item_id"]["data"] == [row["item_id"] for row in same]
    assert outputs["label"]["data"] == [row["label"] for row in same] and outputs["probabilities"]["shape"] == [2, 4]
    assert (answer.headers["x-model-version"], answer.json()["id"]) == (server[2], "r1")


def test_binary_tensors_are_taken_and_given_as_kserves_client_sends_them(server):
    import numpy as np
    from kserve import InferInput, InferRequest, InferResponse

    texts = {"query": ["red shoes"], "item_ids": ["i1", "i2"]}
    inputs = [InferInput(name, [len(values)], "BYTES") for name, values in texts.items()]
    for each, values in zip(inputs, texts.values(), strict=True):
        each.set_data_from_numpy(np.array([value.encode() for value in values], np.object_))
    body, length = InferRequest("relevance", inputs, parameters={"binary_data_output": True}).to_rest()
    answer = infer(server, content=body, headers={"inference-header-content-length": str(length)})
    read = InferResponse.from_bytes(answer.content, int(answer.headers["inference-header-content-length"]))
    assert answer.status_code == 200 and read.get_output_by_name("item_id").data == ["i1", "i2"]


BROKEN = [
    {"json": {"inputs": [tensor("query", "a", shape=[7])]}},
    {"json": {"inputs": [tensor("query", "a", shape="x")]}},
    {"json": {"inputs": [{"name": "query"}]}},
    {"json": {"inputs": "query"}},
    {"content": b"[" * 5000, "headers": {"content-type": "application/json"}},
    {"content": b"{}", "headers": {"inference-header-content-length": "2"}},
    {"content": b"{}", "headers": {"inference-header-content-length": "two"}},
    {"content": b'{"inputs": [{"name": 1, "shape": 2, "datatype": 3}]}', "headers": {"content-type": "text/plain"}},
]


@pytest.mark.parametrize("request_", BROKEN, ids=range(len(BROKEN)))
def test_a_v2_request_that_is_none_is_the_callers_error_in_one_sentence(server, request_):
    answer = infer(server, **request_)
    assert answer.status_code == 400 and (answer.json().get("error") or answer.json()["detail"])


def test_another_model_is_not_found(server):
    assert httpx.post(f"{server[0]}/v1/models/other:predict", json=BODY).status_code == 404


def grpc(server, *inputs: dict, **named):
    """KServe's own client, over gRPC."""
    import asyncio

    from kserve import InferenceGRPCClient, InferInput, InferRequest

    async def ask():
        client = InferenceGRPCClient(server[3], timeout=20)
        tensors = [InferInput(each["name"], each["shape"], each["datatype"], each["data"]) for each in inputs]
        try:
            return await client.infer(InferRequest("relevance", tensors), **named)
        finally:
            await client.close()

    return asyncio.run(ask())


def test_grpc_answers_as_rest_does(server):
    query, items = tensor("query", b"red shoes"), tensor("item_ids", b"i1", b"i2")
    answer = grpc(server, query, items, headers=(("x-request-id", "by-grpc"),))
    assert answer.get_output_by_name("item_id").data == [b"i1", b"i2"] and answer.id == "by-grpc"


def test_a_wrong_grpc_request_is_the_callers_error_in_one_sentence(server):
    from grpc import StatusCode
    from grpc.aio import AioRpcError

    with pytest.raises(AioRpcError) as refused:
        grpc(server, tensor("query", b"red shoes", shape=[2]))
    assert refused.value.code() == StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "the input 'query' says shape [2] and holds 1 values"


def test_a_body_without_end_is_refused_before_it_is_read_whole(server):
    endless = (b"x" * 2**20 for _ in range(40))
    answer = post(server, content=endless)
    assert answer.status_code == 413 and "larger than 16777216 bytes" in answer.json()["error"]


def test_the_schema_that_is_published_is_the_one_of_the_request(server):
    from serving.request_schemas import Ranking

    published = httpx.get(f"{server[0]}/openapi.json").json()["components"]["schemas"]["Ranking"]
    assert published["properties"].keys() == Ranking.model_json_schema()["properties"].keys()
    assert published["additionalProperties"] is False


def test_an_answer_says_what_each_stage_took(server):
    stages = post(server, json=BODY | {"query": "never asked"}).headers["server-timing"]
    assert [part.split(";")[0] for part in stages.split(", ")] == ["parse", "features", "tokenise", "model", "record"]


def test_whatever_is_sent_is_never_the_servers_error(server):
    figures = fuzz_figures(server[0], ["i1", "i2"], tries=300)
    assert figures["fuzz_tries"] == 300 and figures["fuzz_5xx"] == 0, figures["fuzz_first_wrong"]
    assert figures["fuzz_right"] > 50 and figures["fuzz_right_refused"] == 0, figures["fuzz_first_wrong"]


def test_nobody_can_unload_the_model_over_http(server):
    assert httpx.post(f"{server[0]}/v2/repository/models/relevance/unload").status_code == 404
    assert post(server, json=BODY).status_code == 200


def test_an_explanation_does_not_send_the_requests_headers_back(server):
    answer = post(server, "explain", json=BODY, headers={"authorization": "secret"})
    assert answer.status_code == 200 and "authorization" not in answer.headers
    assert answer.headers["x-model-version"] == server[2]
    assert answer.json()["explanations"][0]["rationales"][0]["perspective"] == "attributes"


def test_requests_are_counted_by_version_verb_and_code_and_wrong_ones_log_no_traceback(server, s3):
    post(server, content=b"{")
    counted = httpx.get(f"{server[0]}/metrics").text
    assert f'broadfast_requests_total{{code="400",verb="predict",version="{server[2]}"}}' in counted
    assert f'broadfast_stage_seconds_count{{stage="model",version="{server[2]}"}}' in counted
    assert f'broadfast_request_seconds_bucket{{le="0.5",verb="predict",version="{server[2]}"}}' in counted
    assert "Traceback" not in (s3.logs / "tiny.log").read_text()


def test_it_listens_on_loopback_only(server):
    listening = [c.laddr.ip for c in psutil.Process(server[1].pid).connections() if c.status == "LISTEN"]
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_torch_is_nowhere_in_the_server(server):
    mapped = {part.path for part in psutil.Process(server[1].pid).memory_maps()}
    assert not [path for path in mapped if "/torch/" in path]


def test_at_sigterm_everything_recorded_is_on_s3_before_the_process_ends(server, tmp_path):
    post(server, json=BODY | {"request_id": "a-copy"}, headers={"x-shadow": "1"})
    post(server, json=BODY | {"request_id": "the-last-one"})
    server[1].send_signal(signal.SIGTERM)
    assert server[1].wait(30) == 0
    logged = []
    for name in storage.list_names("logs/requests"):
        (tmp_path / "part").write_bytes(storage.get_bytes(name))
        logged += pq.read_table(tmp_path / "part").to_pylist()
    assert "the-last-one" in {row["request_id"] for row in logged}
    assert "a-copy" not in {row["request_id"] for row in logged}  # mirrored: answered, and not recorded
    assert {200, 400, 404} <= {row["status"] for row in logged}


def test_a_server_that_cannot_load_stops_with_one_sentence(s3, tmp_path):
    command = [sys.executable, "-m", "serving", f"--package={tmp_path}", f"--features={tmp_path}"]
    ended = subprocess.run(command, env=s3.environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("the relevance server cannot start: ")
    assert "Traceback" not in ended.stderr
