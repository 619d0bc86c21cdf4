"""Tensors mean the same request as JSON, and whatever lies about its shape or type is refused by name."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # imports KServe


def text(name: str, *values: str, shape: list | None = None, datatype: str = "BYTES"):
    from kserve import InferInput

    return InferInput(name, [len(values)] if shape is None else shape, datatype, list(values))


def request(*inputs, **named):
    from kserve import InferRequest

    return InferRequest("relevance", list(inputs), **named)


def body(*inputs, **named) -> dict:
    from serving import v2_codec

    return v2_codec.body(request(*inputs, **named))


def test_named_tensors_are_the_fields_of_a_v1_request():
    said = body(text("query", "red shoes"), text("item_ids", "i1", "i2"), text("user_id", "anna"), request_id="r1")
    assert said == {"query": "red shoes", "item_ids": ["i1", "i2"], "user_id": "anna", "request_id": "r1"}


def test_columns_of_items_become_instances_with_numbers_where_numbers_belong():
    price = text("price", 9.5, None, datatype="FP64")
    said = body(text("query", "shoes"), text("title", "red", "blue"), price)
    assert said["instances"] == [{"title": "red", "price": 9.5}, {"title": "blue", "price": None}]


def test_raw_bytes_of_grpc_and_nested_lists_of_json_are_read_alike():
    raw = text("item_ids", shape=[2])
    raw.set_data_from_numpy(np.array([b"i1", "i\u00e92".encode()], np.object_))
    nested = text("item_ids", ["i1"], ["i\u00e92"], shape=[2, 1])
    assert body(raw) == body(nested) == {"item_ids": ["i1", "i\u00e92"]}


WRONG = [
    ([("colour", "red")], "the input 'colour' is not known; give some of query, "),
    ([("query", "a"), ("query", "b")], "the input 'query' is given twice"),
    ([("query", "a", "b")], "the input 'query' holds 2 values; give one"),
    ([("title", "a", "b"), ("brand", "c")], "the inputs of items differ in length: title 2, brand 1"),
]


@pytest.mark.parametrize(("inputs", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_inputs_that_say_no_request_are_refused_by_name(inputs, sentence):
    from serving.request_schemas import Refused

    with pytest.raises(Refused, match=sentence.replace("(", r"\(")):
        body(*(text(*each) for each in inputs))


LIES = [
    ({"shape": [3]}, "says shape [3] and holds 1 values"),
    ({"shape": [-1]}, "says shape [-1] and holds 1 values"),
    ({"shape": [10**30]}, "and holds 1 values"),
    ({"datatype": "FP32"}, "is FP32; give BYTES"),
]


@pytest.mark.parametrize(("lie", "sentence"), LIES, ids=[sentence for _, sentence in LIES])
def test_a_shape_or_type_that_lies_is_refused(lie, sentence):
    from serving.request_schemas import Refused

    with pytest.raises(Refused) as refusal:
        body(text("query", "a", **lie))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize("raw", [b"\x01", b"\xff\xff\xff\xff", b"\x01\x00\x00\x00\xff"])
def test_raw_bytes_that_are_no_texts_are_refused(raw):
    from serving.request_schemas import Refused

    tensor = text("query", shape=[1])
    tensor._raw_data = raw
    with pytest.raises(Refused, match="the input 'query' cannot be read as BYTES"):
        body(tensor)


def test_the_answer_has_only_the_outputs_that_were_asked_for():
    from kserve.protocol.infer_type import RequestedOutput

    from serving import v2_codec

    row = {"item_id": "i1", "label": "Exact", "probabilities": {"Exact": 1.0, "Irrelevant": 0.0}, "score": 1.0}
    row |= {"position": 1, "stale": False}
    said = {"predictions": [row], "version": "v1", "request_id": "r1", "degraded": False}
    asked = request(request_outputs=[RequestedOutput("label")])
    answered, _ = v2_codec.answer(said, asked, "relevance").to_rest()
    assert [output["name"] for output in answered["outputs"]] == ["label"]
    assert answered["outputs"][0]["data"] == ["Exact"] and answered["parameters"]["version"] == "v1"


def test_an_output_that_does_not_exist_is_refused_before_anything_is_scored():
    from kserve.protocol.infer_type import RequestedOutput

    from serving.request_schemas import Refused

    with pytest.raises(Refused, match="the output 'colour' is not known"):
        body(text("query", "a"), request_outputs=[RequestedOutput("colour")])
