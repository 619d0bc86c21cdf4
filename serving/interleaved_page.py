"""One page of two rankers' orders: its predictions, and its EXPOSURES rows with teams, ranks and versions of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from components import contracts
from components.experiment.interleaving import CANDIDATE, NO_PAIR, TEAMS, Draft, draft
from components.experiment.interleaving_coins import Search, draw_coins, interleaving_salt
from serving.page import ScoredItems
from serving.page_token import PageToken
from serving.rankers import RankerAnswer
from serving.request_log import RequestEntry
from serving.request_schemas import Ranking


@dataclass(frozen=True)
class InterleavedPage:
    """A page of both rankers' items, places `start` to `end` of one draft."""

    ranking: Ranking
    stable: RankerAnswer
    candidate: RankerAnswer
    token: PageToken
    draft: Draft

    @property
    def kind(self) -> str:
        """Return the page's kind."""
        return "interleaved"

    @property
    def next_token(self) -> PageToken:
        """Return the token with which the draft goes on."""
        return self.token.next(self.ranking.ids, map(self.item, range(self.end)))

    @property
    def start(self) -> int:
        """Return the place of the page's first item, from 0."""
        return (self.token.page - 1) * self.ranking.page_length

    @property
    def end(self) -> int:
        """Return the place behind the page's last item."""
        return min(self.start + self.ranking.page_length, len(self.draft.items))

    @cached_property
    def rows(self) -> Mapping[str, tuple[dict, dict]]:
        """Return each item's predictions by stable and by the candidate."""
        others = {row["item_id"]: row for row in self.candidate.predictions}
        return {row["item_id"]: (row, others[row["item_id"]]) for row in self.stable.predictions}

    def item(self, index: int) -> str:
        """Return the item at a place of the draft."""
        return self.stable.order[self.draft.items[index]]

    def prediction(self, index: int) -> dict:
        """Return what the ranker that placed an item says of it."""
        return self.rows[self.item(index)][self.draft.teams[index] == CANDIDATE]

    def predictions(self) -> list[dict]:
        """Return the items from this page on, in the draft's order."""
        places = range(self.start, len(self.draft.items))
        return [self.prediction(index) | {"position": index + 1} for index in places]

    def exposures(self, entry: RequestEntry) -> list[dict]:
        """Return the rows of what the page shows."""
        return [self._exposure(entry, index) for index in range(self.start, self.end)]

    def _exposure(self, entry: RequestEntry, index: int) -> dict:
        stable, candidate = self.rows[self.item(index)]
        team = self.draft.teams[index]
        pair = self.draft.pairs[index]
        row = exposure(entry, self.stable.items, self.prediction(index), index + 1)
        return row | {
            "version": self.candidate.version if team == CANDIDATE else self.stable.version,
            "page_kind": self.kind,
            "team": TEAMS[team],
            "pair": None if pair == NO_PAIR else pair,
            "stable_rank": stable["position"],
            "candidate_rank": candidate["position"],
            "stable_score": stable["score"],
            "candidate_score": candidate["score"],
            "stable_version": self.stable.version,
            "candidate_version": self.candidate.version,
            "draft_day": self.token.day,
        }


def interleave(
    entry: RequestEntry, ranking: Ranking, answers: tuple[RankerAnswer, RankerAnswer], token: PageToken
) -> InterleavedPage:
    """Draft two rankings of the same items for a user.

    Raises:
        ValueError: the rankings do not hold the same items.
    """
    stable, candidate = answers
    numbers = {item: number for number, item in enumerate(stable.order)}
    order = [numbers.get(item, -1) for item in candidate.order]
    search = Search(entry.user_hash, ranking.query, ranking.locale or "", "", token.day)
    coins = draw_coins(interleaving_salt(entry.experiment_id or ""), search, (len(order) + 1) // 2)
    return InterleavedPage(ranking, stable, candidate, token, draft(range(len(numbers)), order, coins))


def exposure(entry: RequestEntry, items: ScoredItems, prediction: Mapping, position: int) -> dict:
    """Return a row of what one ranker shows at a position."""
    ranking = items.ranking
    return {
        "time": datetime.now(UTC),
        "request_id": entry.request_id,
        "experiment_id": entry.experiment_id,
        "user_hash": entry.user_hash,
        "assigned_arm": None,
        "version": entry.version,
        "query_id": ranking.query_id,
        "query": ranking.query,
        "locale": ranking.locale,
        "query_class": ranking.query_class,
        "category": items.categories[prediction["item_id"]],
        "item_id": prediction["item_id"],
        "position": position,
        "score": prediction["score"],
        "stale": prediction["stale"],
    } | contracts.NO_DRAFT
