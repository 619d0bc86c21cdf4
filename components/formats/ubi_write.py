"""EXPOSURES and OUTCOMES as User Behavior Insights 1.3: a query for each request, an event for each row.

UBI's query_id is one search, so it is our request_id. Positions count from 1. What UBI has no field for goes to
`query_attributes` and `event_attributes` under our name, and comes back when it is read.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

APPLICATION = "broadfast"
EXTRAS = "broadfast"  # the key of our own fields
ACTIONS = {"click": "click", "order": "purchase", "refund": "refund", "grade": "grade"}
QUERY_FIELDS = ("experiment_id", "assigned_arm", "version", "query_id", "locale", "query_class")
ITEM_FIELDS = ("category", "score", "stale", "page_kind", "team", "pair", "stable_rank", "candidate_rank")
ITEM_FIELDS += ("stable_score", "candidate_score", "stable_version", "candidate_version", "draft_day")
OUTCOME_FIELDS = ("order_id", "revenue", "currency", "grade")
LONGEST_ID = 100  # of queries and clients, in characters
LONGEST_OBJECT_ID = 256


@dataclass
class UbiLogs:
    """Queries and events, and the counts of rows, of which `read` is the sum."""

    queries: list[dict] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)


def write_ubi(exposures: Iterable[Mapping], outcomes: Iterable[Mapping]) -> UbiLogs:
    """Return the queries and events of some logs.

    An outcome without its exposure has no position, which UBI requires, and is counted.
    """
    logs = UbiLogs()
    pages: dict[str, list[Mapping]] = {}
    exposures_by_key: dict[tuple[str, str], Mapping] = {}
    for row in exposures:
        logs.counts["read"] += 1
        reason = find_obstacle(row)
        if not reason and (row["request_id"], row["item_id"]) in exposures_by_key:
            reason = "copies"
        logs.counts[reason or "impressions"] += 1
        if not reason:
            pages.setdefault(row["request_id"], []).append(row)
            exposures_by_key[(row["request_id"], row["item_id"])] = row
    for rows in pages.values():
        items = sorted(rows, key=lambda row: row["position"])
        logs.queries.append(build_query(items))
        logs.events += [build_impression(row) for row in items]
    for row in outcomes:
        logs.counts["read"] += 1
        exposure = exposures_by_key.get((row["request_id"], row["item_id"]))
        reason = "" if exposure else "outcomes without an exposure"
        reason = reason if row["kind"] in ACTIONS else "outcomes of an unknown kind"
        logs.counts[reason or "outcomes"] += 1
        if not reason:
            logs.events.append(build_outcome(row, exposure))
    return logs


def find_obstacle(row: Mapping) -> str:
    """Return why UBI cannot hold an exposure, "" if it can."""
    if not row["position"] or row["time"] is None or not row["query"]:
        return "exposures without position, time or query"
    if not row["request_id"] or not row["item_id"]:
        return "exposures without ids"
    too_long = len(row["request_id"]) > LONGEST_ID or len(row["item_id"]) > LONGEST_OBJECT_ID
    return "exposures with ids that are too long" if too_long else ""


def build_query(page: list[Mapping]) -> dict:
    """Return the query request of a page, whose items stand in order."""
    first = page[0]
    query = build_head(first, first["time"]) | {"query_response_id": first["request_id"]}
    query["query_response_hit_ids"] = [row["item_id"] for row in page]
    attributes = select(first, QUERY_FIELDS)
    return query | ({"query_attributes": {EXTRAS: attributes}} if attributes else {})


def build_head(exposure: Mapping, time: datetime) -> dict:
    """Return what a request and its events have in common."""
    head = {
        "application": APPLICATION,
        "query_id": exposure["request_id"],
        "user_query": exposure["query"],
        "timestamp": f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
    }
    return head | ({"client_id": exposure["user_hash"].hex()} if exposure["user_hash"] else {})


def build_impression(row: Mapping) -> dict:
    """Return the event of an exposure."""
    return build_event("impression", row, row["time"], select(row, ITEM_FIELDS))


def build_outcome(row: Mapping, exposure: Mapping) -> dict:
    """Return the event of an outcome."""
    return build_event(ACTIONS[row["kind"]], exposure, row["time"], select(row, OUTCOME_FIELDS))


def build_event(action: str, exposure: Mapping, time: datetime, extras: Mapping) -> dict:
    """Return an event on an exposure's item."""
    attributes = {"object": {"object_id": exposure["item_id"]}, "position": {"ordinal": exposure["position"]}}
    if extras:
        attributes[EXTRAS] = extras
    return build_head(exposure, time) | {"action_name": action, "event_attributes": attributes}


def select(row: Mapping, names: Iterable[str]) -> dict:
    """Return a row's fields that have a value."""
    return dict(_list_values(row, names))


def _list_values(row: Mapping, names: Iterable[str]) -> Iterator[tuple[str, object]]:
    for name in names:
        if row[name] is not None:
            yield name, row[name]
