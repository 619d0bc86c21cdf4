"""The server as a process, asked over HTTP with V2."""

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
