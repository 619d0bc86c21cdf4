"""Shards of interleaved logs put together: every page used or set aside for a reason, and what users' numbers sum to.

A user whose pages never held a pair is a zero, and not missing. Users are the units of every figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from components.experiment.assignment import LAYER_SALT
from components.experiment.attribute import read_accounts
from components.experiment.betting import BettingProcess
from components.experiment.coin_check import count_wrong_coins
from components.experiment.coin_test import CoinCounts
from components.experiment.confidence_sequence import MeanSums, read_sums
from components.experiment.log_times import to_micros
from components.experiment.notes import describe_logs
from components.experiment.orders import read_orders
from components.experiment.people import BATCH_ROWS, count_most_exposures, number_users
from components.experiment.preference_plan import CREDITS, PreferencePlan
from components.experiment.records import Accounts
from components.experiment.sql import database, files
from components.experiment.weighed_clicks import WeighedClicks, weigh_clicks

PAGE_SUMS = tuple(f"{name}_{team}" for name in ("impressions", "reciprocal", "clicks") for team in "AB")
NO_CAP = 1e300
OTHER_RANKER = {"stable": "candidate", "candidate": "stable"}
HAS_PAIR = "impressions_A + impressions_B > 0"


@dataclass(frozen=True)
class InterleavedEvidence:
    """What interleaved logs hold, before a verdict."""

    accounts: Accounts
    currency: str  # ISO 4217, '' where the logs name none
    set_aside: dict[str, int]  # exposures by reason
    fallback_pages: int
    ranker_failures: dict[str, int]  # of these, by the ranker that gave no list
    users: dict[str, int]  # all, with a pair, and with more clicks on either's items
    pages: dict[str, int]  # all, with a pair
    credits: dict[str, MeanSums]
    coins: CoinCounts
    bets: BettingProcess  # of users whose time is over
    notes: tuple[str, ...]
    weighed_clicks: WeighedClicks = WeighedClicks()

    @property
    def used(self) -> int:
        """Return how many exposures are used."""
        return self.accounts.exposures - sum(self.set_aside.values())


def merge_pages(
    shards: Sequence[Path], now: datetime, plan: PreferencePlan, salt: str | None = None, share: float | None = None
) -> InterleavedEvidence:
    """Return the evidence of all shards. With the experiment's salt, coins are computed again.

    With the share of users whose pages are interleaved, other users' pages are set aside.
    """
    with database() as db:
        currency, order_problems = read_orders(db, shards, plan.currency)
        accounts = Accounts.total([read_accounts(shard) for shard in shards]).with_order_problems(order_problems)
        number_users(db, shards, None if share is None else LAYER_SALT)
        _attribute_pages(db, shards, share)
        _sum_users(db, plan.revenue_cap_quantile)
        return InterleavedEvidence(
            accounts=accounts,
            currency=currency,
            set_aside=_exposures_set_aside(db, accounts.duplicates),
            fallback_pages=_count(db, "pages WHERE reason = 'fallback page'"),
            ranker_failures={
                name: _count(
                    db, f"pages WHERE reason = 'fallback page' AND {name}_version IS NULL AND {other}_version <> ''"
                )
                for name, other in OTHER_RANKER.items()
            },
            users={
                "all": _count(db, "users"),
                "with_pair": _count(db, "users WHERE pages_with_pair > 0"),
                "for_stable": _count(db, "users WHERE clicks_A > clicks_B"),
                "for_candidate": _count(db, "users WHERE clicks_B > clicks_A"),
            },
            pages={
                "all": _count(db, "pages WHERE reason = ''"),
                "with_pair": _count(db, f"pages WHERE reason = '' AND {HAS_PAIR}"),
            },
            credits={name: read_sums(db, credit, "users") for name, credit in CREDITS.items()},
            coins=_count_coins(db, salt),
            bets=_bet(db, plan, timedelta(seconds=accounts.outcome_window_s), now),
            notes=tuple(describe_logs(accounts, currency)),
            weighed_clicks=weigh_clicks(db, plan.propensities),
        )


def _attribute_pages(db: duckdb.DuckDBPyConnection, shards: Sequence[Path], share: float | None) -> None:
    """Make `pages` a row a page and reason, '' where it is used."""
    is_outside = "FALSE" if share is None else f"people.draw >= {share}"
    most_exposures = count_most_exposures(db)
    sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in PAGE_SUMS)
    tops = "min(top_A) AS top_A, min(top_B) AS top_B, min(first_pair) AS first_pair, any_value(raw_query) AS raw_query"
    reason = f"""CASE WHEN exclusion_reason IS NOT NULL THEN exclusion_reason
        WHEN people.exposures > {most_exposures} THEN 'bot'
        WHEN {is_outside} THEN 'outside the share' ELSE '' END AS reason"""
    names = ("stable_version", "candidate_version", "places", "clicked")
    tops += "".join(f", any_value({name}) AS {name}" for name in names)
    db.execute(
        f"""CREATE TABLE pages AS SELECT user_id, request_id, query, locale, day, {reason}, min(first_t) AS first_t,
            sum(cells.exposures)::BIGINT AS exposures, {tops}, {sums}
            FROM {files(shards, "cells")} cells LEFT JOIN people USING (user_hash) GROUP BY ALL"""
    )


def _sum_users(db: duckdb.DuckDBPyConnection, cap_quantile: float) -> None:
    """Make `users` a row a user, with the cap of its revenue."""
    sums = ", ".join(f"sum({name}) AS {name}" for name in PAGE_SUMS)
    pages = f"count(*) FILTER ({HAS_PAIR}) AS pages_with_pair, min(first_t) AS first_t"
    orders = ", ".join(f"count(*) FILTER (kind = 'order' AND team = '{team}') AS orders_{team}" for team in "AB")
    revenue = ", ".join(f"coalesce(sum(revenue) FILTER (team = '{team}'), 0) AS revenue_{team}" for team in "AB")
    names = [f"{name}_{team}" for name in ("orders", "revenue") for team in "AB"]
    db.execute(
        f"""CREATE TABLE users AS SELECT seen.*, {", ".join(f"coalesce({name}, 0) AS {name}" for name in names)}
            FROM (SELECT user_id, {pages}, {sums} FROM pages WHERE reason = '' GROUP BY user_id) seen
            JOIN people USING (user_id) LEFT JOIN (SELECT user_hash, {orders}, {revenue} FROM orders
                WHERE exclusion_reason IS NULL GROUP BY user_hash) USING (user_hash)"""
    )
    spent = "SELECT unnest([revenue_A, revenue_B]) AS spent FROM users"
    query = f"SELECT coalesce(quantile_cont(spent, {cap_quantile}), {NO_CAP}) FROM ({spent}) WHERE spent > 0"
    ((cap,),) = db.execute(query).fetchall()
    db.execute(f"ALTER TABLE users ADD COLUMN cap DOUBLE DEFAULT {float(cap)!r}")


def _count(db: duckdb.DuckDBPyConnection, rows: str) -> int:
    return db.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0]


def _exposures_set_aside(db: duckdb.DuckDBPyConnection, duplicates: int) -> dict[str, int]:
    """Count exposures that are not used, by reason."""
    query = "SELECT reason, sum(exposures)::BIGINT FROM pages WHERE reason <> '' GROUP BY ALL"
    counts = dict(db.execute(query).fetchall())
    return dict(sorted((counts | ({"duplicate": duplicates} if duplicates else {})).items()))


def _count_coins(db: duckdb.DuckDBPyConnection, salt: str | None) -> CoinCounts:
    """Count by user what each draft's first page with a pair looks like.

    Its coin is computed again where a salt is given.
    """
    db.execute(
        f"""CREATE TABLE drafts AS SELECT * FROM pages WHERE reason = '' AND {HAS_PAIR}
            QUALIFY row_number() OVER (PARTITION BY user_id, query, locale, day ORDER BY first_t, request_id) = 1"""
    )
    sums = ", ".join(f"sum({name}_B - {name}_A) AS {name}" for name in ("impressions", "reciprocal"))
    first = "arg_min(coalesce(top_A < top_B, top_B IS NULL), (first_t, request_id)) AS is_stable_first"
    db.execute(f"CREATE TABLE coins AS SELECT {sums}, {first} FROM drafts GROUP BY user_id")
    checked_drafts, wrong_drafts = count_wrong_coins(db, salt) if salt is not None else (0, 0)
    return CoinCounts(
        users=_count(db, "coins"),
        stable_first=_count(db, "coins WHERE is_stable_first"),
        impressions=read_sums(db, "impressions", "coins"),
        reciprocal_ranks=read_sums(db, "reciprocal", "coins"),
        checked_drafts=checked_drafts,
        wrong_drafts=wrong_drafts,
    )


def _bet(db: duckdb.DuckDBPyConnection, plan: PreferencePlan, window: timedelta, now: datetime) -> BettingProcess:
    """Bet on the users whose time is over, in order of first exposure.

    Each is bet on by the clicks of its first `window`. So a user's number never changes after it was bet on, and its
    order does not depend on it.
    """
    bets = BettingProcess(plan.alpha, plan.tuning_users)
    span = window // timedelta(microseconds=1)
    clicks = ", ".join(f"sum(pages.clicks_{team}) AS clicks_{team}" for team in "AB")
    query = f"""SELECT ({CREDITS[plan.bet_credit]})::DOUBLE AS x FROM (
        SELECT user_id, users.first_t, {clicks} FROM pages JOIN users USING (user_id)
        WHERE reason = '' AND pages.first_t <= users.first_t + {span} AND users.first_t + {2 * span} <= {to_micros(now)}
        GROUP BY ALL) JOIN people USING (user_id) ORDER BY first_t, user_hash"""
    for batch in db.cursor().sql(query).to_arrow_reader(BATCH_ROWS):
        bets.add(batch.column(0).to_numpy())
    return bets
