"""Changes to KServe's server at its edges: the address it binds, what it decodes, who may unload, what it logs."""

import asyncio
import json
import logging
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor

import kserve.model_server
import uvloop
from fastapi import FastAPI, Request
from fastapi.exceptions import FastAPIDeprecationWarning, RequestValidationError
from fastapi.responses import JSONResponse
from grpc import aio
from kserve import InferRequest
from kserve.constants.constants import INFERENCE_CONTENT_LENGTH_HEADER
from kserve.errors import InferenceError, InvalidInput, ModelNotFound, ServerNotReady
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.rest.server import RESTServer
from kserve.protocol.rest.v2_datamodels import InferenceRequest
from pydantic import ValidationError

from serving.asgi_body import MAX_BODY
from serving.validation_errors import describe_error, format_path

ANSWERED = (InvalidInput, ModelNotFound, ServerNotReady)  # the cause of a 503 is logged once, where it happens
MALFORMED = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    OverflowError,
    RecursionError,
    struct.error,
    InferenceError,
)


def bind_host(host: str, servicer: type) -> None:
    """Bind `host` instead of the 0.0.0.0 and [::] that KServe hard-codes.

    Call it before a ModelServer is started.
    """

    class BoundServer(RESTServer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.config.host = host

        def _add_middlewares(self, app: FastAPI) -> None:
            """Add none: KServe's one times requests for its trace log, which is off."""

    class BoundGrpcServer(GRPCServer):
        async def start(self, max_workers: int) -> None:
            options = [(f"grpc.max_{way}_message_length", MAX_BODY) for way in ("send", "receive")]
            workers = ThreadPoolExecutor(max_workers)
            self._server = aio.server(workers, interceptors=(ExceptionToStatusInterceptor(),), options=options)
            service = servicer(self._data_plane, self._model_repository_extension)
            add_GRPCInferenceServiceServicer_to_server(service, self._server)
            self._server.add_insecure_port(f"{host}:{self._port}")
            await self._server.start()
            await self._server.wait_for_termination()

    kserve.model_server.RESTServer = BoundServer
    kserve.model_server.GRPCServer = BoundGrpcServer


class StrictDataPlane(DataPlane):
    """KServe's data plane, for which any body that cannot be decoded is the caller's error."""

    def decode(self, body, headers, protocol_version="v1", model_name=None):
        """Return the request and its attributes, as KServe does.

        Raises:
            InvalidInput: the body is no request.
        """
        try:
            request, attributes = super().decode(body, headers, protocol_version, model_name)
            if isinstance(request, InferRequest):
                _check_types(request)
        except InvalidInput:
            raise
        except ValidationError as error:
            raise InvalidInput(describe_error(error)) from error
        except MALFORMED as error:
            raise InvalidInput(f"the body is no V2 request: {type(error).__name__}: {error}") from error
        return request, attributes

    def decode_inference_request(self, body, headers: dict, model_name: str) -> InferRequest:
        """Return a V2 request, as KServe does, and from plain JSON too.

        Bytes that state no length of their JSON are all JSON. NaN is taken in that JSON, as Python clients write it.
        """
        if isinstance(body, bytes) and INFERENCE_CONTENT_LENGTH_HEADER not in headers:
            body = InferenceRequest.model_validate(json.loads(body))
        return super().decode_inference_request(body, headers, model_name)


def _check_types(request: InferRequest) -> None:
    """Check types that KServe checks in JSON, but not in the JSON before binary tensors."""
    if not isinstance(request.id, str | None) or not isinstance(request.parameters, dict | None):
        raise TypeError("its id is no string, or its parameters are no object")
    for tensor in request.inputs:
        sizes = tensor.shape if isinstance(tensor.shape, list) else [None]
        if not isinstance(tensor.name, str) or not all(type(size) is int for size in sizes):
            raise TypeError("an input has no name, or its shape is no list of whole numbers")


def answer_schema_errors(app: FastAPI) -> None:
    """Answer what FastAPI rejects in a body with 400 and one sentence."""

    @app.exception_handler(RequestValidationError)
    async def answer_error(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        path = tuple(part for part in first["loc"] if part not in ("body", "InferenceRequest", "bytes"))
        return JSONResponse({"error": f"{format_path(path)}: {first['msg']}"}, 400)


def silence_request_logs() -> None:
    """Stop KServe's line for each request and its traceback for each refusal.

    The gateway's access log and the REQUESTS table have both.
    """
    logging.getLogger("kserve").addFilter(is_no_refusal)
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.handlers = []
    access.propagate = False


def use_uvloop() -> None:
    """Serve on uvloop, as uvicorn does: with one worker KServe ignores its own `event_loop`."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.set_event_loop(asyncio.new_event_loop())  # which KServe sets up, though it then runs another


def ignore_deprecations() -> None:
    """Ignore FastAPI's warning that ORJSONResponse is deprecated, with which KServe answers a request."""
    warnings.filterwarnings("ignore", "ORJSONResponse is deprecated", FastAPIDeprecationWarning)


def is_no_refusal(record: logging.LogRecord) -> bool:
    """Return false for the log record of a refused request, which is answered and counted."""
    return not (record.exc_info and isinstance(record.exc_info[1], ANSWERED))
