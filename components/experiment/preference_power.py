"""How many users an interleaved comparison needs, from logged pages of both rankers, beside an A/B test.

`python -m components.experiment.preference_power --exposures FOLDER --outcomes FOLDER --stable V1 --candidate V2`
The logged pages of both versions are drafted. Users are then drawn who click by place as the logs' users do, and more
on the candidate's items than on stable's, so much that the credit is what a lift of clicks gives where the better
item is the one that the candidate ranks higher: half of that, for so much was seen in simulations.
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from components.experiment.analyse_options import parse_columns, parse_kinds
from components.experiment.log_views import NEEDED
from components.experiment.logged_pages import LoggedPages, read_logged_pages
from components.experiment.plan import ExperimentPlan
from components.experiment.power import Sequence, check_numbers, percentage, users_needed
from components.experiment.records import AttributionRules
from components.experiment.sql import first_line

DRAWN_USERS = 50_000
SEED = 7
LITTLE_GAIN = 2.0  # times fewer users than an A/B test on clicks, below which interleaving is hardly worth it
LARGEST_TILT = 0.9  # of clicks between teams, beyond which a lift cannot come from so few pairs
HARDLY_DIFFER = 0.01  # of the pages with a pair


@dataclass(frozen=True)
class PowerPlan:
    """The lift to be found, how surely, and how often one looks."""

    lift: float  # of clicks, relative; of RPM for the A/B test
    power: float
    sequence: Sequence


@dataclass(frozen=True)
class Votes:
    """The mean and the variance of users' votes."""

    mean: float
    variance: float


def plan_users(pages: LoggedPages, plan: PowerPlan) -> dict[str, int | None]:
    """Return the users that each comparison needs, None where it can never tell."""
    drift = plan.sequence.drift(plan.power)
    votes = draw_votes(pages, plan.lift)
    return {
        "interleaving": _one_sample_users(votes, drift) if votes else None,
        "ab_click_through": _two_sample_users(pages.clicks_by_user, plan, drift),
        "ab_rpm": _revenue_users(pages.revenue_by_user, plan),
    }


def draw_votes(pages: LoggedPages, lift: float) -> Votes | None:
    """Draw users who click more on the candidate's items, and return their votes.

    It is None where too few clicks fall on items of one ranker for such a lift. The same users are drawn once more with
    the lift on stable's items: half of the difference is the mean, with far less noise.
    """
    tilt = find_tilt(pages, lift)
    if tilt > LARGEST_TILT:
        return None
    rng = np.random.default_rng(SEED)
    visits = rng.choice(pages.pages_by_user, DRAWN_USERS).astype(int)
    users = np.repeat(np.arange(DRAWN_USERS), visits)
    query = rng.choice(len(pages.searches), len(users), p=pages.searches)
    teams = pages.teams[query, rng.integers(pages.teams.shape[1], size=len(users))]
    chances = rng.random(teams.shape)
    votes = []
    for sign in (1, -1):
        clicks = chances < pages.click_rates * (1 + sign * tilt * teams)
        votes.append(np.sign(np.bincount(users, (clicks * teams).sum(1), DRAWN_USERS)))
    return Votes(float((votes[0] - votes[1]).mean()) / 2, float(votes[0].var()))


def find_tilt(pages: LoggedPages, lift: float) -> float:
    """Return how much more the candidate's items, and less stable's, are clicked for this lift."""
    return pages.credit_over_clicks * lift / pages.clicks_on_pairs if pages.clicks_on_pairs else math.inf


def _one_sample_users(votes: Votes, drift: float) -> int | None:
    return math.ceil(votes.variance * (drift / votes.mean) ** 2) if votes.mean > 0 else None


def _two_sample_users(x: np.ndarray, plan: PowerPlan, drift: float) -> int | None:
    effect = plan.lift * x.mean() if len(x) else 0.0
    return math.ceil(4 * x.var() * (drift / effect) ** 2) if effect > 0 and x.var() else None


def _revenue_users(x: np.ndarray, plan: PowerPlan) -> int | None:
    if not len(x) or x.mean() <= 0 or not x.std():
        return None
    return users_needed(plan.lift, float(x.std() / x.mean()), plan.power, plan.sequence)


