"""Which page answers a request to interleave: a draft of both rankers, or one ranker's list where there is none."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from components.interleaved_versions import interleaved_versions
from serving.interleaved_page import InterleavedPage, exposure, interleave
from serving.page_token import PageToken
from serving.rankers import RankerAnswer
from serving.request_log import FALLBACK, RequestEntry
from serving.request_schemas import Ranking

RANKED = "ranked"  # by stable, for a caller who is no user: nobody could be credited


@dataclass(frozen=True)
class OneRankersPage:
    """Part of one ranker's list, without teams.

    What earlier pages showed, of a draft too, is not shown again.
    """

    ranking: Ranking
    answer: RankerAnswer
    token: PageToken
    kind: str  # FALLBACK or RANKED

    @property
    def end(self) -> int:
        """Return the place behind the page's last item."""
        return min(self.token.page * self.ranking.page_length, len(self.answer.predictions))

    @property
    def start(self) -> int:
        """Return the place of the page's first item, from 0."""
        return (self.token.page - 1) * self.ranking.page_length

    @property
    def next_token(self) -> PageToken:
        """Return a token without versions: the search goes on in one ranker's list."""
        shown_ids = [row["item_id"] for row in self.order[: self.end]]
        return self.token.next(self.ranking.ids, shown_ids, keeps_versions=False)

    @cached_property
    def order(self) -> list[dict]:
        """Return the ranker's list behind what earlier pages showed, each item with its place."""
        earlier_ids = self.token.shown_items(self.ranking.ids)
        rows = sorted(self.answer.predictions, key=lambda row: row["item_id"] not in earlier_ids)
        return [row | {"position": position} for position, row in enumerate(rows, 1)]

    def predictions(self) -> list[dict]:
        """Return the items from this page on."""
        return self.order[self.start :]

    def exposures(self, entry: RequestEntry) -> list[dict]:
        """Return the rows of what the page shows. A fallback names the versions that ranked."""
        draft = {}
        if self.kind == FALLBACK:
            versions = {"stable_version": self.token.stable_version, "candidate_version": self.token.candidate_version}
            draft = {"page_kind": FALLBACK} | {name: version or None for name, version in versions.items()}
        rows = self.order[self.start : self.end]
        return [exposure(entry, self.answer.items, row, row["position"]) | draft for row in rows]


Page = InterleavedPage | OneRankersPage


def choose_page(
    entry: RequestEntry, ranking: Ranking, answers: tuple[RankerAnswer, RankerAnswer], token: PageToken | None
) -> Page:
    """Return the page of a request that at least one ranker has answered.

    A draft goes on with the versions it began with; where they have changed, it is over, and one ranker's list goes on.
    """
    stable, candidate = answers
    answer = stable if stable.is_ranking else candidate
    entry.version = answer.version
    begin = token or PageToken(f"{datetime.now(UTC):%Y-%m-%d}", 1, stable.version, candidate.version)
    current = replace(begin, stable_version=stable.version, candidate_version=candidate.version)
    if entry.user_hash is None:
        return OneRankersPage(ranking, answer, current, RANKED)
    has_both = stable.is_ranking and candidate.is_ranking and stable.version != candidate.version
    can_draft = has_both and begin == current
    if not can_draft:
        return OneRankersPage(ranking, answer, current, FALLBACK)
    return interleave(entry, ranking, answers, current)


def name_versions(answers: tuple[RankerAnswer, RankerAnswer]) -> str:
    """Return the versions that ranked, in one text."""
    stable, candidate = answers
    if stable.is_ranking and candidate.is_ranking:
        return interleaved_versions(stable.version, candidate.version)
    return stable.version if stable.is_ranking else candidate.version


def describe(entry: RequestEntry, page: Page, is_degraded: bool) -> dict:
    """Return the V1 answer, with the token of the next page where there is one."""
    predictions = page.predictions()
    return {
        "predictions": predictions,
        "version": entry.version,
        "request_id": entry.request_id,
        "degraded": is_degraded,
        "next_page_token": page.next_token.encode() if len(predictions) > page.ranking.page_length else None,
    }
