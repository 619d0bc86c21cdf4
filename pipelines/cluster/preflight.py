"""Whether a Kubeflow server answers and lets us in, before its client is imported, which takes seconds."""

from dataclasses import dataclass

import httpx

TIMEOUT_S = 2.5


@dataclass(frozen=True)
class Address:
    """Where the server is, whose namespace, and who asks."""

    host: str
    namespace: str
    token: str = ""
    cookie: str = ""  # as authservice_session=..., of a server behind dex

    @property
    def headers(self) -> dict[str, str]:
        """What every request says of who asks."""
        bearer = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return bearer | ({"cookie": self.cookie} if self.cookie else {})


def check(address: Address) -> None:
    """See that a server answers and lets us in, within five seconds.

    Raises:
        ConnectionError: nobody answers, or not Kubeflow's API.
        PermissionError: the token, the cookie or the namespace is not let in.
    """
    api = f"{address.host.rstrip('/')}/apis/v2beta1"
    asked = {"namespace": address.namespace, "page_size": 1}
    try:
        answer = httpx.get(f"{api}/experiments", params=asked, headers=address.headers, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConnectionError(
            f"no Kubeflow Pipelines API at {address.host} ({error}): give --host, or open a way to it by "
            "`kubectl -n kubeflow port-forward svc/ml-pipeline 8888` and say --host http://localhost:8888"
        ) from None
    refuse(answer, address)


def refuse(answer: httpx.Response, address: Address) -> None:
    """Raise where an answer to the first question is not the API's yes."""
    if answer.status_code == 401:
        raise PermissionError(
            f"{address.host} does not know this token: give --token-file or --cookie of a user it knows"
        )
    if answer.status_code == 403:
        raise PermissionError(
            f"{address.host} lets this user not into namespace {address.namespace!r}: give --namespace of a profile "
            "that is theirs, or have its owner add them"
        )
    if answer.is_redirect or "html" in answer.headers.get("content-type", ""):
        raise PermissionError(f"{address.host} answers with a page to log in: give --token-file or --cookie")
    if not answer.is_success:
        said = answer.text.strip()[:200]
        raise ConnectionError(f"{address.host} answers {answer.status_code} to a list of experiments: {said}")
