"""What is known before two rankers are compared: how their logged pages overlap, and how users click and buy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np

from components.experiment.log_views import create_view
from components.experiment.logged_drafts import draft_logged_pages
from components.experiment.records import AttributionRules
from components.experiment.row_status import names_sql
from components.experiment.sql import database, text

QUERIES = 2_000  # that are drafted, the most searched first
SHARE_OF_EXPECTED_CREDIT = 0.5  # that was measured in simulations, where goodness is not what ranks say
REVENUE_CAP = 0.999  # quantile of the users that spent anything, as in an experiment's plan
UNUSABLE = """CASE WHEN request_id IS NULL THEN 'no request' WHEN coalesce(trim(query), '') = '' THEN 'no query'
    WHEN item_id IS NULL THEN 'no item' WHEN coalesce(position, 0) < 1 THEN 'no position'
    WHEN user_hash IS NULL AND version = {stable} THEN 'no user' END"""
LATEST_PAGES = """SELECT version, query, locale, item_id, position FROM lists
    JOIN (SELECT version, query, locale, arg_max(request_id, (t, request_id)) AS request_id FROM lists
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
    credit_over_clicks: float  # of a page's credit over the gain in clicks
    click_rates: np.ndarray  # (P,) by place
    pages_by_user: np.ndarray
    clicks_by_user: np.ndarray
    revenue_by_user: np.ndarray  # capped
    set_aside: Mapping[str, int] = field(default_factory=dict)  # rows of both versions, by reason

    @property
    def pages_with_pair(self) -> float:
        """Return the share of searches whose page has a pair."""
        return float((self.teams[:, 0] != 0).any(1) @ self.searches)

    @property
    def clicks_on_pairs(self) -> float:
        """Return the share of the clicks that fall on an item of one ranker."""
        on_pairs = (np.abs(self.teams) * self.click_rates).sum(2).mean(1) @ self.searches
        clicks = self.click_rates.sum()
        return float(on_pairs / clicks) if clicks else 0.0


def read_logged_pages(
    folders: tuple[Path, Path], columns: Mapping, rules: AttributionRules, versions: tuple[str, str]
) -> LoggedPages:
    """Read exposures and outcomes, and draft the latest pages of both versions, stable's first.

    Raises:
        ValueError: a log cannot be read, or no query was answered by both versions.
    """
    with database() as db:
        names = {**columns.get("exposures", {}), **columns.get("pages", {})}  # pages are exposures
        create_view(db, "pages", folders[0], names, rules)
        create_view(db, "outcomes", folders[1], columns.get("outcomes", {}), rules)
        set_aside = create_lists(db, folders[0], versions)
        lists = read_lists(db, versions)
        both = [key for key in lists[0] if key in lists[1]]
        if not both:
            problem = f"{folders[0]}: no query was answered by both {versions[0]} and {versions[1]}"
            raise ValueError(
                f"{problem}: add the candidate's pages of logged queries, from a canary or from offline scores"
            )
        counts = read_searches(db, versions[0])
        both = sorted(both, key=lambda key: -counts[key])[:QUERIES]
        searches = np.array([counts[key] for key in both], float)
        pages = [(lists[0][key], lists[1][key]) for key in both]
        width = max(min(len(stable), len(candidate)) for stable, candidate in pages)
        drafts = [draft_logged_pages(stable, candidate, width) for stable, candidate in pages]
        rates = read_click_rates(db, versions[0], width)
        gain = searches @ [query.expected_gain(rates) for query in drafts]
        credit = searches @ [query.expected_credit(rates) for query in drafts]
        return LoggedPages(
            teams=np.stack([query.teams for query in drafts]),
            searches=searches / searches.sum(),
            queries=len(lists[0]),
            shared_items=float(np.average([query.shared_items for query in drafts], weights=searches)),
            same_position=float(np.average([query.same_position for query in drafts], weights=searches)),
            credit_over_clicks=SHARE_OF_EXPECTED_CREDIT * float(credit / gain) if gain > 0 else 0.0,
            click_rates=rates,
            set_aside=set_aside,
            **read_users(db, versions[0]),
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


def create_lists(db: duckdb.DuckDBPyConnection, path: Path, versions: tuple[str, str]) -> dict[str, int]:
    """Make `lists` the usable rows of both versions, and count the others by reason.

    Raises:
        ValueError: positions count from 0, or a version has no such row; the sentence counts the reasons.
    """
    check_versions(db, path, versions)
    if db.execute("SELECT count(*) FROM pages WHERE position = 0").fetchall()[0][0]:
        raise ValueError(f"{path}: position holds 0: write it from 1, over all pages of a search")
    reason = UNUSABLE.format(stable=text(versions[0]))
    columns = f"* REPLACE (coalesce(locale, '') AS locale), {reason} AS reason"
    db.execute(f"CREATE VIEW reasons AS SELECT {columns} FROM pages WHERE version IN {names_sql(versions)}")
    db.execute("CREATE VIEW lists AS SELECT * FROM reasons WHERE reason IS NULL")
    counts = db.execute("SELECT version, reason, count(*) FROM reasons GROUP BY ALL ORDER BY ALL").fetchall()
    usable = {version for version, reason, _ in counts if reason is None}
    for version in versions:
        if version not in usable:
            reasons = ", ".join(f"{reason} {count:,}" for name, reason, count in counts if name == version)
            remedy = "check these columns, position counts from 1, and --columns"
            raise ValueError(f"{path}: no row of version {version} can be used ({reasons}): {remedy}")
    set_aside: dict[str, int] = {}
    for _, reason, count in counts:
        if reason:
            set_aside[reason] = set_aside.get(reason, 0) + count
    return set_aside


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
        f"""SELECT query, locale, count(DISTINCT request_id) FROM lists WHERE version = {text(version)} GROUP BY ALL"""
    )
    return {(name, locale): count for name, locale, count in db.execute(query).fetchall()}


def read_click_rates(db: duckdb.DuckDBPyConnection, version: str, width: int) -> np.ndarray:
    """Return the clicks an exposure by place, (P,), 0 where a place was never shown."""
    rows = db.execute(
        f"""SELECT position, count(clicks.item_id) / count(*) FROM lists LEFT JOIN
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
        f"""SELECT count(DISTINCT lists.request_id)::DOUBLE AS pages, coalesce(sum(clicks), 0)::DOUBLE AS clicks,
            coalesce(sum(revenue), 0)::DOUBLE AS revenue FROM lists LEFT JOIN
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
