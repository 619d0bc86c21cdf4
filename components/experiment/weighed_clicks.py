"""A second opinion on whose items users prefer: clicks weighed by how differently both rankers rank the item.

It needs to know how likely each place is looked at, which the verdict by teams does not, and so it never decides.
Propensities come from the same clicks: what each user did to them is part of the user's number, so that the interval
holds their uncertainty (the delta method).
Symbols: N pages, P places, S = P - 1 steps from a place to the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from components.experiment.confidence_sequence import MeanSums, read_sums
from components.experiment.interleaving import CANDIDATE, NEITHER, NO_PAIR, STABLE
from components.experiment.propensities import (
    MOST_PLACES,
    FirstPages,
    StepCounts,
    clicks_on_pairs,
    count_steps,
    estimate_propensities,
    to_propensities,
    weigh_places,
)

BATCH_PAGES = 1 << 16
SHIFT = 1e-4  # of a logarithm, for a slope
SIGNS = np.array([STABLE, CANDIDATE, NEITHER])  # of the teams as PAGE_LISTS numbers them
PAGE_LISTS = """list(struct_pack(place := position, team := list_position(['A', 'B', 'none'], team) - 1,
    pair := coalesce(pair, -1), stable := coalesce(stable_rank, 0), candidate := coalesce(candidate_rank, 0)))"""


@dataclass(frozen=True)
class WeighedClicks:
    """What weighed clicks sum to, and what checks their propensities."""

    pages: int = 0  # first pages whose items have ranks by both
    propensities: tuple[float, ...] = ()  # by place, of which fewer than two tell nothing
    are_estimated: bool = True  # from the coins, and not by a person
    numbers: MeanSums | None = None  # of users
    checks: tuple[MeanSums, ...] = ()  # of users, by step, and of all steps together: zero where propensities are right


def weigh_clicks(db: duckdb.DuckDBPyConnection, propensities: Sequence[float] = ()) -> WeighedClicks:
    """Return the weighed clicks of `pages` by `users`.

    Where no propensities are given, they come from the coins of `drafts`.
    """
    counts = StepCounts(*np.zeros((2, 2, MOST_PLACES - 1)))
    for _, pages in read_pages(db, "drafts"):
        counts += count_steps(pages)
    places = np.asarray(propensities, float) if propensities else estimate_propensities(counts)
    count = sum(len(users) for users, _ in read_pages(db, "pages"))
    if len(places) < 2 or not count:
        return WeighedClicks(count, tuple(places.tolist()), not propensities)
    steps = len(places) - 1
    counts = StepCounts(counts.upper[:, :steps], counts.lower[:, :steps])
    _write_numbers(db, places, counts, is_estimated=not propensities)
    names = [f"check_{step}" for step in range(steps)]
    sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in ("number", *names))
    db.execute(
        f"CREATE TABLE user_numbers AS SELECT {sums} FROM users LEFT JOIN page_numbers USING (user_id) GROUP BY user_id"
    )
    checks = [read_sums(db, check, "user_numbers") for check in (*names, " + ".join(names))]
    return WeighedClicks(
        count, tuple(places.tolist()), not propensities, read_sums(db, "number", "user_numbers"), tuple(checks)
    )


def _write_numbers(
    db: duckdb.DuckDBPyConnection, propensities: np.ndarray, counts: StepCounts, is_estimated: bool
) -> None:
    """Make `page_numbers` what each page adds to its user's number, and to each check."""
    places = len(propensities)
    slopes = np.zeros(places - 1)
    if is_estimated:
        for _, pages in read_pages(db, "pages"):
            slopes += sum_slopes(pages.cut(places), propensities)
    checks = ", ".join(f"0.0::DOUBLE AS check_{step}" for step in range(places - 1))
    db.execute(f"CREATE TABLE page_numbers AS SELECT user_id, 0.0::DOUBLE AS number, {checks} FROM pages LIMIT 0")
    for users, pages in read_pages(db, "pages"):
        first_places = pages.cut(places)
        numbers = (first_places.clicks * weigh_places(first_places, propensities)).sum(1)
        _insert(db, users, numbers, np.zeros((len(users), places - 1)))
    for users, pages in read_pages(db, "drafts"):
        clicks = clicks_on_pairs(pages.cut(places))
        numbers = weigh_influence(clicks, counts, slopes) if is_estimated else np.zeros(len(users))
        _insert(db, users, numbers, check_steps(clicks, propensities, counts, is_estimated))


