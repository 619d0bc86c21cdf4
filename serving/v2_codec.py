"""V2 requests and answers, over REST and gRPC: named tensors for the fields of the JSON request and answer.

One value: `query`, and where wanted query_id, locale, query_class, user_id, request_id (BYTES), page_size (INT64).
A value an item: `item_ids`; or `title` with item_id, brand, category, attributes (BYTES), price, rating (FP64).
"""

import math
import struct
from collections.abc import Iterable

from kserve import InferInput, InferOutput, InferRequest, InferResponse
from kserve.errors import InferenceError
from kserve.protocol.infer_type import RequestedOutput, to_http_parameters

from components import contracts
from serving.request_schemas import InvalidRequest

REQUEST_FIELDS = ("query", "query_id", "locale", "query_class", "user_id", "request_id", "page_size")
ITEM_FIELDS = ("title", "item_id", "brand", "category", "attributes", "price", "rating")
NUMBERS = {"page_size": "INT64", "price": "FP64", "rating": "FP64"}
INPUT_NAMES = (*REQUEST_FIELDS, "item_ids", *ITEM_FIELDS)
MAX_DEPTH = 8  # of a tensor's nested lists


def _tensor(name: str, datatype: str, *shape: int) -> dict:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


INPUTS = [_tensor(name, NUMBERS.get(name, "BYTES"), 1 if name in REQUEST_FIELDS else -1) for name in INPUT_NAMES]
OUTPUTS = [
    _tensor("item_id", "BYTES", -1),
    _tensor("label", "BYTES", -1),
    _tensor("probabilities", "FP32", -1, len(contracts.LABELS)),
    _tensor("score", "FP32", -1),
    _tensor("position", "INT64", -1),
    _tensor("stale", "BOOL", -1),
    _tensor("degraded", "BOOL", 1),  # one for the request: the feature store did not answer
]
OUTPUTS_BY_NAME = {output["name"]: output for output in OUTPUTS}


def decode_request(request: InferRequest, more_fields: tuple[str, ...] = ()) -> dict:
    """Return the request as the JSON object that it would be in V1.

    `more_fields` are texts of the request that are taken besides.

    Raises:
        InvalidRequest: a tensor is unknown, is there twice, or holds something else than its shape and type say.
    """
    request.parameters = to_http_parameters(request.parameters or {})  # over gRPC they are messages, all of them true
    _check_outputs(request)
    request_fields = (*REQUEST_FIELDS, *more_fields)
    tensors = _decode_inputs(request, request_fields)
    fields = {name: tensors[name][0] for name in request_fields if name in tensors}
    if request.id:
        fields.setdefault("request_id", request.id)
    if "item_ids" in tensors:
        fields["item_ids"] = tensors["item_ids"]
    columns = {name: tensors[name] for name in ITEM_FIELDS if name in tensors}
    if columns:
        fields["instances"] = _transpose(columns)
    return fields


def decode_tensor(tensor: InferInput) -> list:
    """Return a tensor's values as a flat list.

    Texts are str. NaN is None: the number is unknown.

    Raises:
        InvalidRequest: they are not of the type or number that the tensor states.
    """
    name = f"the input {tensor.name!r}"
    datatype = NUMBERS.get(tensor.name, "BYTES")
    if (tensor.datatype == "BYTES") != (datatype == "BYTES"):
        raise InvalidRequest(f"{name} is {tensor.datatype}; give {datatype}")
    try:
        data = tensor.data if tensor._raw_data is None else tensor.as_numpy().tolist()
        flat = list(_flatten(data if isinstance(data, list) else [data]))
        values = [value.decode() if isinstance(value, bytes) else value for value in flat]
    except (InferenceError, ValueError, TypeError, struct.error) as error:
        raise InvalidRequest(f"{name} cannot be read as {tensor.datatype}: {error}") from error
    if any(size < 0 for size in tensor.shape) or math.prod(tensor.shape) != len(values):
        raise InvalidRequest(f"{name} says shape {list(tensor.shape)} and holds {len(values)} values")
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]


def encode_response(answer: dict, request: InferRequest, name: str) -> InferResponse:
    """Return the answer as tensors in rank order, the requested ones, binary where requested."""
    outputs = _requested_outputs(request)
    return InferResponse(
        answer["request_id"],
        name,
        [_encode_output(OUTPUTS_BY_NAME[output.name], answer) for output in outputs],
        model_version=answer["version"],
        parameters={"version": answer["version"], "degraded": answer["degraded"]},
        use_binary_outputs=request.use_binary_outputs,
        requested_outputs=outputs,
    )


def _requested_outputs(request: InferRequest) -> list[RequestedOutput]:
    """Return the outputs to send, in their own format or that of the request."""
    if not request.request_outputs:
        return [RequestedOutput(name, {"binary_data": request.use_binary_outputs}) for name in OUTPUTS_BY_NAME]
    return [
        RequestedOutput(output.name, {"binary_data": request.use_binary_outputs} | (output.parameters or {}))
        for output in request.request_outputs
    ]


def _encode_output(tensor: dict, answer: dict) -> InferOutput:
    name = tensor["name"]
    if name == "degraded":
        return InferOutput(name, [1], tensor["datatype"], [answer["degraded"]])
    rows = answer["predictions"]
    values = [row[name] for row in rows]
    if name == "probabilities":
        values = [probability for row in values for probability in row.values()]
    return InferOutput(name, [len(rows), *tensor["shape"][1:]], tensor["datatype"], values)


def _check_outputs(request: InferRequest) -> None:
    names = [output.name for output in request.request_outputs or ()]
    for name in names:
        if name not in OUTPUTS_BY_NAME:
            raise InvalidRequest(f"the output {name!r} is not known; ask for some of {', '.join(OUTPUTS_BY_NAME)}")
        if names.count(name) > 1:
            raise InvalidRequest(f"the output {name!r} is asked for twice")


def _decode_inputs(request: InferRequest, request_fields: tuple[str, ...]) -> dict[str, list]:
    names = (*request_fields, "item_ids", *ITEM_FIELDS)
    tensors = {}
    for tensor in request.inputs:
        if tensor.name not in names:
            raise InvalidRequest(f"the input {tensor.name!r} is not known; give some of {', '.join(names)}")
        if tensor.name in tensors:
            raise InvalidRequest(f"the input {tensor.name!r} is given twice")
        tensors[tensor.name] = decode_tensor(tensor)
    for name in tensors.keys() & set(request_fields):
        if len(tensors[name]) != 1:
            raise InvalidRequest(f"the input {name!r} holds {len(tensors[name])} values; give one")
    return tensors


def _flatten(values: list, depth: int = 0) -> Iterable:
    if depth > MAX_DEPTH:
        raise ValueError("its lists are nested too deeply")
    for value in values:
        if isinstance(value, list):
            yield from _flatten(value, depth + 1)
        else:
            yield value


def _transpose(columns: dict[str, list]) -> list[dict]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        listing = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise InvalidRequest(f"the inputs of items differ in length: {listing}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
