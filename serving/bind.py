"""Makes KServe's server ours at its edges: the address it binds, the middleware it runs, the noise it logs."""

import logging

import kserve.model_server
from kserve.errors import InvalidInput, ModelNotFound
from kserve.protocol.rest.server import RESTServer

CALLERS_ERRORS = (InvalidInput, ModelNotFound)


def bind(host: str) -> None:
    """Bind `host` instead of the 0.0.0.0 that KServe hard-codes; call it before a ModelServer is started."""

    class BoundServer(RESTServer):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.config.host = host

    kserve.model_server.RESTServer = BoundServer


def quiet() -> None:
    """Log no line a request (the gateway and the REQUESTS table have them), and no traceback for a caller's error."""
    logging.getLogger("kserve").addFilter(is_ours)
    logging.getLogger("kserve.trace").setLevel(logging.WARNING)
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False


def is_ours(record: logging.LogRecord) -> bool:
    """Whether a log record is about more than a request that was wrong: those are answered and counted."""
    return not (record.exc_info and isinstance(record.exc_info[1], CALLERS_ERRORS))