def sum_slopes(pages: FirstPages, propensities: np.ndarray) -> np.ndarray:
    """Return the slope of all pages' numbers by each step's log ratio, (S,)."""
    log_ratios = np.diff(np.log(propensities))
    slopes = np.zeros(len(log_ratios))
    for step in range(len(slopes)):
        shift = SHIFT * (np.arange(len(slopes)) == step)
        higher, lower = (weigh_places(pages, to_propensities(log_ratios + sign * shift)) for sign in (1, -1))
        slopes[step] = (pages.clicks * (higher - lower)).sum() / (2 * SHIFT)
    return slopes


def weigh_influence(clicks: tuple[np.ndarray, np.ndarray], counts: StepCounts, slopes: np.ndarray) -> np.ndarray:
    """Return what each page adds by its influence on the propensities, (N,)."""
    upper, lower = clicks
    return (lower.sum(0) / counts.lower.sum(0) - upper.sum(0) / counts.upper.sum(0)) @ slopes


def check_steps(
    clicks: tuple[np.ndarray, np.ndarray], propensities: np.ndarray, counts: StepCounts, is_estimated: bool
) -> np.ndarray:
    """Return what each page says on each step, (N, S).

    The mean is zero where propensities are right. A pair's clicks, by their propensities, are as many at its upper
    place as at its lower one. Propensities of a person are held to that. Estimated ones fulfil it for both teams
    together, and are held to it for each team.
    """
    upper, lower = clicks
    balance = upper - lower * propensities[:-1] / propensities[1:]
    if not is_estimated:
        return balance.sum(0)
    shares = counts.lower[0] / counts.lower.sum(0)  # of stable
    return (1 - shares) * balance[0] - shares * balance[1]


def read_pages(db: duckdb.DuckDBPyConnection, table: str) -> Iterator[tuple[pa.Array, FirstPages]]:
    """Yield users and first pages, batch by batch.

    All items of such a page have a place and both ranks.
    """
    is_whole = """list_sort(list_transform(places, lambda x: x.place)) = range(1, len(places) + 1)
        AND list_min(list_transform(places, lambda x: least(x.stable, x.candidate))) > 0"""
    query = f"""SELECT user_id, places, coalesce(clicked, []) AS clicked FROM {table}
        WHERE reason = '' AND len(places) > 0 AND {is_whole}"""
    for batch in db.cursor().sql(query).to_arrow_reader(BATCH_PAGES):
        users, places, click_places = batch.columns
        if len(users):
            yield users, to_pages(places, click_places)


def to_pages(places: pa.Array, click_places: pa.Array) -> FirstPages:
    """Return lists of places and of clicked places as arrays."""
    rows = np.repeat(np.arange(len(places)), places.value_lengths().to_numpy())
    values = places.flatten()
    columns = {name: values.field(name).to_numpy() for name in ("place", "team", "pair", "stable", "candidate")}
    kept_rows = np.flatnonzero(columns["place"] <= MOST_PLACES)
    target = (rows[kept_rows], columns["place"][kept_rows] - 1)

    def spread(numbers: np.ndarray, empty: int = 0) -> np.ndarray:
        table = np.full((len(places), MOST_PLACES), empty, np.int32)
        table[target] = numbers[kept_rows]
        return table

    clicks = np.zeros((len(places), MOST_PLACES), np.int32)
    click_rows = np.repeat(np.arange(len(click_places)), click_places.value_lengths().to_numpy())
    columns_of_clicks = click_places.flatten().to_numpy()
    near_clicks = np.flatnonzero((columns_of_clicks > 0) & (columns_of_clicks <= MOST_PLACES))
    np.add.at(clicks, (click_rows[near_clicks], columns_of_clicks[near_clicks] - 1), 1)
    ranks = (spread(columns["stable"]), spread(columns["candidate"]))
    return FirstPages(*ranks, spread(SIGNS[columns["team"]]), spread(columns["pair"], NO_PAIR), clicks)


def _insert(db: duckdb.DuckDBPyConnection, users: pa.Array, numbers: np.ndarray, checks: np.ndarray) -> None:
    """Append rows to `page_numbers`."""
    columns = {f"check_{step}": checks[:, step] for step in range(checks.shape[1])}
    db.register("rows_of_pages", pa.table({"user_id": users, "number": numbers} | columns))
    db.execute("INSERT INTO page_numbers SELECT * FROM rows_of_pages")
    db.unregister("rows_of_pages")
