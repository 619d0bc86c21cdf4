"""One night of features: fetch the logs, build the files, fill the store, join the training set."""

import tempfile
from datetime import UTC, datetime

from components import contracts
from components.features.build import build
from components.features.logs import fetch_logs
from components.features.materialize import materialize, training_set


def features_of_the_night(tables: tuple[str, str], logs_prefix: str, as_of: str, outputs: tuple[str, str]) -> dict:
    """From (judgements, items) to (feature folder, training set); an empty prefix reads no logs.

    Raises:
        ValueError: `as_of` is no ISO 8601 moment with a time zone; none at all is now.
    """
    (judgements, items), (folder, out), moment = tables, outputs, _moment(as_of)
    with tempfile.TemporaryDirectory() as scratch:
        logs = fetch_logs(logs_prefix, moment, scratch) if logs_prefix else None
        built = build(judgements, items, logs, moment, folder)
    registered = materialize(folder, moment)
    rows = training_set(judgements, folder, moment, out)
    return {
        "rows_in": contracts.count(judgements),
        "rows_out": rows,
        "set_aside": 0,
        "figure": f"{built['item_statistics']} items, {built['query_statistics']} queries",
        **built,
        **registered,
    }


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"as_of is {text!r}; give an ISO 8601 moment, e.g. 2026-01-31T03:00:00+00:00") from error
    if moment.tzinfo is None:
        raise ValueError(f"as_of is {text!r}, without a time zone; give e.g. {text}+00:00")
    return moment