def list_warnings(pages: LoggedPages, users: dict[str, int | None]) -> list[str]:
    """Return where interleaving gains little, or nothing can be told."""
    warnings = []
    if pages.pages_with_pair <= HARDLY_DIFFER:
        warnings.append(f"pages hardly differ: {pages.pages_with_pair:.1%} of the searches have a pair")
    elif not pages.click_rates.any():
        remedy = "check that outcomes have the request_id and item_id of exposures, and --kinds"
        warnings.append(f"no click falls on stable's pages, so nothing can be told: {remedy}")
    elif users["interleaving"] is None:
        share = f"{pages.clicks_on_pairs:.1%}"
        warnings.append(
            f"{share} of the clicks fall on items of one ranker: they cannot carry such a lift, or are none"
        )
    elif users["ab_click_through"] and users["ab_click_through"] < LITTLE_GAIN * users["interleaving"]:
        ratio = users["ab_click_through"] / users["interleaving"]
        overlap = f"{pages.shared_items:.0%} of the items are shared, {pages.same_position:.0%} in the same place"
        warnings.append(
            f"an A/B test on clicks needs only {ratio:.1f} times the users ({overlap}): interleaving gains little, "
            "so go to the A/B test"
        )
    if len(pages.searches) < pages.queries / 2:
        warnings.append(f"{len(pages.searches):,} of stable's {pages.queries:,} queries have a page of the candidate")
    return warnings


def describe(pages: LoggedPages, plan: PowerPlan, users_a_day: float) -> dict:
    """Return the plan as a JSON object."""
    users = plan_users(pages, plan)
    days = {name: math.ceil(count / users_a_day) if count else None for name, count in users.items()}
    return {
        "lift": plan.lift,
        "set_aside": pages.set_aside,
        "queries_with_both_pages": len(pages.searches),
        "shared_items": round(pages.shared_items, 3),
        "same_position": round(pages.same_position, 3),
        "pages_with_pair": round(pages.pages_with_pair, 3),
        "clicks_on_pairs": round(pages.clicks_on_pairs, 3),
        "credit_over_clicks": round(pages.credit_over_clicks, 3),
        "users_at_most": users,
        "days_at_most": days,
        "warnings": list_warnings(pages, users),
    }


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line, ending the process with a sentence where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m components.experiment.preference_power",
        description="Users and days that an interleaved comparison needs, and an A/B test, from both rankers' pages.",
        epilog=f"Exposures need the columns {', '.join(NEEDED['pages'])}, outcomes {', '.join(NEEDED['outcomes'])}. "
        "In the answer, null says that no number of users tells such a lift.",
    )
    for table in ("exposures", "outcomes"):
        parser.add_argument(f"--{table}", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--stable", required=True, help="the version that serves, as in the logs' column version")
    parser.add_argument("--candidate", required=True, help="the version that may take its place")
    parser.add_argument("--lift", type=percentage, default=0.02, help="of clicks, relative, to be told (default 2%%)")
    parser.add_argument("--power", type=percentage, default=0.8, help="probability to tell it (default 80%%)")
    parser.add_argument("--looks", type=int, default=20, help="how often one looks at most (default %(default)s)")
    parser.add_argument("--alpha", type=percentage, default=ExperimentPlan().alpha, help="two-sided")
    parser.add_argument("--users-a-day", type=float, default=50_000, help="new ones (default %(default)g)")
    parser.add_argument("--columns", default="", help="where a column has another name: pages.query=query_id")
    parser.add_argument("--kinds", default="", help="where a kind of outcome has another name: order=purchase")
    args = parser.parse_args(arguments)
    check_numbers(parser, args, ("lift", "looks", "users_a_day"))
    if args.stable == args.candidate:
        parser.error(f"--stable and --candidate are both {args.stable!r}: give two versions of the logs")
    return args


def main(arguments: list[str]) -> int:
    """Print the plan."""
    args = parse_arguments(arguments)
    try:
        rules = AttributionRules(kinds=parse_kinds(args.kinds))
        folders = (args.exposures, args.outcomes)
        pages = read_logged_pages(folders, parse_columns(args.columns), rules, (args.stable, args.candidate))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except duckdb.Error as error:
        print(f"{first_line(error)}; give each column one type in all files of a log", file=sys.stderr)
        return 1
    plan = PowerPlan(args.lift, args.power, Sequence(args.looks, args.alpha))
    result = describe(pages, plan, args.users_a_day)
    print(json.dumps(result, indent=1))
    for warning in result["warnings"]:
        print(f"warning: {warning}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
