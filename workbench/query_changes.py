"""Every held-out query with its NDCG@10 under both students, and the filters of the page.

Shapes: N rows sorted by query, Q queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan

import numpy as np
import pyarrow as pa
from pydantic import BaseModel

from components.contracts import GAINS
from components.metrics import ndcg
from components.release_store import COMPARED_PAIRS
from workbench.nights import read_table
from workbench.page import PageError

SLICES = ("query_class", "locale", "query_kind")


@dataclass(frozen=True)
class QueryChange:
    """One query, its slices, and NDCG@10 under both students.

    It is NaN for under three items or no gain.
    """

    query_id: str
    query: str
    query_class: str
    locale: str
    query_kind: str
    first_row: int
    items: int
    stable_ndcg: float
    candidate_ndcg: float

    @property
    def change(self) -> float:
        return self.candidate_ndcg - self.stable_ndcg


class Filters(BaseModel):
    """Which queries the page lists, and in which order. Empty takes all."""

    query_class: str = ""
    locale: str = ""
    query_kind: str = ""
    text: str = ""
    move: str = ""  # gained, lost or same
    order: str = "worst"  # or best, or query

    def accepts(self, change: QueryChange) -> bool:
        """Tell whether a query is listed."""
        is_in_slices = all(getattr(self, name) in ("", getattr(change, name)) for name in SLICES)
        return is_in_slices and self.text.casefold() in change.query.casefold() and self._accepts_move(change.change)

    def _accepts_move(self, value: float) -> bool:
        moves = {"gained": value > 0, "lost": value < 0, "same": value == 0}
        return moves.get(self.move, True)


@lru_cache(maxsize=4)
def sorted_pairs(comparison: str) -> pa.Table:
    """Return a night's COMPARED_PAIRS, each query's rows together."""
    pairs = read_table(f"{comparison}/{COMPARED_PAIRS}")
    return pairs.sort_by([("query_id", "ascending"), ("item_id", "ascending")])


@lru_cache(maxsize=4)
def measure_queries(comparison: str) -> tuple[QueryChange, ...]:
    """Return every query of a night's comparison."""
    pairs = sorted_pairs(comparison)
    if not pairs.num_rows:
        return ()
    columns = {name: pairs[name].to_pylist() for name in ("query_id", "query", *SLICES)}
    names = np.array(columns["query_id"])
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    sizes = np.diff(np.r_[starts, len(names)])
    texts = [read_texts(columns, start) for start in starts]
    gains = np.array([GAINS[label] for label in pairs["label"].to_pylist()])
    by_query = [np.split(column, starts[1:]) for column in (gains, *_scores(pairs))]
    changes = []
    for text, start, size, gain, stable, candidate in zip(texts, starts, sizes, *by_query, strict=True):
        ndcgs = {"stable_ndcg": ndcg(gain, stable), "candidate_ndcg": ndcg(gain, candidate)}
        changes.append(QueryChange(**text, first_row=int(start), items=int(size), **ndcgs))
    return tuple(changes)


def read_texts(columns: Mapping[str, Sequence], row: int) -> dict[str, str]:
    """Return the texts of one row, "" for none.

    Lists are read and not Arrow's arrays, which would import pandas for a third of a second.
    """
    return {name: values[row] or "" for name, values in columns.items()}


def list_queries(changes: Sequence[QueryChange], filters: Filters) -> list[QueryChange]:
    """Return the queries that the filters accept, in their order.

    A query without a change comes last.
    """
    matches = [change for change in changes if filters.accepts(change)]
    if filters.order == "query":
        return sorted(matches, key=lambda change: change.query)
    sign = -1 if filters.order == "best" else 1
    return sorted(matches, key=lambda change: (isnan(change.change), sign * change.change))


def slice_values(changes: Sequence[QueryChange]) -> dict[str, list[str]]:
    """Return the values of each slice that occur."""
    values = {}
    for name in SLICES:
        values[name] = sorted({getattr(change, name) for change in changes} - {""})
    return values


def mean_change(changes: Sequence[QueryChange]) -> float | None:
    """Return the mean change of the queries that have one, or None."""
    values = [change.change for change in changes if not isnan(change.change)]
    return sum(values) / len(values) if values else None


def find_query(comparison: str, query_id: str) -> QueryChange | None:
    """Return a query by its id, or None."""
    return next((change for change in measure_queries(comparison) if change.query_id == query_id), None)


def require_query(comparison: str, query_id: str) -> QueryChange:
    """Return a query by its id.

    Raises:
        PageError: the night has none.
    """
    change = find_query(comparison, query_id)
    if change is None:
        raise PageError(404, f"The query {query_id!r} is not among the held-out ones of the newest night.")
    return change


def query_rows(comparison: str, change: QueryChange) -> list[dict]:
    """Return the rows of one query."""
    return sorted_pairs(comparison).slice(change.first_row, change.items).to_pylist()


def _scores(pairs: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    names = ("stable_score", "candidate_score")
    return tuple(np.array(pairs[name].to_pylist(), float) for name in names)
