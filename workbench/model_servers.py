"""Both versions' answers to one query, as their servers give them now. Nothing of it is recorded as shown."""

import json
from collections.abc import Mapping, Sequence

import urllib3

from components.settings import Settings

ARMS = {"stable": "control", "candidate": "treatment"}
PATH = "/v1/models/relevance:predict"
TIMEOUT_S = 5.0
FIELDS = ("item_id", "title", "brand", "category", "attributes")
POOL = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S)


def score_by_servers(rows: Sequence[Mapping]) -> tuple[list[dict], dict[str, str]]:
    """Return one query's COMPARED_PAIRS with the servers' labels and scores, and the versions that answered.

    Raises:
        ConnectionError: a server gives no good answer, with its reason.
    """
    answers = {side: ask_server(rows, arm) for side, arm in ARMS.items()}
    scored_rows = []
    for row in rows:
        scored_row = dict(row)
        for side, answer in answers.items():
            prediction = answer["predictions"][row["item_id"]]
            scored_row |= {f"{side}_label": prediction["label"], f"{side}_score": prediction["score"]}
        scored_rows.append(scored_row)
    return scored_rows, {side: answer["version"] for side, answer in answers.items()}


def select_fields(row: Mapping) -> dict:
    """Return the fields of an item that a server takes, without empty ones."""
    return {name: row[name] for name in FIELDS if row[name]}


def ask_server(rows: Sequence[Mapping], arm: str) -> dict:
    """Return an arm's answer, its predictions by item.

    Raises:
        ConnectionError: it gives no good answer.
    """
    first = rows[0]
    body = {name: first[name] for name in ("query", "query_id", "locale", "query_class") if first[name]}
    body["instances"] = [select_fields(row) for row in rows]
    headers = {"content-type": "application/json", "x-arm": arm, "x-shadow": "1"}  # a shadow's page is not recorded
    url = Settings().gateway_url + PATH
    try:
        response = POOL.request("POST", url, body=json.dumps(body), headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionError(f"{url} does not answer for {arm}: {error}") from None
    if response.status != 200:
        text = response.data[:200].decode(errors="replace")
        raise ConnectionError(f"{url} answers {response.status} for {arm}: {text}")
    answer = json.loads(response.data)
    return answer | {"predictions": {row["item_id"]: row for row in answer["predictions"]}}
