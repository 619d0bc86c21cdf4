"""What is known before two rankers are compared: how their logged pages overlap, and how users click and buy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from components.experiment.interleaving import draft
from components.experiment.log_views import create_view
from components.experiment.records import AttributionRules
from components.experiment.sql import database, text

QUERIES = 2_000  # that are drafted, the most searched first
DRAFTS = 8  # of each query
REVENUE_CAP = 0.999  # quantile of the users that spent anything, as in an experiment's plan
LATEST_PAGES = """SELECT version, query, locale, item_id, position FROM pages
    JOIN (SELECT version, query, locale, arg_max(request_id, (t, request_id)) AS request_id FROM pages
          WHERE version IN ({versions}) GROUP BY ALL) USING (version, query, locale, request_id)
    QUALIFY row_number() OVER (PARTITION BY version, query, locale, item_id ORDER BY position) = 1"""


@dataclass(frozen=True)
class LoggedPages:
    """Pages that both rankers have answered, and what users do.

    Symbols: Q queries, D drafts of each, P places of a page.
    """

    teams: np.ndarray  # (Q, D, P) of drafts of the two rankers' pages
    searches: np.ndarray  # (Q,) share of each query
    queries: int  # that stable answered
    shared_items: float  # of a page
    same_position: float
    click_rates: np.ndarray  # (P,) by place
    pages_by_user: np.ndarray
    clicks_by_user: np.ndarray
    revenue_by_user: np.ndarray  # capped

    @property
    def pages_with_pair(self) -> float:
        """Return the share of searches whose page has a pair."""
        return float((self.teams[:, 0] != 0).any(1) @ self.searches)

    @property
    def clicks_on_pairs(self) -> float:
        """Return the share of the clicks that fall on an item of one ranker."""
        on_pairs = (np.abs(self.teams) * self.click_rates).sum(2).mean(1) @ self.searches
        return float(on_pairs / self.click_rates.sum())


def read_logged_pages(
    folders: tuple[Path, Path], columns: Mapping, rules: AttributionRules, versions: tuple[str, str]
) -> LoggedPages:
    """Read exposures and outcomes, and draft the latest pages of both versions, stable's first.

    Raises:
        ValueError: a log cannot be read, or no query was answered by both versions.
    """
    with database() as db:
        create_view(db, "pages", folders[0], columns.get("pages", {}), rules)
        create_view(db, "outcomes", folders[1], columns.get("outcomes", {}), rules)
        check_versions(db, folders[0], versions)
        lists = read_lists(db, versions)
        both = [key for key in lists[0] if key in lists[1]]
        if not both:
            problem = f"{folders[0]}: no query was answered by both {versions[0]} and {versions[1]}"
            raise ValueError(f"{problem}: log the candidate's pages, as while it is dark, before you plan")
        counts = read_searches(db, versions[0])
        both = sorted(both, key=lambda key: -counts[key])[:QUERIES]
        searches = np.array([counts[key] for key in both], float)
        pages = [(lists[0][key], lists[1][key]) for key in both]
        users = read_users(db, versions[0])
        width = max(min(len(stable), len(candidate)) for stable, candidate in pages)
        return LoggedPages(
            teams=np.stack([draft_teams(stable, candidate, width) for stable, candidate in pages]),
            searches=searches / searches.sum(),
            queries=len(lists[0]),
            shared_items=weighted(searches, [share_items(*page) for page in pages]),
            same_position=weighted(searches, [share_positions(*page) for page in pages]),
            click_rates=read_click_rates(db, versions[0], width),
            **users,
        )


def check_versions(db: duckdb.DuckDBPyConnection, path: Path, versions: Sequence[str]) -> None:
    """Check that both versions have pages.

    Raises:
        ValueError: one has none; the sentence lists the versions of the logs.
    """
    names = [name for (name,) in db.execute("SELECT DISTINCT version FROM pages ORDER BY version").fetchall() if name]
    for version in versions:
        if version not in names:
            known_names = ", ".join(names[:10]) or "none"
            raise ValueError(f"{path}: no page of version {version}: the logs hold {known_names}")


def read_lists(db: duckdb.DuckDBPyConnection, versions: tuple[str, str]) -> list[dict[tuple, list[str]]]:
    """Return by version the items of the latest page of each query, by rank."""
    latest = LATEST_PAGES.format(versions=", ".join(map(text, versions)))
    rows = db.execute(
        f"""SELECT version, query, locale, list(item_id ORDER BY position, item_id) FROM ({latest}) GROUP BY ALL"""
    ).fetchall()
    lists = {version: {} for version in versions}
    for version, query, locale, items in rows:
        lists[version][query, locale] = items
    return [lists[version] for version in versions]


def read_searches(db: duckdb.DuckDBPyConnection, version: str) -> dict[tuple, int]:
    """Count a version's searches by query and locale."""
    query = (
        f"""SELECT query, locale, count(DISTINCT request_id) FROM pages WHERE version = {text(version)} GROUP BY ALL"""
    )
    return {(name, locale): count for name, locale, count in db.execute(query).fetchall()}


