"""Simulated shoppers: they search through the gateway, and click, order and are satisfied by the hidden truth.

`python -m simulation.shoppers --truth FILE --judgements FILE --users 200 --requests-per-user 3 --seed 7 --phase pre`
What a shopper does depends on the seed, the user, the request and the ranking shown, and on nothing else.
"""

import argparse
import json
import time
import uuid
import zlib
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

import httpx
import numpy as np
import pyarrow.parquet as pq

from components import contracts
from components.experiment.assignment import arm, user_hash
from components.release_state import Experiment, ReleaseState
from components.release_store import read_state
from components.settings import Settings
from components.step_result import Progress

CLICK = {"Exact": 0.35, "Substitute": 0.15, "Complement": 0.08, "Irrelevant": 0.03}  # once looked at
ORDER = {"Exact": 0.25, "Substitute": 0.10, "Complement": 0.08, "Irrelevant": 0.01}  # once clicked
GRADE = {"Exact": 0.95, "Substitute": 0.60, "Complement": 0.30, "Irrelevant": 0.05}  # mean satisfaction, 0 to 1
GRADE_SPREAD = 0.1  # standard deviation around that mean
GRADED_SHARE = 0.3  # of exposures are graded
USER_SPREAD = 0.5  # of the logarithm of a user's readiness to order: some buy often, most seldom
TRAFFIC = {"head": 0.6, "torso": 0.3, "tail": 0.1}  # share of requests by class of query
PAGE = 10  # items shown
CANDIDATES = 20  # items ranked: those judged for the query, filled up with others, which are irrelevant
MINIMUM_JUDGED = 5  # items that make a query worth asking
DEFAULT_PRICE = 20.0  # where the catalogue names none
CURRENCY = "USD"
STATE_SECONDS = 30  # how long callers may keep the state


@dataclass(frozen=True)
class Query:
    """A held-out query with the hidden truth of its items."""

    query_id: str
    query: str
    locale: str
    query_class: str
    labels: dict[str, str]  # item -> true label


@dataclass(frozen=True)
class World:
    """All that shoppers may ask for, and what is true of it."""

    queries: list[Query]
    items: list[str]
    prices: dict[str, float]

    @cached_property
    def shares(self) -> np.ndarray:
        """How often each query is asked: its class's share of the traffic, evenly among the class."""
        sizes = Counter(query.query_class for query in self.queries)
        weights = np.array([TRAFFIC[query.query_class] / sizes[query.query_class] for query in self.queries])
        return weights / weights.sum()


@dataclass
class Desired:
    """The release's state as a caller keeps it: read again after thirty seconds."""

    read_at: float = float("-inf")
    state: ReleaseState = field(default_factory=ReleaseState)
    lock: Lock = field(default_factory=Lock)

    def experiment(self) -> Experiment | None:
        """The running experiment, if one runs."""
        with self.lock:
            if time.monotonic() - self.read_at > STATE_SECONDS:
                self.state, self.read_at = read_state(), time.monotonic()
        return self.state.running_experiment


def load(judgements: Path, truth: Path | None) -> World:
    """Held-out queries; the labels are the truth's where there is one, else the judged ones.

    Raises:
        ValueError: no held-out query has enough judged items.
    """
    true_labels, prices = _truth(truth) if truth else ({}, {})
    facts, labels, items = {}, defaultdict(dict), set()
    for row in contracts.read_batches(contracts.JUDGEMENTS, judgements):
        items.add(row["item_id"])
        if row["split"] in ("valid", "test"):
            facts[row["query_id"]] = (row["query"], row["locale"], row["query_class"])
            pair = (row["query_id"], row["item_id"])
            labels[row["query_id"]][row["item_id"]] = true_labels.get(pair, row["label"])
    queries = [Query(key, *facts[key], labels[key]) for key in sorted(facts) if len(labels[key]) >= MINIMUM_JUDGED]
    if not queries:
        raise ValueError(f"{judgements}: no valid or test query has {MINIMUM_JUDGED} judged items; judge more pairs")
    return World(queries, sorted(items), prices)


def _truth(path: Path) -> tuple[dict, dict]:
    rows = pq.read_table(path / "truth.parquet" if path.is_dir() else path).to_pylist()
    labels = {(row["query_id"], row["item_id"]): row["true_label"] for row in rows}
    return labels, {row["item_id"]: row["price"] for row in rows if row["price"] is not None}


def draw(world: World, rng: np.random.Generator) -> tuple[Query, list[str]]:
    """The query a shopper asks, by the frequency of its class, and the items that retrieval finds for it."""
    query = world.queries[rng.choice(len(world.queries), p=world.shares)]
    return query, retrieved(world, query)


def retrieved(world: World, query: Query) -> list[str]:
    """The items to be ranked for a query, in no order: the same ones each time that it is asked."""
    rng = np.random.default_rng(zlib.crc32(query.query_id.encode()))
    judged = list(rng.permutation(sorted(query.labels)))[:CANDIDATES]
    others = rng.choice(world.items, size=min(2 * CANDIDATES, len(world.items)), replace=False)
    fill = [item for item in others if item not in query.labels][: CANDIDATES - len(judged)]
    return [str(item) for item in rng.permutation([*judged, *fill])]


