"""Tensors carry the same request as JSON; a false shape or type is refused by name."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # imports KServe


def text(name: str, *values: str, shape: list | None = None, datatype: str = "BYTES"):
    from kserve import InferInput

    return InferInput(name, [len(values)] if shape is None else shape, datatype, list(values))


def request(*inputs, **options):
    from kserve import InferRequest

    return InferRequest("relevance", list(inputs), **options)


def body(*inputs, **options) -> dict:
    from serving import v2_codec

    return v2_codec.decode_request(request(*inputs, **options))


def test_tensors_become_the_fields_of_v1():
    fields = body(text("query", "red shoes"), text("item_ids", "i1", "i2"), text("user_id", "anna"), request_id="r1")
    assert fields == {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna", "request_id": "r1"}


def test_item_columns_become_instances():
    price = text("price", 9.5, None, datatype="FP64")
    fields = body(text("query", "shoes"), text("title", "red", "blue"), price)
    assert fields["instances"] == [{"title": "red", "price": 9.5}, {"title": "blue", "price": None}]


def test_raw_bytes_and_nested_lists_read_alike():
    raw = text("item_ids", shape=[2])
    raw.set_data_from_numpy(np.array([b"i1", "i\u00e92".encode()], np.object_))
    nested_lists = text("item_ids", ["i1"], ["i\u00e92"], shape=[2, 1])
    assert body(raw) == body(nested_lists) == {"item_ids": ["i1", "i\u00e92"]}


WRONG = [
    ([("colour", "red")], "the input 'colour' is not known; give some of query, "),
    ([("query", "a"), ("query", "b")], "the input 'query' is given twice"),
    ([("query", "a", "b")], "the input 'query' holds 2 values; give one"),
    ([("title", "a", "b"), ("brand", "c")], "the inputs of items differ in length: title 2, brand 1"),
]


@pytest.mark.parametrize(("inputs", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_wrong_inputs_are_refused_by_name(inputs, sentence):
    from serving.request_schemas import InvalidRequest

    with pytest.raises(InvalidRequest, match=sentence.replace("(", r"\(")):
        body(*(text(*each) for each in inputs))


LIES = [
    ({"shape": [3]}, "says shape [3] and holds 1 values"),
    ({"shape": [-1]}, "says shape [-1] and holds 1 values"),
    ({"shape": [10**30]}, "and holds 1 values"),
    ({"datatype": "FP32"}, "is FP32; give BYTES"),
]


@pytest.mark.parametrize(("lie", "sentence"), LIES, ids=[sentence for _, sentence in LIES])
def test_a_shape_or_type_that_lies_is_refused(lie, sentence):
    from serving.request_schemas import InvalidRequest

    with pytest.raises(InvalidRequest) as refusal:
        body(text("query", "a", **lie))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("raw", [b"\x01", b"\xff\xff\xff\xff", b"\x01\x00\x00\x00\xff"])
def test_raw_bytes_that_are_no_texts_are_refused(raw):
    from serving.request_schemas import InvalidRequest

    tensor = text("query", shape=[1])
    tensor._raw_data = raw
    with pytest.raises(InvalidRequest, match="the input 'query' cannot be read as BYTES"):
        body(tensor)


def test_only_requested_outputs_are_sent():
    from kserve.protocol.infer_type import RequestedOutput

    from serving import v2_codec

    row = {"item_id": "i1", "label": "Exact", "probabilities": {"Exact": 1.0, "Irrelevant": 0.0}, "score": 1.0}
    row |= {"position": 1, "stale": False}
    answer = {"predictions": [row], "version": "v1", "request_id": "r1", "degraded": False}
    v2_request = request(request_outputs=[RequestedOutput("label")])
    response, _ = v2_codec.encode_response(answer, v2_request, "relevance").to_rest()
    assert [output["name"] for output in response["outputs"]] == ["label"]
    assert response["outputs"][0]["data"] == ["Exact"] and response["parameters"]["version"] == "v1"


def test_request_parameters_of_grpc_become_plain_values():
    from kserve import InferRequest
    from kserve.protocol.grpc.grpc_predict_v2_pb2 import ModelInferRequest

    from serving import v2_codec

    message = ModelInferRequest(model_name="relevance")
    message.parameters["flag"].bool_param = False
    v2_request = InferRequest.from_grpc(message)
    assert v2_request.parameters["flag"]  # a message, whatever it holds
    v2_codec.decode_request(v2_request)
    assert v2_request.parameters == {"flag": False}


def test_nan_is_unknown():
    price = text("price", 9.5, float("nan"), datatype="FP64")
    assert body(text("query", "a"), text("title", "b", "c"), price)["instances"][1] == {"title": "c", "price": None}


def test_an_unknown_output_is_refused():
    from kserve.protocol.infer_type import RequestedOutput

    from serving.request_schemas import InvalidRequest

    with pytest.raises(InvalidRequest, match="the output 'colour' is not known"):
        body(text("query", "a"), request_outputs=[RequestedOutput("colour")])
