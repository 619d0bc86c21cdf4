"""The two rankers behind an interleaved page: asked side by side, with a deadline, recording nothing themselves."""

import asyncio
from dataclasses import dataclass

import httpx
import orjson
from prometheus_client import Counter

SHADOW = {"x-shadow": "1", "content-type": "application/json"}  # the page is recorded here, and not by a ranker
STABLE = "stable"
CANDIDATE = "candidate"
FAILURES = Counter("broadfast_ranker_failures", "Rankings that were not to be had", ("ranker", "version", "reason"))


@dataclass(frozen=True)
class RankerAnswer:
    """A ranker's V1 answer, or why there is none."""

    status: int  # 0 where it did not answer
    version: str = ""
    predictions: tuple[dict, ...] = ()  # in rank order
    is_degraded: bool = False
    error: str = ""

    @property
    def is_ranking(self) -> bool:
        """Tell whether it ranks the items."""
        return self.status == 200

    @property
    def order(self) -> list[str]:
        """Return the items' ids in rank order."""
        return [row["item_id"] for row in self.predictions]


class Rankers:
    """Stable and candidate at their URLs.

    A ranker that has not answered at the deadline is left behind, where the other one has.
    """

    def __init__(
        self, urls: dict[str, str], http: httpx.AsyncClient, deadline_s: float = 0.25, patience_s: float = 10.0
    ):
        self.urls = urls  # by STABLE and CANDIDATE
        self.http = http
        self.deadline_s = deadline_s
        self.patience_s = patience_s
        self.versions = dict.fromkeys(urls, "")  # as they last answered

    async def ask(self, path: str, body: dict) -> tuple[RankerAnswer, RankerAnswer]:
        """Return stable's answer and the candidate's."""
        content = orjson.dumps(body)
        tasks = {name: asyncio.create_task(self._ask_one(name, path, content)) for name in (STABLE, CANDIDATE)}
        try:
            await asyncio.wait(tasks.values(), timeout=self.deadline_s)
            if not any(_has_ranking(task) for task in tasks.values()):
                await self._wait_for_any(set(tasks.values()))
            answers = {name: task.result() if task.done() else RankerAnswer(0) for name, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()
        for name, answer in answers.items():
            self._note(name, answer)
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

    async def _ask_one(self, name: str, path: str, content: bytes) -> RankerAnswer:
        try:
            response = await self.http.post(f"{self.urls[name]}{path}", content=content, headers=SHADOW)
            document = orjson.loads(response.content)
            if response.status_code != 200:
                return RankerAnswer(response.status_code, error=str(document.get("error", "")))
            rows = sorted(document["predictions"], key=lambda row: row["position"])
            return RankerAnswer(200, document["version"], tuple(rows), bool(document.get("degraded")))
        except (httpx.HTTPError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
            return RankerAnswer(502, error=f"{name} did not answer as a ranker: {type(error).__name__}")

    def _note(self, name: str, answer: RankerAnswer) -> None:
        """Remember the version, and count a failure by it."""
        if answer.is_ranking:
            self.versions[name] = answer.version
        elif not 400 <= answer.status < 500:
            FAILURES.labels(name, self.versions[name], "late" if not answer.status else "error").inc()


def _has_ranking(task: asyncio.Task) -> bool:
    return task.done() and task.result().is_ranking
