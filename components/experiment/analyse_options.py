"""The command line of the analysis."""

import argparse
from pathlib import Path
from zoneinfo import available_timezones

from components.contracts import TEAMS
from components.currencies import normalize_currency
from components.experiment.assignment import ARMS
from components.experiment.log_views import DRAFTS_NEEDED, DRAFTS_OPTIONAL, KINDS, NEEDED, OPTIONAL
from components.experiment.preference_plan import DECISIVE, PreferencePlan
from components.experiment.records import AttributionRules

MOST_DAYS = 36_500  # of a window
TABLES = ("exposures", "outcomes", "requests")
DAY_S = 86_400
ABOUT = """Analyse an A/B experiment from its logs, as the platform analyses its own: lift of net revenue per thousand
exposures (RPM), satisfaction, click-through and conversion by assigned arm, with intervals that hold however often one
looks; sample ratio mismatch, crossover, bots, copies, late outcomes; slices; guardrails where requests are given."""
COLUMNS = "\n".join(f"  {table}: {', '.join(NEEDED[table])}; optional {', '.join(OPTIONAL[table])}" for table in TABLES)
ALL_COLUMNS = f"""{COLUMNS}
  pages, which are exposures to plan from: {", ".join(NEEDED["pages"])}; optional {", ".join(OPTIONAL["pages"])}
  exposures of interleaved pages: {", ".join(DRAFTS_NEEDED)}; optional {", ".join(DRAFTS_OPTIONAL)}"""
DETAILS = f"""Every folder is read with all Parquet files below it. Columns:
{COLUMNS}
times are timestamps, ISO 8601 texts or epoch numbers, UTC or of --zone where they have none; assigned_arm is control or
treatment; kind is click, order, refund or grade; revenue is in minor units (cents); a refund is a row of kind refund or
of negative revenue. Other names: --columns exposures.user_hash=uid,outcomes.kind=event; other names of the arms:
--columns exposures.control=A,exposures.treatment=B; other kinds: --kinds order=purchase,click=select_item

--interleaved reads pages that two rankers share, and says whose items users prefer; it says nothing of money.
  exposures: {", ".join(DRAFTS_NEEDED)}; optional {", ".join(DRAFTS_OPTIONAL)}
team is A for an item that stable placed, B for the candidate's, none for one that both wanted next; position counts
from 1 over all pages of a search. Other names: --columns exposures.A=old,exposures.B=new,exposures.none=both. Give
query, so that the coin is looked at once a user, query and day. The answer is one of: candidate's items are preferred,
stable's items are preferred, not told, pages hardly differ, void. In short:
  python -m components.experiment.analyse --interleaved --exposures logs/exposures --outcomes logs/outcomes"""
