"""One night of features: fetch the logs, build the files, fill the store, join the training set."""

import os
import tempfile
from datetime import datetime

from components import contracts
from components.features.build import build
from components.log_days import fetch_logs, parse_moment
from components.settings import Settings
from components.step_result import StepResult


def build_night(tables: tuple[str, str], logs_prefix: str, as_of: str, outputs: tuple[str, str]) -> StepResult:
    """Turn (judgements, items) into (feature folder, training set).

    An empty prefix reads no logs, and an empty `as_of` is now. BROADFAST_FEATURE_STORE says whether Feast is filled.

    Raises:
        ValueError: `as_of` is no ISO 8601 moment with a time zone.
    """
    judgements, items = tables
    folder, training_set_path = outputs
    moment = parse_moment(as_of)
    with tempfile.TemporaryDirectory() as scratch:
        logs = fetch_logs(logs_prefix, moment, scratch) if logs_prefix else None
        counts = build(judgements, items, logs, moment, folder)
    fill = fill_store if Settings().feature_store else join_without_store
    filling = fill(judgements, folder, moment, training_set_path)
    headline = f"{counts['item_statistics']} items, {counts['query_statistics']} queries{describe_filling(filling)}"
    rows = filling.pop("rows")
    return StepResult(contracts.count(judgements), rows, headline=headline, details=counts | filling)


def fill_store(judgements: str, folder: str, moment: datetime, out: str) -> dict:
    """Bring the online store to a moment and join the training set by it.

    Raises:
        ValueError: this is a cluster whose store nobody has named.
    """
    from components.features.materialize import materialize, write_training_set

    check_store()
    details = materialize(folder, moment)
    return details | {"rows": write_training_set(judgements, folder, moment, out)}


def join_without_store(judgements: str, folder: str, moment: datetime, out: str) -> dict:
    """Join the training set by the night's files, for a platform without a feature store."""
    from components.features.file_join import join_files
    from components.features.training_set import write_joined

    return {"feature_store": "off", "rows": write_joined(judgements, join_files(judgements, folder, moment), out)}


def check_store() -> None:
    """Check that a cluster's step was given the store that its servers read.

    Raises:
        ValueError: it was not; with the two remedies.
    """
    if Settings().router != "envoy" and not os.environ.get("BROADFAST_REDIS"):
        raise ValueError(
            "BROADFAST_REDIS is not set: make the Secret broadfast-feature-store, or set BROADFAST_FEATURE_STORE to "
            "off in the overlay's settings, where servers rank by text alone"
        )


def describe_filling(details: dict) -> str:
    """Return what is unusual about how the store was filled, for the headline."""
    if details.get("feature_store") == "off":
        return ", no feature store"
    if details["refilled_views"]:
        return f"; written again, for the online store had lost them: {', '.join(details['refilled_views'])}"
    return ""