def read_click_rates(db: duckdb.DuckDBPyConnection, version: str, width: int) -> np.ndarray:
    """Return the clicks an exposure by place, (P,), 0 where a place was never shown."""
    rows = db.execute(
        f"""SELECT position, count(clicks.item_id) / count(*) FROM pages LEFT JOIN
            (SELECT DISTINCT request_id, item_id FROM outcomes WHERE kind = 'click') clicks USING (request_id, item_id)
            WHERE version = {text(version)} AND position BETWEEN 1 AND {width} GROUP BY position"""
    ).fetchall()
    rates = np.zeros(width)
    for position, rate in rows:
        rates[position - 1] = rate
    return rates


def read_users(db: duckdb.DuckDBPyConnection, version: str) -> dict[str, np.ndarray]:
    """Return stable's users' pages, clicks and capped revenue, (U,) each."""
    amount = "sum(CASE kind WHEN 'order' THEN revenue WHEN 'refund' THEN -abs(revenue) END)"
    rows = db.sql(
        f"""SELECT count(DISTINCT pages.request_id)::DOUBLE AS pages, coalesce(sum(clicks), 0)::DOUBLE AS clicks,
            coalesce(sum(revenue), 0)::DOUBLE AS revenue FROM pages LEFT JOIN
            (SELECT request_id, item_id, max((kind = 'click')::INT) AS clicks, {amount} AS revenue
             FROM outcomes GROUP BY ALL) USING (request_id, item_id)
            WHERE version = {text(version)} AND user_hash IS NOT NULL GROUP BY user_hash"""
    ).fetchnumpy()
    spent = rows["revenue"][np.flatnonzero(rows["revenue"] > 0)]
    cap = np.quantile(spent, REVENUE_CAP) if len(spent) else np.inf
    return {
        "pages_by_user": rows["pages"],
        "clicks_by_user": rows["clicks"],
        "revenue_by_user": np.minimum(rows["revenue"], cap),
    }


def draft_teams(stable: list[str], candidate: list[str], width: int) -> np.ndarray:
    """Return the teams of some drafts of two pages, (D, P). What one lacks is put behind its last place."""
    numbers = {item: number for number, item in enumerate(dict.fromkeys([*stable, *candidate]))}
    orders = []
    for own, other in ((stable, candidate), (candidate, stable)):
        orders.append([numbers[item] for item in dict.fromkeys([*own, *other])])
    size = min(len(stable), len(candidate))
    rng = np.random.default_rng(len(numbers))
    teams = np.zeros((DRAFTS, width), np.int8)
    for row in teams:
        row[:size] = draft(*orders, rng.random(len(numbers)) < 0.5).page(1, size).teams
    return teams


def share_items(stable: list[str], candidate: list[str]) -> float:
    """Return the share of a page's items that the other page has, too."""
    size = min(len(stable), len(candidate))
    return len(set(stable[:size]) & set(candidate[:size])) / size


def share_positions(stable: list[str], candidate: list[str]) -> float:
    """Return the share of a page's places that hold the same item on both."""
    size = min(len(stable), len(candidate))
    return sum(a == b for a, b in zip(stable[:size], candidate[:size], strict=True)) / size


def weighted(searches: np.ndarray, values: list[float]) -> float:
    """Return the mean of queries' values over searches."""
    return float(np.average(values, weights=searches))
