"""Makes KServe's server ours at its edges: the address it binds, what it decodes, who may unload, the noise it logs."""

import logging
import struct
from concurrent.futures import ThreadPoolExecutor

import kserve.model_server
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from grpc import aio
from kserve import InferRequest
from kserve.errors import InferenceError, InvalidInput, ModelNotFound, ServerNotReady
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.server import GRPCServer
from kserve.protocol.rest.server import RESTServer

from serving.asgi_body import MAX_BODY
from serving.validation_errors import place

TOLD = (InvalidInput, ModelNotFound, ServerNotReady)  # to the caller; what is behind a 503 is logged once, where it is
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, struct.error, InferenceError)


def bind(host: str, servicer: type) -> None:
    """Bind `host` instead of the 0.0.0.0 and [::] that KServe hard-codes; call it before a ModelServer is started."""

    class BoundServer(RESTServer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.config.host = host

    class BoundGrpcServer(GRPCServer):
        async def start(self, max_workers: int) -> None:
            options = [(f"grpc.max_{way}_message_length", MAX_BODY) for way in ("send", "receive")]
            workers = ThreadPoolExecutor(max_workers)
            self._server = aio.server(workers, interceptors=(ExceptionToStatusInterceptor(),), options=options)
            serving = servicer(self._data_plane, self._model_repository_extension)
            add_GRPCInferenceServiceServicer_to_server(serving, self._server)
            self._server.add_insecure_port(f"{host}:{self._port}")
            await self._server.start()
            await self._server.wait_for_termination()

    kserve.model_server.RESTServer = BoundServer
    kserve.model_server.GRPCServer = BoundGrpcServer


class StrictDataPlane(DataPlane):
    """KServe's data plane, for which a body that cannot be decoded is the caller's error whatever it trips over."""

    def decode(self, body, headers, protocol_version="v1", model_name=None):
        """The request and its attributes, as KServe's.

        Raises:
            InvalidInput: the body is no request.
        """
        try:
            request, attributes = super().decode(body, headers, protocol_version, model_name)
            if isinstance(request, InferRequest):
                _check(request)
        except InvalidInput:
            raise
        except MALFORMED as error:
            raise InvalidInput(f"the body is no V2 request: {type(error).__name__}: {error}") from error
        return request, attributes


def _check(request: InferRequest) -> None:
    """Types that KServe checks in JSON, and not in the JSON before binary tensors."""
    if not isinstance(request.id, str | None) or not isinstance(request.parameters, dict | None):
        raise TypeError("its id is no string, or its parameters are no object")
    for tensor in request.inputs:
        sizes = tensor.shape if isinstance(tensor.shape, list) else [None]
        if not isinstance(tensor.name, str) or not all(type(size) is int for size in sizes):
            raise TypeError("an input has no name, or its shape is no list of whole numbers")


def refuse_in_a_sentence(app: FastAPI) -> None:
    """Answer what FastAPI finds wrong with a body as everything else that is wrong: 400, one sentence."""

    @app.exception_handler(RequestValidationError)
    async def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = place(tuple(part for part in first["loc"] if part not in ("body", "InferenceRequest", "bytes")))
        return JSONResponse({"error": f"{where}: {first['msg']}"}, 400)


def quiet() -> None:
    """Log no line a request (the gateway and the REQUESTS table have them), and no traceback a refusal."""
    logging.getLogger("kserve").addFilter(is_ours)
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False


def is_ours(record: logging.LogRecord) -> bool:
    """Whether a log record is about more than a request that was refused: those are answered and counted."""
    return not (record.exc_info and isinstance(record.exc_info[1], TOLD))
