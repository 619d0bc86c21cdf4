"""The server as a process, asked over gRPC with KServe's own client."""

import asyncio

import pytest

from testing.relevance_server import tensor

pytestmark = pytest.mark.slow  # starts servers


def infer(server, *inputs: dict, headers=None, **request):
    from kserve import InferenceGRPCClient, InferInput, InferRequest

    async def send():
        client = InferenceGRPCClient(server.grpc_address, timeout=20)
        tensors = [InferInput(each["name"], each["shape"], each["datatype"], each["data"]) for each in inputs]
        try:
            return await client.infer(InferRequest("relevance", tensors, **request), headers=headers)
        finally:
            await client.close()

    return asyncio.run(send())


def test_grpc_answers_as_rest_does(server):
    inputs = [tensor("query", b"red shoes"), tensor("item_ids", b"i1", b"i2")]
    answer = infer(server, *inputs, headers=(("x-request-id", "by-grpc"),))
    assert answer.get_output_by_name("item_id").data == [b"i1", b"i2"] and answer.id == "by-grpc"


def test_a_wrong_grpc_request_is_the_callers_error(server):
    from grpc import StatusCode
    from grpc.aio import AioRpcError

    with pytest.raises(AioRpcError) as error:
        infer(server, tensor("query", b"red shoes", shape=[2]))
    assert error.value.code() == StatusCode.INVALID_ARGUMENT
    assert error.value.details() == "the input 'query' says shape [2] and holds 1 values"


INPUTS = [tensor("query", b"red shoes"), tensor("item_ids", b"i1", b"i2")]


def test_only_requested_outputs_are_sent(server):
    from kserve.protocol.infer_type import RequestedOutput

    answer = infer(server, *INPUTS, request_outputs=[RequestedOutput("score"), RequestedOutput("label")])
    assert [output.name for output in answer.outputs] == ["score", "label"]


def test_degraded_is_an_output_too(server):
    answer = infer(server, *INPUTS)
    assert answer.get_output_by_name("degraded").data == [False]


def test_a_served_version_may_be_named(server):
    from grpc import StatusCode
    from grpc.aio import AioRpcError

    assert infer(server, *INPUTS, model_version=server.version).id
    with pytest.raises(AioRpcError) as error:
        infer(server, *INPUTS, model_version="7")
    assert error.value.code() == StatusCode.NOT_FOUND
    assert error.value.details() == f"version '7' is not served here; '{server.version}' is"


def test_nan_means_unknown(server):
    items = [tensor("query", b"red shoes"), tensor("title", b"red", b"hose")]
    answer = infer(server, *items, tensor("price", 9.5, float("nan"), datatype="FP64"))
    assert answer.get_output_by_name("item_id").data == [b"0", b"1"]
