"""One request to interleave, from its body to its answer: features once, scores of both rankers, a page, its rows."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import Counter
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from components.experiment.assignment import INTERLEAVE
from serving.feature_lookup import Unavailable
from serving.feature_source import FeatureSource, look_up
from serving.interleaved_answers import choose_page, describe, name_versions
from serving.page_token import MAX_TOKEN, PageToken
from serving.rankers import CANDIDATE, STABLE, RankerAnswer, Rankers, SearchedItems
from serving.recorder import Recorder
from serving.request_log import RequestEntry, write_entry
from serving.request_schemas import MAX_NAME, InvalidRequest, Ranking, parse

PAGES = Counter("broadfast_interleaved_pages", "Pages by kind", ("kind",))
NOBODY_ANSWERED = "neither ranker answered: the request may be sent again"


class PagedRanking(Ranking):
    """A ranking, or the next page of one."""

    page_token: str | None = Field(None, max_length=MAX_TOKEN, description="next_page_token of the page before")


@dataclass(frozen=True)
class Answer:
    """The fields of a V1 answer, or why there is none."""

    status: int
    document: dict
    versions: str = ""  # that ranked


@dataclass(frozen=True)
class PageInterleaver:
    """Answers requests from two rankers, and records what it shows."""

    rankers: Rankers
    recorder: Recorder
    hash_user: Callable[[str], bytes]
    features: FeatureSource

    async def answer(self, payload: bytes | dict, headers: Mapping[str, str]) -> Answer:
        """Return what a request gets.

        Raises:
            InvalidRequest: the request does not fit the schema, or an item is not known.
            SpoolFull: it cannot be recorded.
        """
        ranking = parse(payload, PagedRanking)
        entry = start_entry(ranking, headers, self.hash_user)
        token = PageToken.decode(ranking.page_token) if ranking.page_token else None
        try:
            search = await run_in_threadpool(self._look_up, ranking, entry)
        except InvalidRequest:
            await run_in_threadpool(self._record, entry, 400)
            raise
        except Unavailable as error:
            await run_in_threadpool(self._record, entry, 503)
            return Answer(503, {"error": f"The request was not answered: {error}."})
        answers = await self.rankers.ask(search)
        return await run_in_threadpool(self._show, entry, search, answers, token)

    def _look_up(self, ranking: Ranking, entry: RequestEntry) -> SearchedItems:
        search = SearchedItems(ranking, look_up(self.features, ranking))
        entry.missing_features = search.missing_features
        return search

    def _show(
        self,
        entry: RequestEntry,
        search: SearchedItems,
        answers: tuple[RankerAnswer, RankerAnswer],
        token: PageToken | None,
    ) -> Answer:
        """Choose and record the page that the rankers' answers make."""
        requests = ranker_rows(entry, answers, self.rankers.versions)
        if not any(answer.is_ranking for answer in answers):
            self._record(entry, 503, requests=requests)
            return Answer(503, {"error": NOBODY_ANSWERED})
        page = choose_page(entry, search.ranking, answers, token)
        document = describe(entry, page, search.features.is_degraded)
        self._record(entry, 200, requests=requests, exposures=page.exposures(entry))
        if not entry.is_shadow:
            PAGES.labels(page.kind).inc()
        return Answer(200, document, name_versions(answers))

    def _record(self, entry: RequestEntry, status: int, **tables: list[dict]) -> None:
        latency_ms = 1000 * (time.time() - entry.time.timestamp())
        write_entry(self.recorder, entry, status, latency_ms, **tables)


def start_entry(ranking: Ranking, headers: Mapping[str, str], hash_user: Callable[[str], bytes]) -> RequestEntry:
    """Return the entry of a request in the log.

    Raises:
        InvalidRequest: a header is too long.
    """
    experiment_id = headers.get("x-experiment-id")
    if experiment_id is not None and len(experiment_id) > MAX_NAME:
        problem = f"the header x-experiment-id has {len(experiment_id)} characters"
        raise InvalidRequest(f"{problem}; at most {MAX_NAME} are taken")
    entry = RequestEntry(ranking.request_id or headers.get("x-request-id", "")[:MAX_NAME] or str(uuid.uuid4()))
    entry.experiment_id = experiment_id
    entry.user_hash = hash_user(ranking.user_id) if ranking.user_id else None
    entry.items = len(ranking.ids)
    entry.is_shadow = headers.get("x-shadow") == "1"
    return entry


def ranker_rows(
    entry: RequestEntry, answers: tuple[RankerAnswer, RankerAnswer], versions: Mapping[str, str]
) -> list[dict]:
    """Return a row of REQUESTS for each ranker's part in a page.

    Both are compared by them. `versions` are those of their last answers, for rankers that have not answered now.
    """
    row = entry.row() | {"assigned_arm": INTERLEAVE}
    return [
        row
        | {
            "request_id": f"{entry.request_id}/{name}",
            "version": versions[name] or None,
            "status": answer.status,
            "latency_ms": answer.latency_ms,
        }
        for name, answer in zip((STABLE, CANDIDATE), answers, strict=True)
    ]
