"""Logs to and from User Behavior Insights (UBI) 1.3: `python -m components.experiment.ubi --help`."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from components import contracts
from components.experiment.assignment import user_hash
from components.formats.text_files import load_json, read_lines
from components.formats.ubi_read import read_ubi
from components.formats.ubi_write import write_ubi
from components.input_paths import check_file
from components.settings import Settings

EXAMPLES = """examples:
  python -m components.experiment.ubi from --queries ubi_queries.ndjson --events ubi_events.ndjson \\
    --exposures exposures.parquet --outcomes outcomes.parquet
  python -m components.experiment.ubi to --queries ubi_queries.ndjson --events ubi_events.ndjson \\
    --exposures exposures.parquet --outcomes outcomes.parquet

lost on the way in: views, carts, sessions, coordinates; on the way out: nothing that has its exposure.
client_id becomes the user's hash by BROADFAST_USER_HASH_SECRET; 32 hex digits are a hash already.
"""
MOST_PROBLEMS = 5


def read_objects(path: Path) -> list[dict]:
    """Return the objects of a file of JSON lines, or of one JSON list.

    Raises:
        ValueError: a line is no JSON object.
    """
    first = next(read_lines(path), (0, ""))[1].lstrip()
    if first.startswith("["):
        return load_json(path)
    objects = []
    for number, line in read_lines(path):
        try:
            objects.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path.name}, line {number}: no JSON ({error.msg}); write one object a line") from None
    return objects


def write_objects(rows: Iterable[Mapping], path: Path) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def import_logs(args: argparse.Namespace) -> None:
    """Write EXPOSURES and OUTCOMES from queries and events."""
    check_file("--events", args.events)
    queries = read_objects(args.queries) if args.queries.exists() else []
    logs = read_ubi(queries, read_objects(args.events), partial(user_hash, Settings().user_hash_secret))
    contracts.write(logs.exposures, contracts.EXPOSURES, args.exposures)
    contracts.write(logs.outcomes, contracts.OUTCOMES, args.outcomes)
    for line in (*logs.notes, describe_counts(logs.counts), *logs.problems[:MOST_PROBLEMS]):
        print(line)


def export_logs(args: argparse.Namespace) -> None:
    """Write queries and events from EXPOSURES and OUTCOMES."""
    check_file("--exposures", args.exposures)
    check_file("--outcomes", args.outcomes)
    exposures = contracts.read_batches(contracts.EXPOSURES, args.exposures)
    logs = write_ubi(exposures, contracts.read_batches(contracts.OUTCOMES, args.outcomes))
    write_objects(logs.queries, args.queries)
    write_objects(logs.events, args.events)
    print(f"{len(logs.queries):,} queries; {describe_counts(logs.counts)}")


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return a sentence with what became of each row."""
    parts = [f"{name} {count:,}" for name, count in counts.items() if name != "read"]
    return f"{counts['read']:,} rows = " + (" + ".join(parts) or "0")


def main(arguments: Sequence[str]) -> int:
    """Convert logs, and print the counts."""
    parser = argparse.ArgumentParser(
        prog="python -m components.experiment.ubi",
        description="Logs to and from User Behavior Insights (UBI) 1.3.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("direction", choices=("from", "to"), help="from UBI, or to UBI")
    for name, text in (("queries", "JSON lines of UBI"), ("events", "JSON lines of UBI")):
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    for name in ("exposures", "outcomes"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="Parquet of the platform's logs")
    args = parser.parse_args(arguments)
    try:
        (import_logs if args.direction == "from" else export_logs)(args)
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
