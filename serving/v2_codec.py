"""V2 requests and answers, over REST and gRPC: named tensors instead of JSON objects, the same request and answer.

One value: `query`, and where they are wanted query_id, locale, query_class, user_id, request_id (BYTES), page_size
(INT64). A value an item: `item_ids`; or `title` with item_id, brand, category, attributes (BYTES), price, rating
(FP64).
"""

import math
import struct
from collections.abc import Iterable

from kserve import InferInput, InferOutput, InferRequest, InferResponse
from kserve.errors import InferenceError

from components import contracts
from serving.request_schemas import Refused

ONE = ("query", "query_id", "locale", "query_class", "user_id", "request_id", "page_size")
OF_ITEMS = ("title", "item_id", "brand", "category", "attributes", "price", "rating")
NUMBERS = {"page_size": "INT64", "price": "FP64", "rating": "FP64"}
KNOWN = (*ONE, "item_ids", *OF_ITEMS)


def _tensor(name: str, datatype: str, *shape: int) -> dict:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


INPUTS = [_tensor(name, NUMBERS.get(name, "BYTES"), 1 if name in ONE else -1) for name in KNOWN]
OUTPUTS = [
    _tensor("item_id", "BYTES", -1),
    _tensor("label", "BYTES", -1),
    _tensor("probabilities", "FP32", -1, len(contracts.LABELS)),
    _tensor("score", "FP32", -1),
    _tensor("position", "INT64", -1),
    _tensor("stale", "BOOL", -1),
]


def body(request: InferRequest) -> dict:
    """The request as the JSON object that it would be in V1.

    Raises:
        Refused: a tensor is not known, is there twice, or holds something else than its shape and type say.
    """
    _known_outputs(request)
    given = {}
    for tensor in request.inputs:
        if tensor.name not in KNOWN:
            raise Refused(f"the input {tensor.name!r} is not known; give some of {', '.join(KNOWN)}")
        if tensor.name in given:
            raise Refused(f"the input {tensor.name!r} is given twice")
        given[tensor.name] = values(tensor)
    for name in given.keys() & set(ONE):
        if len(given[name]) != 1:
            raise Refused(f"the input {name!r} holds {len(given[name])} values; give one")
    said = {name: given[name][0] for name in ONE if name in given}
    said |= {"item_ids": given["item_ids"]} if "item_ids" in given else {}
    columns = {name: given[name] for name in OF_ITEMS if name in given}
    return said | ({"instances": _rows(columns)} if columns else {}) | _named(request, said)


def _known_outputs(request: InferRequest) -> None:
    names = [each["name"] for each in OUTPUTS]
    for output in request.request_outputs or ():
        if output.name not in names:
            raise Refused(f"the output {output.name!r} is not known; ask for some of {', '.join(names)}")


def _named(request: InferRequest, said: dict) -> dict:
    return {"request_id": request.id} if request.id and "request_id" not in said else {}


def values(tensor: InferInput) -> list:
    """A tensor's values in a row, texts as str.

    Raises:
        Refused: they are not of the type or number that the tensor says.
    """
    place = f"the input {tensor.name!r}"
    wanted = NUMBERS.get(tensor.name, "BYTES")
    if (tensor.datatype == "BYTES") != (wanted == "BYTES"):
        raise Refused(f"{place} is {tensor.datatype}; give {wanted}")
    try:
        found = tensor.data if tensor._raw_data is None else tensor.as_numpy().tolist()
        flat = list(_flat(found if isinstance(found, list) else [found]))
        texts = [value.decode() if isinstance(value, bytes) else value for value in flat]
    except (InferenceError, ValueError, TypeError, struct.error) as error:
        raise Refused(f"{place} cannot be read as {tensor.datatype}: {error}") from error
    if any(size < 0 for size in tensor.shape) or math.prod(tensor.shape) != len(texts):
        raise Refused(f"{place} says shape {list(tensor.shape)} and holds {len(texts)} values")
    return texts


def _flat(found: list, depth: int = 0) -> Iterable:
    if depth > 8:
        raise ValueError("its lists are nested too deeply")
    for value in found:
        if isinstance(value, list):
            yield from _flat(value, depth + 1)
        else:
            yield value


def _rows(columns: dict[str, list]) -> list[dict]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise Refused(f"the inputs of items differ in length: {said}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def answer(said: dict, request: InferRequest, name: str) -> InferResponse:
    """The answer as tensors, in rank order, as many of them and as binary as was asked."""
    rows = said["predictions"]
    columns = {each["name"]: [row[each["name"]] for row in rows] for each in OUTPUTS}
    columns["probabilities"] = [value for row in rows for value in row["probabilities"].values()]
    return InferResponse(
        said["request_id"],
        name,
        [
            InferOutput(each["name"], _shape(each, len(rows)), each["datatype"], columns[each["name"]])
            for each in OUTPUTS
        ],
        parameters={"version": said["version"], "degraded": said["degraded"]},
        use_binary_outputs=request.use_binary_outputs,
        requested_outputs=request.request_outputs,
    )


def _shape(tensor: dict, rows: int) -> list[int]:
    return [rows, *tensor["shape"][1:]]
