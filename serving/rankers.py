"""The two rankers behind an interleaved page: asked side by side for scores, with a deadline.

Both get the same texts, which are looked up once. They record nothing: the page and their part in it are recorded here.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from prometheus_client import Counter, Histogram

from serving import metrics, page
from serving.feature_lookup import FeatureLookup
from serving.page import ScoredItems
from serving.request_schemas import Ranking
from serving.score_protocol import PATH, SIGNATURE, decode_scores, encode_texts, sign

STABLE = "stable"
CANDIDATE = "candidate"
LATE = 504
NO_RANKING = 502
FAILURES = Counter("broadfast_ranker_failures", "Rankings that were not to be had", ("ranker", "version", "reason"))
SECONDS = Histogram(
    "broadfast_ranker_seconds", "Time to a ranker's scores", ("ranker", "version"), buckets=metrics.SECONDS
)


@dataclass(frozen=True)
class SearchedItems:
    """A request with the features of its items, before anybody has ranked them."""

    ranking: Ranking
    features: FeatureLookup

    @property
    def missing_features(self) -> int:
        """Return how many numbers were not known."""
        return sum(map(len, self.features.missing))

    def encode(self) -> bytes:
        """Return what a ranker is asked."""
        return encode_texts(self.ranking.query, self.features.texts)


@dataclass(frozen=True)
class RankerAnswer:
    """A ranker's order of the items, or why there is none."""

    status: int  # LATE, where it had not answered in time
    version: str = ""
    items: ScoredItems | None = None
    latency_ms: float = 0.0

    @property
    def is_ranking(self) -> bool:
        """Tell whether it ranks the items."""
        return self.items is not None

    @cached_property
    def predictions(self) -> list[dict]:
        """Return the items as the ranker's own server would answer them, in rank order."""
        return page.predictions(self.items, page.rank(self.items.scores)) if self.items else []

    @property
    def order(self) -> list[str]:
        """Return the items' ids in rank order."""
        return [row["item_id"] for row in self.predictions]


class HttpClient(Protocol):
    """What sends the rankers their requests."""

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of an answer, or raise OSError."""

    async def aclose(self) -> None:
        """Close all connections."""


@dataclass
class Rankers:
    """Stable and candidate at their URLs.

    A ranker that has not answered at the deadline is left behind, where the other one has.
    """

    urls: Mapping[str, str]  # by STABLE and CANDIDATE
    http: HttpClient
    secret: str  # which the rankers' servers know
    deadline_s: float = 0.25
    patience_s: float = 10.0
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by ranker, for a gateway to see
    versions: dict[str, str] = field(default_factory=lambda: dict.fromkeys((STABLE, CANDIDATE), ""))  # of last answers

    async def ask(self, search: SearchedItems) -> tuple[RankerAnswer, RankerAnswer]:
        """Return stable's answer and the candidate's."""
        begin = time.perf_counter()
        content = search.encode()
        signature = {SIGNATURE: sign(self.secret, content)}
        tasks = {
            name: asyncio.create_task(self._ask_one(name, search, content, signature)) for name in (STABLE, CANDIDATE)
        }
        try:
            await asyncio.wait(tasks.values(), timeout=self.deadline_s)
            if not any(_has_ranking(task) for task in tasks.values()):
                await self._wait_for_any(set(tasks.values()))
            late = RankerAnswer(LATE, latency_ms=_milliseconds_since(begin))
            answers = {name: task.result() if task.done() else late for name, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
        for name, answer in answers.items():
            self._note(name, answer, search)
        return answers[STABLE], answers[CANDIDATE]

    async def _wait_for_any(self, tasks: set[asyncio.Task]) -> None:
        """Wait until one ranker has ranked, or none will."""
        pending = {task for task in tasks if not task.done()}
        end = asyncio.get_running_loop().time() + self.patience_s
        while pending and not any(_has_ranking(task) for task in tasks):
            rest = end - asyncio.get_running_loop().time()
            answers, pending = await asyncio.wait(pending, timeout=rest, return_when=asyncio.FIRST_COMPLETED)
            if not answers:
                return

    async def _ask_one(
        self, name: str, search: SearchedItems, content: bytes, signature: Mapping[str, str]
    ) -> RankerAnswer:
        begin = time.perf_counter()
        try:
            headers = {**signature, **self.headers.get(name, {})}
            status, body = await self.http.post(f"{self.urls[name]}{PATH}", content, headers)
            if status != 200:
                return RankerAnswer(max(status, 500), latency_ms=_milliseconds_since(begin))  # no fault of the caller's
            version, scores = decode_scores(body, len(search.features.items))
            items = ScoredItems(search.ranking, search.features, scores)
            return RankerAnswer(200, version, items, _milliseconds_since(begin))
        except (OSError, ValueError):
            return RankerAnswer(NO_RANKING, latency_ms=_milliseconds_since(begin))

    def _note(self, name: str, answer: RankerAnswer, search: SearchedItems) -> None:
        """Remember the version, and count its time and missing features, or its failure."""
        if not answer.is_ranking:
            FAILURES.labels(name, self.versions[name], "late" if answer.status == LATE else "error").inc()
            return
        self.versions[name] = answer.version
        SECONDS.labels(name, answer.version).observe(answer.latency_ms / 1000)
        metrics.MISSING.labels(answer.version).inc(search.missing_features)


def _milliseconds_since(begin: float) -> float:
    return 1000 * (time.perf_counter() - begin)


def _has_ranking(task: asyncio.Task) -> bool:
    return task.done() and task.result().is_ranking
