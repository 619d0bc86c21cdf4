"""The analysis of anybody's interleaved pages: `python -m components.experiment.analyse --interleaved --help`."""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from components.experiment.aggregate import LogSource
from components.experiment.confidence_sequence import MeanInterval
from components.experiment.describe_experiment import ExperimentQuestion, check_use
from components.experiment.describe_interleaving import describe_interleaving
from components.experiment.preference import Preference, judge_preference
from components.experiment.preference_logs import collect_pages
from components.experiment.preference_plan import PreferencePlan
from components.experiment.preference_users import merge_pages

PRINTED = ("verdict", "reason", "exposures", "used", "set_aside", "outcomes", "outcomes_used", "outcomes_set_aside")
PRINTED += ("users", "pages", "fallback_pages")


def analyse_interleaved(source: LogSource, question: ExperimentQuestion, plan: PreferencePlan) -> Preference:
    """Return the verdict and all figures of an interleaved comparison.

    Raises:
        ValueError: a log cannot be read, or no exposure in it is used.
    """
    setup, now = describe_interleaving(source, question)
    with TemporaryDirectory() as work:
        folder = Path(work)
        collect_pages(source, setup, now, folder)
        evidence = merge_pages([folder], now, plan, question.salt)
    check_use(evidence.accounts.exposures, evidence.used, evidence.set_aside)
    return judge_preference(evidence, plan)


def print_preference(result: Preference) -> None:
    """Print the verdict, counts that add up, notes on the logs, and each credit."""
    document = result.to_json()
    print(json.dumps({name: document[name] for name in PRINTED}, indent=1))
    for note in result.evidence.notes:
        print(f"note: {note}")
    if count := result.evidence.set_aside.get("no team", 0):
        remedy = "log `none` for items of neither ranker, or users without a pair are lost"
        print(f"note: {count:,} exposures name no team: {remedy}")
    if count := result.evidence.set_aside.get("no position", 0):
        print(f"note: {count:,} exposures have no position: it counts from 1, over all pages of a search")
    for name, interval in result.intervals.items():
        print(f"{name}: {describe_credit(name, interval, result)}")
    bets = result.evidence.bets
    print(f"betting: p {bets.p_value:.3g} over {bets.users:,} users whose first two windows are over")
    print(f"weighed clicks: {describe_second_opinion(result)}")
    coin = result.coin
    print(f"coin: {coin.problem or 'nothing is wrong with it'}; {describe_coin(coin.stable_first_share, coin.users)}")
    if coin.checked_drafts:
        print(f"coins computed again: {coin.checked_drafts:,}, of which {coin.wrong_drafts:,} are wrong")


def describe_credit(name: str, interval: MeanInterval | None, result: Preference) -> str:
    """Return a credit's interval in a line, or why there is none."""
    role = "decides" if name == result.credit else "shown"
    if interval:
        return f"{interval}, p {interval.p_value:.3g}, {role}"
    return f"no interval: {'no user has any' if has_enough(result) else 'too few users saw a pair'}"


def describe_second_opinion(result: Preference) -> str:
    """Return what weighed clicks say in a line, with their propensities."""
    opinion = result.second_opinion
    if not opinion.interval:
        return f"no second opinion: {opinion.problem}"
    places = ", ".join(f"{value:.2f}" for value in opinion.propensities)
    source = "told by the coins" if opinion.are_estimated else "as they were given"
    check = f"{source}, check p {opinion.check_p_value:.3g}"
    word = opinion.compare(result.intervals[result.credit])
    return f"{opinion.interval}, {word}, never decides; places are looked at as {places} ({check})"


def has_enough(result: Preference) -> bool:
    """Tell whether enough users saw a pair for an interval."""
    return any(interval is not None for interval in result.intervals.values())


def describe_coin(share: float | None, users: int) -> str:
    """Return how often stable comes first."""
    return f"stable comes first for {share:.1%} of {users:,} users" if users else "no user saw a pair"


def read_preference_plan(args: argparse.Namespace) -> PreferencePlan:
    """Return what the command line states of the comparison."""
    propensities = tuple(args.propensities)
    return PreferencePlan(
        credit=args.credit, horizon_users=args.users, currency=args.currency, propensities=propensities
    )
