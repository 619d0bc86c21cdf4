"""Checks that a Kubeflow server answers and grants access, before anything is compiled, which takes seconds."""

from dataclasses import dataclass

import httpx

TIMEOUT_S = 2.5
AUDIENCE = "pipelines.kubeflow.org"


@dataclass(frozen=True)
class Address:
    """A server, the namespace of its runs, and the credentials of who calls it."""

    host: str
    namespace: str
    token: str = ""
    cookie: str = ""  # as authservice_session=..., of a server behind dex

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of every request."""
        bearer = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return bearer | ({"cookie": self.cookie} if self.cookie else {})

    @property
    def token_command(self) -> str:
        """Return the command that makes a token for this namespace."""
        command = f"kubectl -n {self.namespace} create token default-editor --audience {AUDIENCE} > token"
        return f'`{command}`, then DEPLOY="--token-file token"'


@dataclass(frozen=True)
class ServerKind:
    """Whether a server is multi-user, and the namespace that its API wants."""

    is_multi_user: bool
    namespace: str

    def describe(self, address: Address) -> str:
        """Say where runs will run."""
        if self.is_multi_user:
            return f"{address.host} is a multi-user server: runs will run in namespace {self.namespace!r}"
        return (
            f"{address.host} is a single-user server: runs will run in the server's own namespace (as a rule "
            f"'kubeflow'), whatever was given ({address.namespace!r}), and the platform must be deployed there"
        )


def check_access(address: Address) -> ServerKind:
    """Find out the kind of a server and that it grants access, within five seconds.

    Raises:
        ConnectionError: nobody answers, or not Kubeflow's API.
        PermissionError: the token, the cookie or the namespace is refused.
    """
    health = _get(address, "healthz", {})
    _check_answer(health, address, "healthz")
    is_multi_user = bool(_parse_json(health, address).get("multi_user"))
    kind = ServerKind(is_multi_user, address.namespace if is_multi_user else "")
    query = {"page_size": 1} | ({"namespace": kind.namespace} if kind.namespace else {})
    _check_answer(_get(address, "experiments", query), address, "a list of experiments")
    return kind


def _get(address: Address, path: str, query: dict) -> httpx.Response:
    url = f"{address.host.rstrip('/')}/apis/v2beta1/{path}"
    try:
        return httpx.get(url, params=query, headers=address.headers, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionError(
            f"no Kubeflow Pipelines API at {address.host} ({error}): give --host, or open a way to it by "
            "`kubectl -n kubeflow port-forward svc/ml-pipeline 8888` and say --host http://localhost:8888"
        ) from None


def _check_answer(answer: httpx.Response, address: Address, what: str) -> None:
    if answer.status_code == 401:
        fault = "does not know this token, which may have ended" if address.token else "asks for a token"
        raise PermissionError(
            f"{address.host} {fault}: give --token-file or --cookie of a user it knows. "
            f"To make a token: {address.token_command}"
        )
    if answer.status_code == 403:
        raise PermissionError(
            f"{address.host} refuses this user namespace {address.namespace!r}: give --namespace of a profile that is "
            f"theirs, or have its owner add them. To act as the namespace itself: {address.token_command}"
        )
    if answer.is_redirect or "html" in answer.headers.get("content-type", ""):
        raise PermissionError(f"{address.host} answers with a page to log in: give --token-file or --cookie")
    if not answer.is_success:
        text = answer.text.strip()[:200]
        raise ConnectionError(f"{address.host} answers {answer.status_code} to {what}: {text}")


def _parse_json(answer: httpx.Response, address: Address) -> dict:
    try:
        return answer.json()
    except ValueError:
        raise ConnectionError(
            f"{address.host} answers, but not as Kubeflow Pipelines does: {answer.text.strip()[:200]!r}"
        ) from None
