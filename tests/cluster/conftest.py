"""One world for the suite, what a test needs of it, and the table of what was there and what passed."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from pipelines.cluster import kubectl
from tests.cluster.world import PARTS

TABLE = pytest.StashKey[dict]()


@pytest.fixture(scope="session")
def world(request, tmp_path_factory):
    """Return the suite's world, whose namespace goes with it."""
    from tests.cluster.worlds import open_world  # the client of Kubernetes takes seconds

    opened = open_world(tmp_path_factory.mktemp("cluster"))
    request.config.stash[TABLE] = {
        "world": opened.name,
        "versions": opened.versions(),
        "tally": opened.tally,
        "figures": opened.figures,
    }
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def needed_parts(request, world, monkeypatch):
    """Skip a test by the name of what is not installed, and give commands the world's kubectl."""
    marker = request.node.get_closest_marker("needs")
    versions = request.config.stash[TABLE]["versions"]
    missing = [part for part in (marker.args if marker else ()) if part not in versions]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    monkeypatch.setattr(kubectl, "kubectl_path", lambda: str(world.kubectl))


def pytest_terminal_summary(terminalreporter, config):
    """Print versions, and how many tests of each file passed, failed and were skipped."""
    table = config.stash.get(TABLE, None)
    if not table:
        return
    terminalreporter.section(f"the cluster suite on {table['world']}")
    for part in PARTS:
        terminalreporter.line(f"  {part:<22}{table['versions'].get(part, 'not installed')}")
    counts: dict[str, Counter] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            if "tests/cluster/" in report.nodeid:
                counts.setdefault(report.nodeid.split("::")[0].rsplit("/", 1)[1], Counter())[outcome] += 1
    for name, outcomes in sorted(counts.items()):
        line = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        terminalreporter.line(f"  {name:<22}{line}")
    for name, count in (table["tally"] | table["figures"]).items():
        terminalreporter.line(f"  {name:<30}{count}")
    if path := os.environ.get("BROADFAST_TEST_TABLE"):
        Path(path).write_text(json.dumps(table | {"outcomes": counts}, indent=1))
