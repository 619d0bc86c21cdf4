"""What keeps a browser honest: a strict policy for content, and a token in every form.

The token is a keyed hash of a random cookie, so that another site can send neither.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from workbench.page import PageError

COOKIE = "workbench"
TOKEN = "token"  # of forms
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
SECRET = secrets.token_bytes(32)  # of this process: a restart ends all open forms


async def add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Answer with the headers, and give a browser its cookie."""
    cookie = request.cookies.get(COOKIE) or secrets.token_hex(16)
    request.state.token = form_token(cookie)
    response = await call_next(request)
    response.headers.update(HEADERS)
    if "/static/" not in request.url.path:
        response.headers["Cache-Control"] = "no-store"
    if COOKIE not in request.cookies:
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


def form_token(cookie: str) -> str:
    """Return the token of the forms that a browser with this cookie gets."""
    return hmac.new(SECRET, cookie.encode(), hashlib.sha256).hexdigest()


async def check_token(request: Request) -> None:
    """Refuse a form without the token of its browser.

    Raises:
        PageError: the token is missing, another browser's, or from before a restart.
    """
    if request.method in ("GET", "HEAD"):
        return
    form = await request.form()
    token = str(form.get(TOKEN, ""))
    if not hmac.compare_digest(token.encode(), form_token(request.cookies.get(COOKIE, "")).encode()):
        raise PageError(403, "This form is not from here, or from before a restart: load the page again, then send it.")
