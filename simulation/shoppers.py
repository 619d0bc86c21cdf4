"""Simulated shoppers: they search through the gateway, and click, order and are satisfied by the hidden truth.

`python -m simulation.shoppers --truth FILE --judgements FILE --users 200 --requests-per-user 3 --seed 7 --phase pre`
What a shopper does depends on the seed, the user, the request and the ranking shown, and on nothing else.
"""

import argparse
import json
import time
import uuid
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import httpx
import numpy as np

from components.experiment.assignment import INTERLEAVE, arm, is_interleaved, user_hash
from components.release_state import Experiment, ReleaseState
from components.release_store import read_state
from components.settings import Settings
from components.step_result import Progress
from simulation.shopper_behaviour import add_order_ids, behave
from simulation.shopping_world import Query, World, load

READINESS_DEVIATION = 0.5  # of the logarithm of a user's readiness to order: some buy often, most seldom
PAGE = 10  # items shown
STATE_SECONDS = 30  # how long callers may keep the state
COUNTS = ("users", "requests", "failed", "exposures", "clicks", "orders", "revenue", "grades")


@dataclass
class StateCache:
    """The release's state as a caller keeps it: read again after thirty seconds."""

    read_at: float = float("-inf")
    state: ReleaseState = field(default_factory=ReleaseState)
    lock: Lock = field(default_factory=Lock)

    def running_experiment(self) -> Experiment | None:
        """Return the running experiment, if one runs."""
        with self.lock:
            if time.monotonic() - self.read_at > STATE_SECONDS:
                self.state = read_state()
                self.read_at = time.monotonic()
        return self.state.running_experiment


@dataclass(frozen=True)
class Shop:
    """The shop's front end, which knows the user and tells the gateway the arm."""

    world: World
    gateway: str
    outcomes: str
    seed: int
    phase: str
    run: str  # makes request ids unique over runs
    http: httpx.Client
    state_cache: StateCache
    secret: str
    sends_ids: bool = True

    def visit(self, user: int, requests: int) -> Counter:
        """Send all requests of one user and count their outcomes."""
        normal = np.random.default_rng([self.seed, user]).normal(-(READINESS_DEVIATION**2) / 2, READINESS_DEVIATION)
        total = Counter(users=1)
        for request in range(requests):
            rng = np.random.default_rng([self.seed, user, request, zlib.crc32(self.phase.encode())])
            query, items = self.world.draw_search(rng)
            total.update(requests=1)
            request_id = f"{self.phase}-{self.run}-{user:06d}-{request}"
            try:
                page = self._search(query, items, f"u{user:06d}", request_id)
                behaviour = behave(query, page, self.world.prices, float(np.exp(normal)), rng)
                outcomes = add_order_ids(query, behaviour, request_id, f"{self.seed}/{self.phase}/{user}/{request}")
                self._report(outcomes)
            except httpx.HTTPError:
                total.update(failed=1)
                continue
            total.update(count_outcomes(page, outcomes))
        return total

    def _search(self, query: Query, items: list[str], user_id: str, request_id: str) -> list[str]:
        body = {
            "query": query.query,
            "query_id": query.query_id,
            "locale": query.locale,
            "query_class": query.query_class,
            **self._name_items(items),
            "user_id": user_id,
            "request_id": request_id,
            "page_size": PAGE,
        }
        url = f"{self.gateway}/v1/models/relevance:predict"
        headers = request_headers(self.secret, user_id, self.state_cache.running_experiment())
        response = self.http.post(url, json=body, headers=headers)
        response.raise_for_status()
        return [row["item_id"] for row in response.json()["predictions"][:PAGE]]

    def _name_items(self, items: list[str]) -> dict:
        """Return items by id, or with their texts where the platform has no feature store."""
        if self.sends_ids:
            return {"item_ids": items}
        return {"instances": [{"item_id": item, **self.world.texts[item]} for item in items]}

    def _report(self, outcomes: list[dict]) -> None:
        if outcomes:
            self.http.post(f"{self.outcomes}/outcomes", json={"outcomes": outcomes}).raise_for_status()


