"""Rows of small interleaved logs: two pairs and a shared item on each page."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components import contracts
from components.experiment.assignment import user_hash
from components.experiment.interleaving_coins import Search, draw_coins, interleaving_salt
from tests.components.experiment.log_rows import outcome

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
PAGE = (("A", 0), ("B", 0), ("none", -1), ("B", 1), ("A", 1))


def page(request_id, user, teams=PAGE, time=START, **changes):
    """Return the exposures of one interleaved page, items named by their position."""
    row = dict.fromkeys(contracts.EXPOSURES.names) | {"time": time, "request_id": request_id, "user_hash": user}
    row |= {"experiment_id": "e1", "query": "red shoe", "locale": "us", "page_kind": "interleaved"}
    return [
        row | {"item_id": f"i{position}", "position": position, "team": team, "pair": pair} | changes
        for position, (team, pair) in enumerate(teams, 1)
    ]


def turned(teams=PAGE):
    """Return the page of the other coins."""
    names = {"A": "B", "B": "A", "none": "none"}
    return tuple((names[team], pair) for team, pair in teams)


def click(request_id, position, **changes):
    return outcome(request_id, item_id=f"i{position}", **{"time": START} | changes)


def write_tables(folder, exposures, outcomes):
    """Write the logs and return the options of the command that reads them."""
    for name, rows, schema in (
        ("exposures", exposures, contracts.EXPOSURES),
        ("outcomes", outcomes, contracts.OUTCOMES),
    ):
        (folder / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / name / "one.parquet")
    return [f"--exposures={folder / 'exposures'}", f"--outcomes={folder / 'outcomes'}"]


def fair_page(user, query="red shoe", day="2026-01-05"):
    """Return the teams of a page whose first coin is the one of experiment e1."""
    search = Search(user, query, "us", "", day)
    return PAGE if draw_coins(interleaving_salt("e1"), search, 1)[0] else turned()


def shop(users=400, seed=3, chances=None, coin=0.5):
    """Return the logs of users with one page each, who click on either's first item by its team's chance."""
    rng = np.random.default_rng(seed)
    chances = chances or {"A": 0.3, "B": 0.3}
    exposures = []
    outcomes = []
    for number in range(users):
        time = START + timedelta(seconds=number)
        teams = PAGE if rng.random() < coin else turned()
        exposures += page(f"r{number}", user_hash("secret", f"u{number}"), teams, time)
        for position in (1, 2):
            if rng.random() < chances[teams[position - 1][0]]:
                outcomes.append(click(f"r{number}", position, time=time))
    return exposures, outcomes
