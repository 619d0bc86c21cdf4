"""The server as a process, asked over gRPC with KServe's own client."""

import asyncio

import pytest

from testing.relevance_server import tensor

pytestmark = pytest.mark.slow  # starts servers


def infer(server, *inputs: dict, **options):
    from kserve import InferenceGRPCClient, InferInput, InferRequest

    async def send():
        client = InferenceGRPCClient(server.grpc_address, timeout=20)
        tensors = [InferInput(each["name"], each["shape"], each["datatype"], each["data"]) for each in inputs]
        try:
            return await client.infer(InferRequest("relevance", tensors), **options)
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