INTERLEAVED_ONLY = ("credit", "users", "propensities")
AB_ONLY = ("requests", "share", "control", "treatment", "plan")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser with all options."""
    parser = argparse.ArgumentParser(
        prog="python -m components.experiment.analyse",
        description=ABOUT,
        epilog=DETAILS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    rules = AttributionRules()
    outcome_days = rules.outcome_window.total_seconds() / DAY_S
    refund_days = rules.refund_window.total_seconds() / DAY_S
    for table in TABLES:
        parser.add_argument(f"--{table}", type=Path, required=table != "requests", metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="leave analysis.json, and an A/B's report.html")
    parser.add_argument("--columns", default="", help="where a column has another name")
    parser.add_argument("--kinds", default="", help="where a kind of outcome has another name: order=purchase")
    parser.add_argument("--currency", default="", help="of the revenue, ISO 4217 (default: the one seen most)")
    parser.add_argument("--zone", default=rules.zone, help="of times that name none, as Europe/Berlin (default UTC)")
    parser.add_argument("--window-days", type=float, default=outcome_days, help="for outcomes (default %(default)g)")
    parser.add_argument("--refund-days", type=float, default=refund_days, help="for refunds (default %(default)g)")
    parser.add_argument("--experiment", default="", help="its id (default: the one seen most)")
    parser.add_argument("--salt", help="its salt: every logged arm, or coin of a draft, is computed again")
    parser.add_argument("--share", type=float, help="of users in treatment (default 0.5)")
    parser.add_argument("--start", default="", help="when the split began; exposures before it are the pre-period")
    parser.add_argument("--end", default="", help="when to look (default: at the last exposure)")
    parser.add_argument("--control", help="the version that should answer control")
    parser.add_argument("--treatment", help="the version that should answer treatment")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="an ExperimentPlan as JSON: alpha, limits, minima")
    add_interleaved_options(parser)
    return parser


def add_interleaved_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of interleaved pages."""
    parser.add_argument("--interleaved", action="store_true", help="pages that two rankers share; see below")
    parser.add_argument("--credit", choices=DECISIVE, help="that decides where pages are interleaved (default vote)")
    parser.add_argument("--users", type=int, help="that the interleaved comparison is planned for (default 5000)")
    parser.add_argument(
        "--propensities",
        type=parse_propensities,
        metavar="P,P,...",
        help="how likely each place is looked at, from the top, for the second opinion (default: told by the coins)",
    )


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line, ending the process with a sentence where it is wrong."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    refuse_other_options(parser, args)
    fill_defaults(args)
    if not 0 < args.share < 1:
        parser.error(f"--share is {args.share}: give the share of users in treatment, as in 0.5")
    if args.users < 1:
        parser.error(f"--users is {args.users}: give the users that the comparison is planned for, as in 5000")
    for name in ("window_days", "refund_days"):
        if not 0 < vars(args)[name] <= MOST_DAYS:
            option = f"--{name.replace('_', '-')}"
            parser.error(f"{option} is {vars(args)[name]:g}: give days above 0, at most {MOST_DAYS:,}")
    if args.salt == "":
        parser.error("--salt is empty: give the experiment's salt, or leave it out")
    if args.out and args.out.exists() and not args.out.is_dir():
        parser.error(f"--out is the file {args.out}: give a folder")
    if args.zone not in available_timezones():
        parser.error(f"--zone is {args.zone}: give a name of the IANA time zones, as Europe/Berlin")
    try:
        args.currency = normalize_currency(args.currency) if args.currency else ""
    except ValueError as error:
        parser.error(f"--currency {error}")
    return args


def refuse_other_options(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Refuse options that the other kind of test reads."""
    for name in AB_ONLY if args.interleaved else INTERLEAVED_ONLY:
        if vars(args)[name] is not None:
            kind = "an A/B test: leave it out" if args.interleaved else "interleaved pages: add --interleaved"
            parser.error(f"--{name} is for {kind}")


def fill_defaults(args: argparse.Namespace) -> None:
    """Fill in what the command line left out and only one kind of test reads."""
    plan = PreferencePlan()
    args.share = 0.5 if args.share is None else args.share
    args.credit = args.credit or plan.credit
    args.users = plan.horizon_users if args.users is None else args.users
    args.propensities = args.propensities or ()


def parse_propensities(text: str) -> tuple[float, ...]:
    """Parse 1,0.63,0.5 into numbers above 0 and at most 1, of two places or more.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    try:
        numbers = tuple(map(float, text.split(",")))
    except ValueError:
        numbers = ()
    if len(numbers) < 2 or not all(0 < number <= 1 for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r}: give a number above 0, at most 1, for each place, as 1,0.63,0.5")
    return numbers


def parse_columns(text: str) -> dict[str, dict[str, str]]:
    """Parse exposures.user_hash=uid,outcomes.kind=event into a mapping by table.

    Raises:
        ValueError: a part is not of that form, or names no known table and column.
    """
    columns: dict[str, dict[str, str]] = {}
    for part in filter(None, text.split(",")):
        target, _, name = part.partition("=")
        table, _, column = target.strip().partition(".")
        names = {*NEEDED.get(table, ()), *OPTIONAL.get(table, ())}
        if table == "exposures":
            names |= {*DRAFTS_NEEDED, *DRAFTS_OPTIONAL, *ARMS, *TEAMS}
        if not name or column not in names:
            raise ValueError(f"--columns: {part!r} is not TABLE.COLUMN=NAME; the tables and columns are\n{ALL_COLUMNS}")
        columns.setdefault(table, {})[column] = name.strip()
    return columns


def parse_kinds(text: str) -> dict[str, str]:
    """Parse order=purchase,click=select_item into {"purchase": "order", "select_item": "click"}.

    Raises:
        ValueError: a part is not of that form, or names no kind of ours.
    """
    kinds = {}
    for part in filter(None, text.split(",")):
        ours, _, theirs = (word.strip() for word in part.partition("="))
        if ours not in KINDS or not theirs:
            raise ValueError(f"--kinds: {part!r} is not KIND=NAME; the kinds are {', '.join(KINDS)}")
        kinds[theirs] = ours
    return kinds
