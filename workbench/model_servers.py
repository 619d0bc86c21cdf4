"""What the servers answer now: scores of one query's items, and why. Nothing of it is recorded as shown."""

import json
from collections.abc import Mapping, Sequence

import urllib3

from components.release_store import read_state
from components.settings import Settings
from workbench.page import PageError

ARMS = {"stable": "control", "candidate": "treatment"}
KNATIVE_TAGS = {"control": "prev", "treatment": "latest"}  # an arm in the words of Knative's gateway
PATH = "/v1/models/relevance:"
TIMEOUT_S = 5.0
FIELDS = ("item_id", "title", "brand", "category", "attributes")
POOL = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)


def list_served_sides() -> tuple[str, ...]:
    """Return the sides that are served: stable, and the candidate while one is tried.

    Raises:
        PageError: nothing serves yet.
    """
    state = read_state()
    if not state.stable:
        raise PageError(503, "No version serves yet, so no server can be asked: the first night makes one stable.")
    return tuple(ARMS) if state.candidate else ("stable",)


def score_by_servers(rows: Sequence[Mapping], sides: Sequence[str]) -> tuple[list[dict], dict[str, str]]:
    """Return one query's rows with the servers' labels and scores, and the versions that answered.

    Raises:
        PageError: a server gives no good answer, with its reason.
    """
    answers = {side: ask_server(rows, ARMS[side], "predict") for side in sides}
    scored_rows = {row["item_id"]: dict(row) for row in rows}
    for side, answer in answers.items():
        for prediction in answer["predictions"]:
            scores = {f"{side}_label": prediction["label"], f"{side}_score": prediction["score"]}
            scored_rows[prediction["item_id"]] |= scores
    return list(scored_rows.values()), {side: answer["version"] for side, answer in answers.items()}


def explain_by_servers(row: Mapping, sides: Sequence[str]) -> dict[str, dict]:
    """Return each side's explanation of one item: version, label, score, features, nearest rationales, reason.

    Raises:
        PageError: a server gives no good answer, with its reason.
    """
    answers = {side: ask_server([row], ARMS[side], "explain") for side in sides}
    return {side: answer["explanations"][0] | {"version": answer["version"]} for side, answer in answers.items()}


def select_fields(row: Mapping) -> dict:
    """Return the fields of an item that a server takes, without empty ones."""
    return {name: row[name] for name in FIELDS if row[name]}


def ask_server(rows: Sequence[Mapping], arm: str, verb: str) -> dict:
    """Return an arm's answer about one query's items.

    Raises:
        PageError: it gives no good answer.
    """
    first = rows[0]
    body = {name: first[name] for name in ("query", "query_id", "locale", "query_class") if first[name]}
    body["instances"] = [select_fields(row) for row in rows]
    headers = {"content-type": "application/json", "x-arm": arm, "knative-serving-tag": KNATIVE_TAGS[arm]}
    headers["x-shadow"] = "1"  # a shadow's page is not recorded
    url = f"{Settings().gateway_url}{PATH}{verb}"
    try:
        response = POOL.request("POST", url, body=json.dumps(body), headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise PageError(503, f"{url} does not answer for {arm}: {error}") from None
    if response.status != 200:
        text = response.data[:200].decode(errors="replace")
        raise PageError(503, f"{url} answers {response.status} for {arm}: {text}")
    return json.loads(response.data)
