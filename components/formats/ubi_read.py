"""User Behavior Insights 1.3 as EXPOSURES and OUTCOMES: impressions are exposures, clicks and purchases are outcomes.

A list of hits is what was returned, not what was seen, so that exposures come from impressions alone. Some applications
count positions from 0: which is decided for each by how often 0 occurs.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from components import contracts
from components.formats.ubi_write import ACTIONS, EXTRAS, ITEM_FIELDS, OUTCOME_FIELDS, QUERY_FIELDS

KINDS = {action: kind for kind, action in ACTIONS.items()} | {"click_through": "click"}
ZERO_BASED_SHARE = 0.2  # of the impressions at 1: as many at 0 are the first places of a count from 0
HASH_DIGITS = 32


@dataclass
class ShopLogs:
    """Exposures and outcomes, and the counts of events, of which `read` is the sum."""

    exposures: list[dict] = field(default_factory=list)
    outcomes: list[dict] = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_ubi(queries: Iterable[Mapping], events: Iterable[Mapping], hash_user: Callable[[str], bytes]) -> ShopLogs:
    """Return the exposures and outcomes of some events, whose texts may lie in their queries.

    `hash_user` makes a user's hash of a client's id. Ids of 32 hex digits are hashes already.
    """
    logs = ShopLogs()
    events = list(events)
    requests = {query["query_id"]: query for query in queries if isinstance(query, dict) and query.get("query_id")}
    bases = find_bases(events)
    for application in sorted(name for name, base in bases.items() if base == 0):
        logs.notes.append(f"the application {application!r} counts positions from 0: they are read as from 1")
    for number, event in enumerate(events, 1):
        logs.counts["read"] += 1
        try:
            add_event(event, requests, bases, hash_user, logs)
        except ValueError as error:
            logs.counts["set aside"] += 1
            logs.problems.append(f"event {number}: {error}")
    return logs


def add_event(event: Mapping, requests: Mapping, bases: Mapping, hash_user: Callable, logs: ShopLogs) -> None:
    """Add the row of one event, or count an action of no use.

    Raises:
        ValueError: names the field that is missing or cannot be read, and the remedy.
    """
    action = require(event, "action_name")
    kind = KINDS.get(action)
    if action != "impression" and kind is None:
        logs.counts[f"events {action}"] += 1
        return
    attributes = event.get("event_attributes")
    item_id = str(require(require(attributes, "object", "event_attributes."), "object_id", "event_attributes.object."))
    row = {"time": parse_time(require(event, "timestamp")), "request_id": str(require(event, "query_id"))}
    row["item_id"] = item_id
    extras = read_extras(attributes)
    if kind:
        empty = dict.fromkeys(contracts.OUTCOMES.names) | {"kind": kind}
        logs.outcomes.append(empty | row | {name: extras.get(name) for name in OUTCOME_FIELDS})
        logs.counts["outcomes"] += 1
        return
    request = requests.get(event["query_id"], {})
    row["position"] = read_position(attributes, bases.get(event.get("application"), 1))
    row["query"] = event.get("user_query") or request.get("user_query")
    if not row["query"]:
        raise ValueError("user_query is neither in the event nor in its query; give the queries, or write it on events")
    client = event.get("client_id") or request.get("client_id")
    row["user_hash"] = None if client is None else read_hash(str(client), hash_user)
    query_extras = read_extras(request.get("query_attributes"))
    row |= {name: query_extras.get(name) for name in QUERY_FIELDS}
    row |= {name: extras.get(name) for name in ITEM_FIELDS}
    logs.exposures.append(dict.fromkeys(contracts.EXPOSURES.names) | row)
    logs.counts["impressions"] += 1


def read_extras(attributes: object) -> Mapping:
    """Return our own fields among an event's or a query's attributes."""
    extras = attributes.get(EXTRAS) if isinstance(attributes, dict) else None
    return extras if isinstance(extras, dict) else {}


def require(values: object, name: str, path: str = "") -> object:
    """Return a field that has to be there.

    Raises:
        ValueError: it is not.
    """
    value = values.get(name) if isinstance(values, dict) else None
    if value is None or value == "":
        raise ValueError(f"{path}{name} is missing; UBI 1.3 events on items need it")
    return value


def parse_time(value: object) -> datetime:
    """Return a moment of ISO 8601 (UTC without a zone) or epoch milliseconds.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, UTC)
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"timestamp is {value!r}; write ISO 8601, as 2026-11-01T10:00:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def find_bases(events: Iterable[Mapping]) -> dict[str | None, int]:
    """Return for each application whether its positions count from 0 or 1."""
    counts: dict[str | None, Counter] = {}
    for event in events:
        if isinstance(event, dict) and event.get("action_name") == "impression":
            attributes = event.get("event_attributes")
            position = attributes.get("position") if isinstance(attributes, dict) else None
            ordinal = position.get("ordinal") if isinstance(position, dict) else None
            if isinstance(ordinal, int):
                counts.setdefault(event.get("application"), Counter())[ordinal] += 1
    return {name: int(count[0] <= ZERO_BASED_SHARE * count[1]) for name, count in counts.items()}


def read_position(attributes: Mapping, base: int) -> int:
    """Return a position from 1.

    Raises:
        ValueError: there is none, or it lies before the first.
    """
    position = require(attributes, "position", "event_attributes.")
    ordinal = position.get("ordinal") if isinstance(position, dict) else None
    if isinstance(ordinal, dict):
        ordinal = ordinal.get("index")  # until UBI 1.2
    if not isinstance(ordinal, int) or isinstance(ordinal, bool) or ordinal < base:
        raise ValueError(f"event_attributes.position.ordinal is {ordinal!r}; write a whole number from {base}")
    return ordinal + 1 - base


def read_hash(client: str, hash_user: Callable[[str], bytes]) -> bytes:
    """Return the hash of a client, which may be one already."""
    digits = set("0123456789abcdef")
    return bytes.fromhex(client) if len(client) == HASH_DIGITS and set(client) <= digits else hash_user(client)