def request_headers(secret: str, user_id: str, experiment: Experiment | None) -> dict[str, str]:
    """Return the user's hash, and the arm while an experiment runs.

    Users whose pages are interleaved have no arm of their own.
    """
    user = user_hash(secret, user_id)
    if not experiment:
        return {"x-user-hash": user.hex()}
    user_arm = arm(user, experiment.salt, experiment.share)
    if is_interleaved(user, experiment.interleaved_share):
        user_arm = INTERLEAVE
    return {"x-user-hash": user.hex(), "x-arm": user_arm, "x-experiment-id": experiment.experiment_id}


def count_outcomes(page: list[str], outcomes: list[dict]) -> dict[str, int]:
    """Count exposures and outcomes, with revenue net of refunds in minor units."""
    kinds = Counter(outcome["kind"] for outcome in outcomes)
    revenue = sum(outcome["revenue"] for outcome in outcomes if outcome["kind"] == "order")
    revenue -= sum(outcome["revenue"] for outcome in outcomes if outcome["kind"] == "refund")
    counts = {"clicks": kinds["click"], "orders": kinds["order"], "grades": kinds["grade"]}
    return {"exposures": len(page), "revenue": revenue, "refunds": kinds["refund"]} | counts


def shop(shop: Shop, users: Sequence[int], requests_per_user: int, concurrency: int) -> dict[str, int]:
    """Send all users through the shop, a few at a time, and return the counts."""
    total = Counter(dict.fromkeys((*COUNTS, "refunds"), 0))
    progress = Progress(len(users), "shoppers")
    with ThreadPoolExecutor(concurrency) as pool:
        for visit in pool.map(lambda user: shop.visit(user, requests_per_user), users):
            total.update(visit)
            progress.advance()
    return dict(total)


def choose_users(count: int, regulars: int, first_user: int) -> list[int]:
    """Return a phase's users: the regulars, who come in every phase, then new ones."""
    return [*range(regulars), *range(first_user, first_user + count - regulars)]


def parse_arguments() -> argparse.Namespace:
    """Parse the command line, ending the process with a sentence where it is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, help="truth.parquet or its folder; without it the judged labels are true")
    parser.add_argument("--judgements", type=Path, required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--regulars", type=int, default=0, help="of the users, who come in every phase: 0, 1, 2, ...")
    parser.add_argument("--first-user", type=int, default=0, help="number of the first other user; more follow")
    parser.add_argument("--requests-per-user", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--phase", default="visit", help="name of this part of the traffic; other draws, same users")
    parser.add_argument("--gateway", default=Settings().gateway_url)
    parser.add_argument("--outcomes", default=Settings().outcomes_url)
    parser.add_argument("--concurrency", type=int, default=4)
    args = parser.parse_args()
    if not 0 <= args.regulars <= args.users or args.first_user < args.regulars:
        parser.error("--regulars is at most --users and at most --first-user: the regulars have the first numbers")
    return args


def main() -> None:
    """Parse the command line, shop, and print one JSON line of counts."""
    args = parse_arguments()
    users = choose_users(args.users, args.regulars, args.first_user)
    with httpx.Client(timeout=30) as http:
        front_end = Shop(
            world=load(args.judgements, args.truth),
            gateway=args.gateway.rstrip("/"),
            outcomes=args.outcomes.rstrip("/"),
            seed=args.seed,
            phase=args.phase,
            run=uuid.uuid4().hex[:8],
            http=http,
            state_cache=StateCache(),
            secret=Settings().user_hash_secret,
            sends_ids=Settings().feature_store,
        )
        print(json.dumps(shop(front_end, users, args.requests_per_user, args.concurrency)))


if __name__ == "__main__":
    main()
