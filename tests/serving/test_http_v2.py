"""The server as a process, asked over HTTP with V2."""

import gzip
import json
import zlib

import httpx
import pytest

from testing.relevance_server import tensor

pytestmark = pytest.mark.slow  # starts servers

BODY = {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna"}


def test_v2_gives_the_ranking_of_v1(server):
    answer = server.infer(tensor("query", "red shoes"), tensor("item_ids", "i1", "i2"))
    outputs = {output["name"]: output for output in answer.json()["outputs"]}
    same = server.post(json=BODY).json()["predictions"]
    assert outputs["item_id"]["data"] == [row["item_id"] for row in same]
    assert outputs["label"]["data"] == [row["label"] for row in same] and outputs["probabilities"]["shape"] == [2, 4]
    assert (answer.headers["x-model-version"], answer.json()["id"]) == (server.version, "r1")
    assert answer.json()["model_version"] == server.version


def test_kserves_client_sends_and_reads_binary_tensors(server):
    import numpy as np
    from kserve import InferInput, InferRequest, InferResponse

    texts = {"query": ["red shoes"], "item_ids": ["i1", "i2"]}
    inputs = [InferInput(name, [len(values)], "BYTES") for name, values in texts.items()]
    for each, values in zip(inputs, texts.values(), strict=True):
        each.set_data_from_numpy(np.array([value.encode() for value in values], np.object_))
    body, length = InferRequest("relevance", inputs, parameters={"binary_data_output": True}).to_rest()
    answer = server.infer(content=body, headers={"inference-header-content-length": str(length)})
    response = InferResponse.from_bytes(answer.content, int(answer.headers["inference-header-content-length"]))
    assert answer.status_code == 200 and response.get_output_by_name("item_id").data == ["i1", "i2"]


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
def test_a_broken_v2_request_is_the_callers_error(server, request_):
    answer = server.infer(**request_)
    assert answer.status_code == 400 and (answer.json().get("error") or answer.json()["detail"])


REQUEST = {"inputs": [tensor("query", "red shoes"), tensor("item_ids", "i1", "i2")]}
CURL = {"content-type": "application/x-www-form-urlencoded"}
OCTETS = {"content-type": "application/octet-stream"}


@pytest.mark.parametrize("headers", [CURL, OCTETS, {}], ids=["curl", "octets", "none"])
def test_json_without_its_length_is_read(server, headers):
    answer = server.infer(content=json.dumps(REQUEST).encode(), headers=headers)
    assert answer.status_code == 200 and answer.json()["outputs"][0]["data"] == ["i1", "i2"]


def test_nan_in_a_tensor_means_unknown(server):
    inputs = [tensor("query", "red shoes"), tensor("title", "red", "hose")]
    numbers = {"inputs": [*inputs, tensor("price", 9.5, float("nan"), datatype="FP64")]}
    answer = server.infer(content=json.dumps(numbers).encode(), headers=OCTETS)
    absent = server.infer(*inputs, tensor("price", 9.5, None, datatype="FP64"))
    assert answer.status_code == absent.status_code == 200
    assert answer.json()["outputs"] == absent.json()["outputs"]


def test_the_served_version_answers_under_its_path(server):
    path = f"{server.url}/v2/models/relevance/versions/{server.version}"
    answer = httpx.post(f"{path}/infer", json=REQUEST)
    assert answer.status_code == 200 and answer.headers["x-model-version"] == server.version
    assert httpx.get(path).json()["name"] == "relevance"
    assert httpx.get(f"{path}/ready").json()["ready"] is True


@pytest.mark.parametrize("end", ["", "/ready", "/infer"])
def test_another_version_is_not_found(server, end):
    method = "POST" if end == "/infer" else "GET"
    answer = httpx.request(method, f"{server.url}/v2/models/relevance/versions/7{end}", json=REQUEST)
    assert answer.status_code == 404
    assert answer.json()["error"] == f"version '7' is not served here; '{server.version}' is"


def test_requested_outputs_take_the_requests_format(server):
    request = REQUEST | {"outputs": [{"name": "label"}], "parameters": {"binary_data_output": True}}
    answer = server.infer(json=request)
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:length])["outputs"]
    assert output["name"] == "label" and output["parameters"]["binary_data_size"] == len(answer.content) - length


@pytest.mark.parametrize("verb", ["predict", "explain"])
def test_gzip_is_read(server, verb):
    body = gzip.compress(json.dumps(BODY).encode())
    answer = server.post(verb, content=body, headers={"content-encoding": "gzip"})
    assert answer.status_code == 200


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_compressed_tensors_are_read(server, compress):
    encoding = compress.__module__.replace("zlib", "deflate")
    answer = server.infer(content=compress(json.dumps(REQUEST).encode()), headers={"content-encoding": encoding})
    assert answer.status_code == 200 and answer.json()["outputs"][0]["data"] == ["i1", "i2"]


def test_an_unknown_encoding_is_named(server):
    answer = server.infer(content=b"x", headers={"content-encoding": "br"})
    assert answer.status_code == 415
    assert answer.json()["error"] == "the content-encoding is 'br'; send gzip, deflate, or none"
