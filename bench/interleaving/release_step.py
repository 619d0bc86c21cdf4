"""Whether a release's interleaved step decides, and rightly: rankers of known truth, real logs, the real looks.

Ten pairs of rankers, every other one with a worse candidate. The shoppers are the simulation's and come as in a quick
run. Drafts, coins, logs, their analysis and the decision are the product's; servers and gateways have no part in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from bench.interleaving.world import SETTINGS, Market, draw_rankers
from components import contracts
from components.event_logs import SCHEMAS
from components.experiment.aggregate import LogSource
from components.experiment.assignment import user_hash
from components.experiment.figures import LookFigures
from components.experiment.guardrails import CHECKED, Guardrails
from components.experiment.interleaved_look import collect_with_pages, judge_interleaved
from components.experiment.interleaving import NO_PAIR, TEAMS, draft
from components.experiment.interleaving_coins import Search, draw_coins, interleaving_salt
from components.experiment.plan import ExperimentPlan
from components.experiment.preference_decision import decide_on_preference
from components.experiment.records import ExperimentSetup
from components.release_state import Stage
from pipelines.profiles import quick
from simulation.shopper_behaviour import add_order_ids, behave
from simulation.shoppers import PAGE, READINESS_DEVIATION, choose_users
from simulation.shopping_world import World

SEEDS = 10
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
CLEAR_LIFT = 0.005  # of clicks, either way
EXPERIMENT = "bench"


def measure_release_steps(world: World, market: Market, folder: Path) -> dict:
    """Return how many of ten steps were decided by preference, how many rightly, and by how many users."""
    plan = quick().plan
    results = [run_step(world, market, seed, plan, folder / str(seed)) for seed in range(SEEDS)]
    decided = [result for result in results if result["verdict"] in ("promote", "roll back")]
    right = [result for result in decided if (result["verdict"] == "promote") == (result["clicks_lift"] > 0)]
    users = sorted(result["users"] for result in decided)
    return {
        "release_steps": {
            "ranker_pairs": SEEDS,
            "clear": sum(abs(result["clicks_lift"]) > CLEAR_LIFT for result in results),
            "decided_of_10": len(decided),
            "right_of_10": len(right),
            "wrong_of_10": len(decided) - len(right),
            "undecided_of_10": SEEDS - len(decided),
            "median_users": users[len(users) // 2] if users else None,
            "most_users": users[-1] if users else None,
            "smallest_lift": round(min(abs(result["clicks_lift"]) for result in results), 4),
        },
        "decided_of_10": len(decided),
        "right_of_10": len(right),
    }


def run_step(world: World, market: Market, seed: int, plan: ExperimentPlan, folder: Path) -> dict:
    """Send shoppers look by look until the step is over, and return its end and the truth."""
    orders = draw_rankers(market, SETTINGS["medium"], seed)
    stable, candidate = orders[::-1] if seed % 2 else orders
    stable_clicks, candidate_clicks = (market.exact_outcomes(order)["clicks"] for order in (stable, candidate))
    traffic = quick().traffic
    verdict = "continue"
    look = 0
    while verdict == "continue":
        users = choose_users(traffic.users, traffic.users // 2, (1 + look) * (traffic.users // 2))
        write_logs(list(visit_all(world, (stable, candidate), users, (seed, look))), folder, look)
        preference, verdict = take_look(folder, plan)
        look += 1
    counts = {"users": preference.evidence.users["all"], "verdict": verdict}
    return counts | {"clicks_lift": candidate_clicks / stable_clicks - 1}


def visit_all(
    world: World, orders: tuple[np.ndarray, np.ndarray], users: Sequence[int], key: tuple[int, int]
) -> Iterator[tuple[list[dict], list[dict]]]:
    """Yield each user's exposures and outcomes, of one search."""
    seed, look = key
    for user in users:
        normal = np.random.default_rng([seed, user]).normal(-(READINESS_DEVIATION**2) / 2, READINESS_DEVIATION)
        rng = np.random.default_rng([seed, user, look])
        number = rng.choice(len(world.queries), p=world.shares)
        query = world.queries[number]
        items = world.retrieve(query)
        row = {"time": START + timedelta(seconds=look), "request_id": f"{look}-{user}", "experiment_id": EXPERIMENT}
        row |= {"user_hash": user_hash("bench", f"u{user}"), "query": query.query, "locale": query.locale}
        exposures = show_page(row, items, [order[number].tolist() for order in orders])
        page = [exposure["item_id"] for exposure in exposures]
        behaviour = behave(query, page, world.prices, float(np.exp(normal)), rng)
        outcomes = add_order_ids(query, behaviour, row["request_id"], row["request_id"])
        yield exposures, [{"time": row["time"]} | outcome for outcome in outcomes]


def show_page(row: dict, items: Sequence[str], orders: Sequence[Sequence[int]]) -> list[dict]:
    """Return the rows of an interleaved page."""
    search = Search(row["user_hash"], row["query"], row["locale"], "", f"{START:%Y-%m-%d}")
    coins = draw_coins(interleaving_salt(EXPERIMENT), search, (len(items) + 1) // 2)
    page = draft(*orders, coins).page(1, PAGE)
    empty = dict.fromkeys(contracts.EXPOSURES.names) | {"page_kind": "interleaved", "draft_day": search.day}
    rows = []
    for position, (item, team, pair) in enumerate(zip(page.items, page.teams, page.pairs, strict=True), 1):
        place = {"item_id": items[item], "position": position, "team": TEAMS[team]}
        rows.append(empty | row | place | {"pair": None if pair == NO_PAIR else pair})
    return rows


def write_logs(visits: list[tuple[list[dict], list[dict]]], folder: Path, look: int) -> None:
    """Write what users of a look saw and did."""
    empty = dict.fromkeys(contracts.OUTCOMES.names)
    exposures = [row for rows, _ in visits for row in rows]
    outcomes = [empty | row for _, rows in visits for row in rows]
    contracts.write(exposures, SCHEMAS["exposures"], folder / "exposures" / f"{look}.parquet")
    contracts.write(outcomes, SCHEMAS["outcomes"], folder / "outcomes" / f"{look}.parquet")


def take_look(folder: Path, plan: ExperimentPlan):
    """Return the preference and the verdict of a look at all logs so far."""
    stages = (Stage(0.0, START.isoformat()), Stage(0.0, START.isoformat(), 1.0))
    setup = ExperimentSetup(EXPERIMENT, EXPERIMENT, stages, {"control": "v1", "treatment": "v2"})
    now = START + timedelta(hours=1)
    collect_with_pages(LogSource(folder / "exposures", folder / "outcomes"), setup, now, folder / "sums")
    preference = judge_interleaved([folder / "sums"], setup, now, plan)
    figures = LookFigures(0.0, 0, 0.0, 1, {}, None, interleaved_share=1.0, was_interleaved=True)
    figures = replace(figures, guardrails=Guardrails(note=CHECKED))  # no servers have a part in it
    return preference, decide_on_preference(preference, figures, plan)[0]