def behave(query: Query, shown: list[str], prices: dict, readiness: float, rng: np.random.Generator) -> list[dict]:
    """What a shopper does with a page: looks less the lower an item stands, clicks and orders by its true label."""
    outcomes = []
    for position, (item, chance) in enumerate(zip(shown, rng.random((len(shown), 4)), strict=True), start=1):
        label = query.labels.get(item, "Irrelevant")
        seen, noise = chance[0] < 1 / np.log2(1 + position), rng.normal(0, GRADE_SPREAD)
        if seen and chance[1] < CLICK[label]:
            outcomes.append({"item_id": item, "kind": "click"})
            if chance[2] < ORDER[label] * readiness:
                revenue = round(100 * prices.get(item, DEFAULT_PRICE))
                outcomes.append({"item_id": item, "kind": "order", "revenue": revenue, "currency": CURRENCY})
        if chance[3] < GRADED_SHARE:
            grade = float(np.clip(GRADE[label] + noise, 0, 1))
            outcomes.append({"item_id": item, "kind": "grade", "grade": round(grade, 4)})
    return outcomes


@dataclass(frozen=True)
class Shop:
    """The shop's front end: it knows the user, asks for the arm and says it to the gateway."""

    world: World
    gateway: str
    outcomes: str
    seed: int
    phase: str
    run: str  # makes request ids unique over runs
    http: httpx.Client
    desired: Desired
    secret: str

    def visit(self, user: int, requests: int) -> Counter:
        """All requests of one user; returns what came of them."""
        readiness = float(np.exp(np.random.default_rng([self.seed, user]).normal(-(USER_SPREAD**2) / 2, USER_SPREAD)))
        total = Counter(users=1)
        for request in range(requests):
            rng = np.random.default_rng([self.seed, user, request, zlib.crc32(self.phase.encode())])
            query, items = draw(self.world, rng)
            total.update(requests=1)
            request_id = f"{self.phase}-{self.run}-{user:06d}-{request}"
            try:
                shown = self._search(query, items, f"u{user:06d}", request_id)
                outcomes = behave(query, shown, self.world.prices, readiness, rng)
                self._report([{"request_id": request_id} | outcome for outcome in outcomes])
            except httpx.HTTPError:
                total.update(failed=1)
                continue
            total.update(counted(shown, outcomes))
        return total

    def _search(self, query: Query, items: list[str], user_id: str, request_id: str) -> list[str]:
        body = {
            "query": query.query,
            "query_id": query.query_id,
            "locale": query.locale,
            "query_class": query.query_class,
            "item_ids": items,
            "user_id": user_id,
            "request_id": request_id,
            "page_size": PAGE,
        }
        url = f"{self.gateway}/v1/models/relevance:predict"
        answer = self.http.post(url, json=body, headers=headers(self.secret, user_id, self.desired.experiment()))
        answer.raise_for_status()
        return [row["item_id"] for row in answer.json()["predictions"][:PAGE]]

    def _report(self, outcomes: list[dict]) -> None:
        if outcomes:
            self.http.post(f"{self.outcomes}/outcomes", json={"outcomes": outcomes}).raise_for_status()


def headers(secret: str, user_id: str, experiment: Experiment | None) -> dict[str, str]:
    """What the front end adds to a request: the user's hash, and the arm while an experiment runs."""
    user = user_hash(secret, user_id)
    if not experiment:
        return {"x-user-hash": user.hex()}
    assigned = arm(user, experiment.salt, experiment.share)
    return {"x-user-hash": user.hex(), "x-arm": assigned, "x-experiment-id": experiment.experiment_id}


def counted(shown: list[str], outcomes: list[dict]) -> dict[str, int]:
    """Exposures and outcomes in numbers."""
    kinds = Counter(outcome["kind"] for outcome in outcomes)
    revenue = sum(outcome.get("revenue", 0) for outcome in outcomes)
    counts = {"clicks": kinds["click"], "orders": kinds["order"], "grades": kinds["grade"]}
    return {"exposures": len(shown), "revenue": revenue} | counts


def shop(shop: Shop, users: range, requests_per_user: int, concurrency: int) -> dict[str, int]:
    """Send all users through the shop, a few at a time; returns the counts, with revenue in minor units."""
    names = ("users", "requests", "failed", "exposures", "clicks", "orders", "revenue", "grades")
    total, progress = Counter(dict.fromkeys(names, 0)), Progress(len(users), "shoppers")
    with ThreadPoolExecutor(concurrency) as pool:
        for visit in pool.map(lambda user: shop.visit(user, requests_per_user), users):
            total.update(visit)
            progress.advance()
    return dict(total)


def main() -> None:
    """Parse the command line, shop, and print one JSON line of counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, help="truth.parquet or its folder; without it the judged labels are true")
    parser.add_argument("--judgements", type=Path, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--first-user", type=int, default=0, help="number of the first; the others follow")
    parser.add_argument("--requests-per-user", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--phase", default="visit", help="name of this part of the traffic; other draws, same users")
    parser.add_argument("--gateway", default=Settings().gateway_url)
    parser.add_argument("--outcomes", default=Settings().outcomes_url)
    parser.add_argument("--concurrency", type=int, default=4)
    said = parser.parse_args()
    with httpx.Client(timeout=30) as http:
        front = Shop(
            world=load(said.judgements, said.truth),
            gateway=said.gateway.rstrip("/"),
            outcomes=said.outcomes.rstrip("/"),
            seed=said.seed,
            phase=said.phase,
            run=uuid.uuid4().hex[:8],
            http=http,
            desired=Desired(),
            secret=Settings().user_hash_secret,
        )
        users = range(said.first_user, said.first_user + said.users)
        print(json.dumps(shop(front, users, said.requests_per_user, said.concurrency)))


if __name__ == "__main__":
    main()
