"""The commands that start the laptop's servers."""

import sys
from collections.abc import Mapping
from pathlib import Path

DEADLINE_MS = 2000  # of a ranker beside the other: two cores score for both, and for whatever else runs


def gateway_command(folder: str, ports: Mapping[str, int]) -> list[str]:
    """Return the command of the gateway."""
    options = [f"--{name}-port={port}" for name, port in ports.items() if name != "outcomes"]
    return [sys.executable, "-m", "pipelines.local.envoy", f"--folder={folder}", *options]


def collector_command(port: int, spool: Path) -> list[str]:
    """Return the command of the outcome collector."""
    return [sys.executable, "-m", "serving.outcomes", "--host=127.0.0.1", f"--port={port}", f"--spool={spool}"]


def server_command(package: Path, features: Path, port: int, spool: Path) -> list[str]:
    """Return the command of a relevance server."""
    command = [sys.executable, "-m", "serving", f"--package={package}", f"--features={features}"]
    return [*command, "--host=127.0.0.1", f"--port={port}", f"--spool={spool}"]


def interleaver_command(stable_url: str, candidate_url: str, features: Path, port: int, spool: Path) -> list[str]:
    """Return the command of the interleaver before two relevance servers."""
    command = [sys.executable, "-m", "serving.interleaver", f"--stable-url={stable_url}"]
    command += [f"--candidate-url={candidate_url}", f"--deadline-ms={DEADLINE_MS}", f"--features={features}"]
    return [*command, "--host=127.0.0.1", f"--port={port}", f"--spool={spool}"]
