"""Write bench/results/cluster.json of tables that runs of the cluster suite wrote: `python -m bench.cluster.measure`.

BROADFAST_TEST_TABLE=doubles.json make test TEST=tests/cluster, the same with `make test-cluster`, then
`python -m bench.cluster.measure --doubles FILE... --real FILE... --not-run "..."`, with `--host HOST` (and
`--token-file FILE`) for a real Kubeflow server, and `--night FILE` where bench.cluster.night counted a night.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import RESULTS, show, write_results
from testing.kubeflow_server import kubeflow

DEPLOY = ["-m", "pipelines.cluster.deploy", "deploy", "--profile", "cluster-demo", "--version", "measured"]
REGISTRY = {"BROADFAST_REGISTRY": "registry.internal/suite"}
TALLIES = ("releases", "killed", "samples", "share violations")


def read_tables(paths: Sequence[Path], world: str) -> dict:
    """Read the tables of a world's runs as one: tests and tallies are added up.

    Raises:
        ValueError: a table is of a run on something else.
    """
    outcomes: dict[str, Counter] = {}
    tally: Counter = Counter()
    figures: dict[str, float] = {}
    for path in paths:
        table = json.loads(path.read_text())
        if table["world"] != world:
            where = {"real": "a real cluster", "doubles": "doubles"}[world]
            raise ValueError(f"{path} was not written by a run on {where}")
        for name, counts in table["outcomes"].items():
            outcomes.setdefault(name, Counter()).update(counts)
        tally.update(table["tally"])
        figures |= table["figures"]
    return {"outcomes": outcomes, "tally": tally, "figures": figures}


def summarise(table: Mapping) -> dict:
    """Return what runs of the suite counted and timed."""
    outcomes = Counter({"passed": 0, "skipped": 0, "failed": 0})
    for counts in table["outcomes"].values():
        outcomes.update(counts)
    tally = {name.replace(" ", "_"): table["tally"].get(name, 0) for name in TALLIES}
    return tally | {f"tests_{name}": count for name, count in outcomes.items()} | table["figures"]


@contextmanager
def choose_host(host: str, token_file: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the address of a Kubeflow server, and a token for it: a real one's, or a double's."""
    if host:
        yield host, token_file.read_text().strip() if token_file else ""
        return
    with kubeflow() as (address, state):
        yield address, state.token or ""


def measure_deploys(host: str, token_file: Path | None) -> dict:
    """Return the CPU seconds of a deployment of both pipelines, and of one that has nothing to do."""
    with TemporaryDirectory() as folder, choose_host(host, token_file) as (address, token):
        access = Path(folder, "token")
        access.write_text(token)
        command = [sys.executable, *DEPLOY, "--host", address, "--out", folder]
        command += ["--token-file", str(access)] if token else []
        first, _ = run_timed(command)
        again, output = run_timed(command)
    if output.count("nothing to do") != 2:
        raise RuntimeError(f"the second deployment had something to do: {output}")
    return {"first_cpu_seconds": first, "nothing_cpu_seconds": again}


def run_timed(command: Sequence[str]) -> tuple[float, str]:
    """Run a command, and return its CPU seconds and its output.

    Raises:
        RuntimeError: it fails; with its own words.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ | REGISTRY)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr}")
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2), result.stdout


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the command's options."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.measure")
    parser.add_argument("--doubles", type=Path, nargs="+", required=True, help="tables of runs on doubles")
    parser.add_argument("--real", type=Path, nargs="+", required=True, help="tables of runs on real clusters")
    parser.add_argument("--host", default="", help="a real Kubeflow server; without it a double alone is deployed to")
    parser.add_argument("--token-file", type=Path, help="of that server, where it wants a token")
    parser.add_argument("--night", type=Path, help="what bench.cluster.night counted of a night on a real cluster")
    parser.add_argument("--versions", default="", help="versions of the control planes, as 'Kubernetes 1.36.3, ...'")
    parser.add_argument("--not-run", required=True, help="what was not measured, in a sentence")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], folder: Path = RESULTS) -> int:
    """Write the results of all tables, and of deployments that are first and that have nothing to do."""
    args = parse_options(arguments)
    real = read_tables(args.real, "real")
    versions = [version.strip() for version in args.versions.split(",") if version.strip()]
    figures = {"doubles": summarise(read_tables(args.doubles, "doubles")), "real": summarise(real)}
    violations = sum(side["share_violations"] for side in figures.values())
    figures |= real["figures"] | {"share_violations": violations}
    figures |= {"real_versions": len(versions), "versions": "; ".join(versions)}
    on_double = measure_deploys("", None)
    on_real = measure_deploys(args.host, args.token_file) if args.host else {}
    figures |= {"doubles_deploy": on_double, "deploy": on_real or on_double}
    figures |= json.loads(args.night.read_text()) if args.night else {}
    figures |= {"deployed_to": args.host or "a double", "not_run": args.not_run}
    show("the cluster suite", figures)
    write_results("cluster", figures, "the suite tests/cluster on doubles and on real control planes", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
