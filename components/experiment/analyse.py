"""The analysis of anybody's experiment, from Parquet logs: `python -m components.experiment.analyse --help`."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from components.experiment import aggregate, verdict
from components.experiment.assignment import ARMS
from components.experiment.attribute import merge
from components.experiment.log_views import NEEDED, OPTIONAL, view
from components.experiment.logs import moment
from components.experiment.plan import ExperimentPlan
from components.experiment.report import experiment_page

ABOUT = """Analyse an A/B experiment from its logs, as the platform analyses its own: lift of revenue per thousand
exposures (RPM), satisfaction, click-through and conversion by assigned arm, with intervals that hold however often one
looks; sample ratio mismatch, crossover, bots, copies, late outcomes; slices; guardrails where requests are given."""
COLUMNS = "\n".join(
    f"  {table}: {', '.join(NEEDED[table])}; optional {', '.join(OPTIONAL[table])}"
    for table in ("exposures", "outcomes", "requests")
)
DETAILS = f"""Every folder is read with all Parquet files below it. Columns:
{COLUMNS}
times have a zone or are UTC; assigned_arm is control or treatment; kind is click, order or grade; revenue is in minor
units (cents). Other names: --columns exposures.user_hash=uid,outcomes.kind=event; other names of the arms:
--columns exposures.control=A,exposures.treatment=B"""


def analyse(places: aggregate.Places, asked: Mapping, plan: ExperimentPlan) -> dict:
    """The verdict and all figures of an experiment that `asked` describes: id, salt, share, start, end, versions.

    What is not said is taken from the logs: the id and the versions seen most, the first and the last exposure.

    Raises:
        ValueError: a log cannot be read, or holds no exposure.
    """
    experiment, now = described(places, asked)
    with TemporaryDirectory() as folder:
        aggregate.collect(places, experiment, now, Path(folder) / "sums")
        evidence = merge([Path(folder) / "sums"], experiment, now, Path(folder))
        plan = replace(plan, shares=tuple(stage["share"] for stage in experiment["stages"]))
        return verdict.judge(Path(folder), evidence, plan)


def described(places: aggregate.Places, asked: Mapping) -> tuple[dict, datetime]:
    """The experiment as the platform's state would describe it, and the moment it is looked at."""
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        view(db, "exposures", places.exposures, places.renamed.get("exposures", {}))
        names = "experiment_id::VARCHAR, assigned_arm, version::VARCHAR"
        seen = db.execute(f"SELECT {names}, count(*), min(t), max(t) FROM exposures GROUP BY ALL").fetchall()
    times = [time for row in seen for time in row[4:] if time is not None]
    if not times:
        raise ValueError(f"{places.exposures}: no exposure has a time")
    if strange := sorted({str(row[1]) for row in seen if row[1] not in (None, "", *ARMS)}):
        raise ValueError(
            f"{places.exposures}: assigned_arm holds {', '.join(strange[:5])}; "
            "say which is which by --columns exposures.control=NAME,exposures.treatment=NAME"
        )
    id = asked.get("experiment") or most((row[0], row[3]) for row in seen)
    mine = [row for row in seen if not id or row[0] == id]
    versions = {arm: asked.get(arm) or most((row[2], row[3]) for row in mine if row[1] == arm) for arm in ARMS}
    first, last = moment_of(min(times)), moment_of(max(times))
    began = moment(asked["start"]) if asked.get("start") else first
    stages = [{"share": float(asked["share"]), "started": began.isoformat()}]
    if began > first:
        stages = [{"share": 0.0, "started": first.isoformat()}, *stages]
    found = {"experiment_id": id or "unnamed", "nameless": not id, "salt": asked.get("salt"), "stages": stages}
    found |= {"versions": versions, "looks": 0}
    return found, moment(asked["end"]) if asked.get("end") else last


def most(counts: Iterable[tuple[str | None, int]]) -> str:
    """The value seen most, of values with how often they were seen; '' where there is none."""
    total = Counter()
    for value, count in counts:
        if value is not None:
            total[value] += count
    return min(total, key=lambda value: (-total[value], value), default="")


def moment_of(micros: int) -> datetime:
    """Microseconds since 1970 as a time."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)


def renamed(text: str) -> dict[str, dict[str, str]]:
    """exposures.user_hash=uid,outcomes.kind=event as a mapping by table.

    Raises:
        ValueError: a part is not of that form, or names no known table and column.
    """
    found: dict[str, dict[str, str]] = {}
    for part in filter(None, text.split(",")):
        place, _, name = part.partition("=")
        table, _, column = place.strip().partition(".")
        known = (*NEEDED.get(table, ()), *OPTIONAL.get(table, ()), *(ARMS if table == "exposures" else ()))
        if not name or column not in known:
            raise ValueError(f"--columns: {part!r} is not TABLE.COLUMN=NAME; the tables and columns are\n{COLUMNS}")
        found.setdefault(table, {})[column] = name.strip()
    return found


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m components.experiment.analyse",
        description=ABOUT,
        epilog=DETAILS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for table, needed in (("exposures", True), ("outcomes", True), ("requests", False)):
        parser.add_argument(f"--{table}", type=Path, required=needed, metavar="FOLDER")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write analysis.json and report.html there")
    parser.add_argument("--columns", default="", help="where a column has another name")
    parser.add_argument("--experiment", help="its id; the one seen most, if not said")
    parser.add_argument("--salt", help="the salt of its arms: every logged arm is then computed again")
    parser.add_argument("--share", type=float, default=0.5, help="of users in treatment (default 0.5)")
    parser.add_argument("--start", help="when the split began; exposures before it are the users' pre-period")
    parser.add_argument("--end", help="when to look; at the last exposure, if not said")
    parser.add_argument("--control", help="the version that should answer control")
    parser.add_argument("--treatment", help="the version that should answer treatment")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="an ExperimentPlan as JSON: alpha, limits, minima")
    said = parser.parse_args(arguments)
    if not 0 < said.share < 1:
        parser.error(f"--share is {said.share}: give the share of users in treatment, as in 0.5")
    return said


def main(arguments: list[str]) -> int:
    """Analyse, print the decision and the lift, leave the files."""
    said = parsed(arguments)
    try:
        plan = ExperimentPlan.from_json(said.plan.read_text()) if said.plan else ExperimentPlan(dwell_seconds=0)
        found = analyse(
            aggregate.Places(said.exposures, said.outcomes, said.requests, renamed(said.columns)), vars(said), plan
        )
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps({name: found[name] for name in ("verdict", "reason", "exposures", "used", "set_aside")}, indent=1))
    for name, one in found["figures"]["metrics"].items():
        print(f"{name}: {spelled(one)}")
    if said.out:
        said.out.mkdir(parents=True, exist_ok=True)
        (said.out / "analysis.json").write_text(json.dumps(found, indent=1, allow_nan=False))
        (said.out / "report.html").write_text(experiment_page(found))
        print(f"report: {said.out / 'report.html'}")
    return 0


def spelled(one: dict | None) -> str:
    """An interval in a line."""
    return f"{one['estimate']:+.4f} ({one['low']:+.4f} to {one['high']:+.4f})" if one else "no interval"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
