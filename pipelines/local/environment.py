"""The environment of every process of a run."""

import os
from collections.abc import Callable
from pathlib import Path

from pipelines.local.leftovers import HOME
from pipelines.local.private_files import load_or_create_secret

MODELS = "models"  # whole ones, while a run needs them


def run_environment(home: Path, url: Callable[[str], str]) -> dict[str, str]:
    """Return this process's environment and what a run adds to it.

    `url(port)` is the address of a port. A thread of OpenMP that waits for work sleeps: it would spin, and so take a
    core from another process.
    """
    return {
        "OMP_WAIT_POLICY": "passive",
        **os.environ,
        HOME: str(home),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "FEAST_USAGE": "False",
        "BROADFAST_USER_HASH_SECRET": load_or_create_secret(home / "user_hash_secret"),
        "BROADFAST_MODELS": str(home / MODELS),
        "BROADFAST_GATEWAY": str(home / "gateway"),
        "BROADFAST_GATEWAY_URL": url("internal"),
        "BROADFAST_GATEWAY_ADMIN_URL": url("admin"),
        "BROADFAST_OUTCOMES_URL": url("outcomes"),
    }
