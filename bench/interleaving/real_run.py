"""A candidate that is truly worse, from its release to its end: real servers, Envoy, S3, shoppers, looks.

The loop is the laptop's own. Two packages without an encoder take the place of its training, of which the candidate's
has a damaged head.
"""

import os
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
from rich.console import Console

from bench.interleaving.lexical_package import write_lexical_package
from bench.interleaving.world import Market
from bench.storage import laptop_with_storage
from components import package_manifest
from components.features.night import build_night
from components.release.candidate import register_baseline, start_canary
from components.release.gate_verdict import GateVerdict
from components.release_store import read_state
from pipelines.local.kfp_output import Task
from pipelines.local.loop import Loop
from pipelines.local.processes import Laptop
from pipelines.profiles import quick
from simulation.shopping_world import World

PATH = "/v1/models/relevance:predict"
MOST_USERS = 2_500  # until the end, by the profile quick's plan


def measure_worse_candidate(world: World, market: Market, folder: Path) -> dict:
    """Run the loop with a worse candidate until it is decided, and return its end, its users and the truth."""
    features = folder / "features"
    if not features.exists():
        tables = (str(folder / "prepared.parquet"), str(folder / "items.parquet"))
        unfinished = folder / "unfinished"
        build_night(tables, "", datetime.now(UTC).isoformat(), (str(unfinished), str(folder / "training_set")))
        os.rename(unfinished, features)
    texts = [query.query for query in world.queries]
    texts += [" ".join(map(str, text.values())) for text in world.texts.values()]
    with TemporaryDirectory(dir=folder) as work, ExitStack() as stack:
        home = Path(work)
        (home / "logs").mkdir()
        packages = (home / "stable", home / "candidate")
        for package, is_damaged in zip(packages, (False, True), strict=True):
            write_lexical_package(package, texts, is_damaged)
        laptop = stack.enter_context(laptop_with_storage(home / "state", home / "logs"))
        begin_release(packages)
        began = time.monotonic()
        loop = run_loop(laptop, features, folder)
        seconds = time.monotonic() - began
        return describe(loop, seconds) | {"true_clicks_lift": read_truth(world, market, packages, laptop, features)}


def begin_release(packages: tuple[Path, Path]) -> None:
    """Make the sound package stable and begin the damaged one's experiment, as a gate that erred would."""
    stable, candidate = packages
    serving = register_baseline(stable).version
    version = package_manifest.version(candidate)
    start_canary(candidate, GateVerdict("release", ["a measurement"], version, serving, 0, 0, {}))


def run_loop(laptop: Laptop, features: Path, folder: Path) -> Loop:
    """Serve, send shoppers and look until the experiment is decided."""
    loop = Loop(laptop, quick(), Console(quiet=True))
    loop.truth = folder / "truth.parquet"
    facts = folder / "facts.json"
    facts.write_text("{}")
    tasks = {
        "gate-candidate": Task("gate-candidate", False, {"facts": facts}, "release"),
        "start-canary": Task("start-canary", False, {"facts": facts}, read_state().candidate),
        "build-features": Task("build-features", False, {"features": features}),
        "prepare-judgements": Task("prepare-judgements", False, {"judgements": folder / "prepared.parquet"}),
    }
    loop.experiment(tasks)
    return loop


def describe(loop: Loop, seconds: float) -> dict:
    """Return what was decided, after how many users, and what the servers made of it."""
    looks = [step["decide-experiment"]["look"] for step in loop.summary["experiment"]]
    preference = next(look["preference"] for look in reversed(looks) if look.get("preference"))
    interval = preference["preference"][preference["credit"]]
    opinion = preference["second_opinion"]["interval"] or {}
    return {
        "verdict": preference["verdict"],
        "decision": loop.summary["decision"],
        "status": read_state().experiment.status,
        "users": preference["users"]["all"],
        "vote": interval,
        "weighed_clicks": opinion,
        "looks": len(looks),
        "seconds": round(seconds),
        "pages": preference["pages"]["all"],
        "fallback_pages": preference["fallback_pages"],
        "wrong_coins": preference["coin"]["wrong_drafts"],
        "failed_requests": sum(counts["failed"] for counts in loop.summary["shoppers"].values()),
    }


def read_truth(world: World, market: Market, packages: tuple[Path, Path], laptop: Laptop, features: Path) -> float:
    """Return the candidate's true lift of clicks, from both servers' own orders."""
    laptop.features = features
    clicks = []
    for package in packages:
        if "stable" in laptop.processes:
            laptop.stop("stable")
        laptop.start_server("stable", package)
        clicks.append(market.exact_outcomes(read_orders(world, laptop.url("stable")))["clicks"])
    return round(clicks[1] / clicks[0] - 1, 4)


def read_orders(world: World, url: str) -> np.ndarray:
    """Return a server's order of every query's items, (Q, N)."""
    orders = []
    with httpx.Client(timeout=30) as http:
        for query in world.queries:
            items = world.retrieve(query)
            body = {"query": query.query, "query_id": query.query_id, "locale": query.locale, "item_ids": items}
            answer = http.post(f"{url}{PATH}", json=body)
            answer.raise_for_status()
            orders.append([items.index(row["item_id"]) for row in answer.json()["predictions"]])
    return np.array(orders)
