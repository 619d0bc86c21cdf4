"""The workbench's server: its pages behind one policy, and one page for whatever goes wrong."""

from collections.abc import Sequence
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from minio.error import S3Error
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from workbench.identity import identify
from workbench.page import PageError, show_error
from workbench.pages import (
    compare,
    explanation,
    free_query,
    judge,
    nights,
    people_figures,
    queries,
    rationales,
    release,
)
from workbench.security import add_headers, check_token

STATIC = Path(__file__).parent / "static"
PAGES = (release, queries, compare, free_query, explanation, judge, people_figures, rationales, nights)
HOST_NAMES = ("localhost", "127.0.0.1", "[::1]")


def create_app(host_names: Sequence[str] = HOST_NAMES, user_header: str = "") -> FastAPI:
    """Return the server, which answers under these names alone.

    Another site could else point a name of its own here, and read what it says. `user_header` names the header in which
    a proxy says who asks; with "" people type their names.
    """
    app = FastAPI(title="workbench", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.user_header = user_header
    app.middleware("http")(add_headers)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(host_names))
    app.mount("/static", StaticFiles(directory=STATIC), "static")
    for page in PAGES:
        app.include_router(page.router, dependencies=[Depends(identify), Depends(check_token)])
    app.add_api_route("/", lambda: RedirectResponse("/release"), include_in_schema=False)
    app.add_exception_handler(PageError, _show_page_error)
    app.add_exception_handler(HTTPException, _show_http_error)
    app.add_exception_handler(RequestValidationError, _show_invalid_request)
    app.add_exception_handler(OSError, _show_storage_error)
    app.add_exception_handler(S3Error, _show_storage_error)
    return app


def _show_page_error(request: Request, error: PageError) -> Response:
    return show_error(request, error.status, str(error))


def _show_http_error(request: Request, error: HTTPException) -> Response:
    return show_error(request, error.status_code, f"{request.url.path}: {error.detail}.")


def _show_invalid_request(request: Request, error: RequestValidationError) -> Response:
    problems = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return show_error(request, 422, f"The form cannot be read: {'; '.join(problems)}.")


def _show_storage_error(request: Request, error: Exception) -> Response:
    return show_error(request, 503, f"S3 cannot be read: {error}.")
