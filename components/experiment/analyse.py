"""The analysis of anybody's experiment, from Parquet logs: `python -m components.experiment.analyse --help`."""

import argparse
import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from components.experiment import aggregate
from components.experiment.analyse_interleaved import analyse_interleaved, print_preference, read_preference_plan
from components.experiment.analyse_options import parse_arguments, parse_columns, parse_kinds
from components.experiment.assignment import ARMS
from components.experiment.decision import describe_lift
from components.experiment.describe_experiment import ExperimentQuestion, check_use, describe_experiment
from components.experiment.figures import LookFigures
from components.experiment.intervals import LiftInterval
from components.experiment.logs import moment
from components.experiment.look import evaluate
from components.experiment.plan import ExperimentPlan
from components.experiment.plan_file import read_plan_file
from components.experiment.records import AttributionRules
from components.experiment.report import experiment_page
from components.experiment.sql import first_line
from components.experiment.verdict import LookVerdict

LEAST_USERS = 2  # of an arm, for an interval
NO_INTERVAL = {  # of a metric, where both arms have users
    "rs": "both arms need graded items, and differing grades",
    "click_through": "there are no clicks, or all users are alike",
    "conversion": "there are no orders, or all users are alike",
}


def analyse(source: aggregate.LogSource, question: ExperimentQuestion, plan: ExperimentPlan) -> LookVerdict:
    """Return the verdict and all figures of an experiment.

    Raises:
        ValueError: a log cannot be read, or no exposure in it is used.
    """
    setup, now = describe_experiment(source, question)
    with TemporaryDirectory() as work:
        folder = Path(work)
        aggregate.collect(source, setup, now, folder / "sums")
        plan = replace(plan, shares=tuple(setup.shares))
        result = evaluate(folder, [folder / "sums"], setup, now, plan)
    evidence = result.evidence
    check_use(evidence.accounts.exposures, evidence.used, evidence.set_aside)
    return result


def read_source(args: argparse.Namespace) -> aggregate.LogSource:
    """Return where the logs lie and how they are read, from the command line.

    Raises:
        ValueError: a mapping is not of its form.
    """
    rules = AttributionRules(
        outcome_window=timedelta(days=args.window_days),
        refund_window=timedelta(days=args.refund_days),
        kinds=parse_kinds(args.kinds),
        zone=args.zone,
        is_interleaved=args.interleaved,
    )
    return aggregate.LogSource(args.exposures, args.outcomes, args.requests, parse_columns(args.columns), rules)


def read_question(args: argparse.Namespace) -> ExperimentQuestion:
    """Return what the command line states of the experiment.

    Raises:
        ValueError: a time is none, or names no zone.
    """
    for option in ("start", "end"):
        try:
            moment(vars(args)[option])
        except ValueError as error:
            raise ValueError(f"--{option}: {error}") from None
    versions = {arm: vars(args)[arm] for arm in ARMS if vars(args)[arm]}
    return ExperimentQuestion(args.experiment, args.salt, args.share, args.start, args.end, versions)


def read_plan(args: argparse.Namespace) -> ExperimentPlan:
    """Return the command line's plan. Without a file it looks once and waits for nothing."""
    plan = read_plan_file(args.plan) if args.plan else ExperimentPlan(dwell_seconds=0)
    return replace(plan, currency=args.currency) if args.currency else plan


def main(arguments: list[str]) -> int:
    """Analyse, print the decision and its figures, and leave the files."""
    args = parse_arguments(arguments)
    try:
        return run_interleaved(args) if args.interleaved else run_ab_test(args)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
    except duckdb.Error as error:
        print(f"{first_line(error)}; give each column one type in all files of a log", file=sys.stderr)
    return 1


def run_ab_test(args: argparse.Namespace) -> int:
    """Analyse an A/B test."""
    result = analyse(read_source(args), read_question(args), read_plan(args))
    print_verdict(result)
    if args.out:
        leave_files(result, args.out)
    return 0


def run_interleaved(args: argparse.Namespace) -> int:
    """Analyse interleaved pages."""
    result = analyse_interleaved(read_source(args), read_question(args), read_preference_plan(args))
    print_preference(result)
    if args.salt and not result.coin.checked_drafts:
        print("note: --salt checks nothing here: no draft has `pair`, with which its coin is compared")
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        (args.out / "analysis.json").write_text(json.dumps(result.to_json(), indent=1, allow_nan=False))
        print(f"figures: {args.out / 'analysis.json'}")
    return 0


def print_verdict(result: LookVerdict) -> None:
    """Print the decision, what the logs' reader has to know, and the metrics."""
    document = result.to_json()
    names = ("verdict", "reason", "exposures", "used", "set_aside", "outcomes", "outcomes_used", "outcomes_set_aside")
    print(json.dumps({name: document[name] for name in names}, indent=1))
    for note in result.evidence.notes:
        print(f"note: {note}")
    print(f"RPM: {describe_lift(result.figures)}")
    for name, lift in result.figures.metrics.items():
        if name != "rpm":
            print(f"{name}: {describe_interval(lift) if lift else explain_no_interval(name, result.figures)}")


def explain_no_interval(name: str, figures: LookFigures) -> str:
    """Return why a metric has no interval."""
    few_users = min(figures.users.get(arm, 0) for arm in ARMS) < LEAST_USERS
    return f"no interval: {figures.no_lift_reason if few_users else NO_INTERVAL[name]}"


def describe_interval(lift: LiftInterval) -> str:
    """Return an interval in a line."""
    scale = "" if lift.is_relative else ", absolute"
    return f"{lift.estimate:+.4f} ({lift.low:+.4f} to {lift.high:+.4f}{scale})"


def leave_files(result: LookVerdict, folder: Path) -> None:
    """Write analysis.json and report.html."""
    document = result.to_json()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "analysis.json").write_text(json.dumps(document, indent=1, allow_nan=False))
    (folder / "report.html").write_text(experiment_page(document))
    print(f"report: {folder / 'report.html'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
