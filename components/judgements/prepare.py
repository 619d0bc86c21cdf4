"""Prepare judgements: write what is good, and quarantine what is not with its file, line and reason."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from components import contracts
from components.item_keys import DEFAULT_LOCALE, item_key
from components.judgements.collect import Collection, collect
from components.judgements.config import PrepareConfig
from components.judgements.problems import find_problem
from components.judgements.readers import open_source
from components.step_result import StepResult


def prepare(
    source: Path, columns: Mapping[str, str], config: PrepareConfig, out: tuple[Path, Path, Path]
) -> StepResult:
    """Write JUDGEMENTS, ITEMS and QUARANTINED_ROWS to `out`.

    Raises:
        ValueError: no row of the source is good, or the configuration cannot be read.
    """
    collection = collect(open_source(source, columns), config)
    judgements = sorted(collection.judgements, key=itemgetter("query_id", "item_id"))
    contracts.write([select_columns(row) for row in judgements], contracts.JUDGEMENTS, out[0])
    item_count = contracts.write_batches(list_items(collection.judgements, config), contracts.ITEMS, out[1])
    contracts.write(collection.quarantine, contracts.QUARANTINED_ROWS, out[2])
    return summarise(collection, item_count)


def select_columns(row: Mapping) -> dict:
    """Return the columns of JUDGEMENTS."""
    return {name: row[name] for name in contracts.JUDGEMENTS.names}


@dataclass(frozen=True)
class SourceCheck:
    """What a person should know of a source before a run starts."""

    warnings: list[str]
    problem: str  # why a run would be in vain; "" if it would not


def check_source(source: Path, columns: Mapping[str, str], config: PrepareConfig) -> SourceCheck:
    """Check a source before a run starts.

    Raises:
        ValueError: no row of the source is good, or the configuration cannot be read.
    """
    collection = collect(open_source(source, columns), config)
    problem = find_problem(collection)
    warnings = [warning for warning in collection.warnings if not problem.startswith(warning)]
    return SourceCheck(warnings, problem)


def summarise(collection: Collection, item_count: int) -> StepResult:
    """Return the counts of a collection.

    The ratings that became one judgement count as one row in.
    """
    rows = collection.judgements
    query_count = len({row["query_id"] for row in rows})
    quarantine_count = len(collection.quarantine)
    details = {
        "quarantined_rows": quarantine_count,
        "merged_ratings": collection.merged_ratings,
        "sampled_out": collection.sampled_out,
        "quarantined_by_reason": dict(Counter(row["reason"].split(":")[0] for row in collection.quarantine)),
        "unreadable_fields": dict(collection.unreadable_fields),
        "unknown_query_classes": collection.unknown_classes.total(),
        "labels": dict(Counter(row["label"] for row in rows)),
        "splits": dict(Counter(row["split"] for row in rows)),
        "query_classes": dict(Counter(row["query_class"] for row in rows)),
        "queries": query_count,
        "items": item_count,
        "raters": collection.raters,
        "warnings": collection.warnings,
    }
    headline = f"{len(rows):,} judgements, {query_count:,} queries, {quarantine_count} quarantined"
    rows_in = collection.total - collection.merged_ratings
    return StepResult(rows_in, len(rows), quarantine_count + collection.sampled_out, headline, details)


def list_items(rows: list[dict], config: PrepareConfig) -> Iterator[dict]:
    """Yield each item once a locale, as its first row there shows it."""
    time = datetime.fromisoformat(config.as_of)
    for item_id, item_rows in groupby(sorted(rows, key=itemgetter("item_id")), key=itemgetter("item_id")):
        first_rows: dict[str, dict] = {}
        for row in item_rows:
            first_rows.setdefault(row["locale"], row)
        default = DEFAULT_LOCALE if DEFAULT_LOCALE in first_rows else next(iter(first_rows))
        for locale, row in first_rows.items():
            key = item_id if locale == default else item_key(item_id, locale)
            yield {name: row[name] for name in contracts.ITEMS.names if name != "time"} | {"item_id": key, "time": time}
