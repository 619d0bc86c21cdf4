"""V2 requests to interleave: tensors read and written by KServe's code, as by the relevance server.

The next page's token is a parameter of the answer, and `page_token` a further input.
"""

from collections.abc import Mapping

import orjson
from fastapi import Response
from fastapi.responses import JSONResponse
from kserve import InferRequest
from kserve.constants.constants import INFERENCE_CONTENT_LENGTH_HEADER
from kserve.errors import InvalidInput
from kserve.model_repository import ModelRepository
from kserve.protocol.rest.v2_datamodels import InferenceResponse

from serving import v2_codec
from serving.kserve_patches import StrictDataPlane
from serving.page_interleaver import Answer, PageInterleaver
from serving.request_log import VERSION_HEADER
from serving.request_schemas import InvalidRequest

TOKEN = "page_token"
DATA_PLANE = StrictDataPlane(model_registry=ModelRepository())


async def infer(interleaver: PageInterleaver, name: str, body: bytes, headers: Mapping[str, str]) -> Response:
    """Answer one V2 request.

    Raises:
        InvalidRequest: the body is no V2 request, or does not fit the schema.
        SpoolFull: it cannot be recorded.
    """
    request = decode(name, body, headers)
    answer = await interleaver.answer(v2_codec.decode_request(request, (TOKEN,)), headers)
    if answer.status != 200:
        return JSONResponse(answer.document, answer.status)
    return encode(answer, request, name)


def decode(name: str, body: bytes, headers: Mapping[str, str]) -> InferRequest:
    """Read the tensors of a body.

    Raises:
        InvalidRequest: it is neither JSON, nor JSON with binary tensors behind it.
    """
    try:
        return DATA_PLANE.decode(body, dict(headers), "v2", name)[0]
    except InvalidInput as error:
        raise InvalidRequest(str(error)) from error


def encode(answer: Answer, request: InferRequest, name: str) -> Response:
    """Return an answer as tensors, the requested ones, binary where requested."""
    response = v2_codec.encode_response(answer.document, request, name)
    if token := answer.document["next_page_token"]:
        response.parameters["next_page_token"] = token
    content, json_length = response.to_rest()
    headers = {VERSION_HEADER: answer.versions}
    if json_length is not None:
        headers[INFERENCE_CONTENT_LENGTH_HEADER] = str(json_length)
        return Response(content, 200, headers, "application/octet-stream")
    document = InferenceResponse.model_validate(content).model_dump()
    return Response(orjson.dumps(document), 200, headers, "application/json")
