"""Who a request is from: the name in the header of the proxy that asks, or what a person typed where none is trusted.

The server trusts one header alone, and that only where it was told to: the proxy in front has to take away what a
browser sends under this name.
"""

import re

from starlette.requests import Request

from workbench.page import PageError

LONGEST_NAME = 100  # characters
HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")


def check_header_name(name: str) -> str:
    """Return the name of a header, which is "" where none is trusted.

    Raises:
        ValueError: it cannot be one.
    """
    if name and not HEADER_NAME.fullmatch(name):
        raise ValueError(f"--user-header is {name!r}: give the name of a header alone, as kubeflow-userid")
    return name


async def identify(request: Request) -> None:
    """Keep the trusted header's name as the request's user.

    It is "" where no header is trusted.

    Raises:
        PageError: the request has no such header, or no one name in it.
    """
    header = request.app.state.user_header
    request.state.user = read_user(request, header) if header else ""


def read_user(request: Request, header: str) -> str:
    """Return the name in a request's header.

    Raises:
        PageError: there is none, or more than one, or it is no name.
    """
    values = [decode(value) for value in request.headers.getlist(header)]
    names = [value.strip() for value in values if value.strip()]
    if not names:
        raise PageError(
            401,
            f"Nobody is named: the proxy in front has to say in the header {header} who asks, and this request has "
            "none. Come through the proxy, not around it.",
        )
    if len(names) > 1:
        raise PageError(400, f"The header {header} came {len(names)} times: the proxy has to remove a browser's own.")
    if len(names[0]) > LONGEST_NAME or not names[0].isprintable():
        raise PageError(400, f"The header {header} is no name of 1 to {LONGEST_NAME} printable characters.")
    return names[0]


def decode(value: str) -> str:
    """Return a header's text, which came as Latin-1 and may be UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value


def acting_name(request: Request, typed_name: str) -> str:
    """Return who acts: the request's user, or the typed name where no header is trusted.

    Raises:
        PageError: the typed name is another than the user's, or nobody is named.
    """
    user = request.state.user
    name = typed_name.strip()
    if user and name and name != user:
        raise PageError(403, f"Nothing was done: you are {user}, and the form says {name!r}. Leave the name out.")
    if not (user or name):
        raise PageError(422, "Say who you are: the name stays with every rating and in the release's history.")
    return user or name
