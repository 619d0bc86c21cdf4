"""One night of features: fetch the logs, build the files, fill the store, join the training set."""

import tempfile
from datetime import UTC, datetime

from components import contracts
from components.features.build import build
from components.features.logs import fetch_logs
from components.features.materialize import materialize, write_training_set
from components.step_result import StepResult


def build_night(tables: tuple[str, str], logs_prefix: str, as_of: str, outputs: tuple[str, str]) -> StepResult:
    """Turn (judgements, items) into (feature folder, training set).

    An empty prefix reads no logs, and an empty `as_of` is now.

    Raises:
        ValueError: `as_of` is no ISO 8601 moment with a time zone.
    """
    judgements, items = tables
    folder, training_set_path = outputs
    moment = _parse_moment(as_of)
    with tempfile.TemporaryDirectory() as scratch:
        logs = fetch_logs(logs_prefix, moment, scratch) if logs_prefix else None
        counts = build(judgements, items, logs, moment, folder)
    details = counts | materialize(folder, moment)
    rows = write_training_set(judgements, folder, moment, training_set_path)
    headline = f"{counts['item_statistics']} items, {counts['query_statistics']} queries"
    return StepResult(contracts.count(judgements), rows, headline=headline, details=details)


def _parse_moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"as_of is {text!r}; give an ISO 8601 moment, e.g. 2026-01-31T03:00:00+00:00") from error
    if moment.tzinfo is None:
        raise ValueError(f"as_of is {text!r}, without a time zone; give e.g. {text}+00:00")
    return moment
