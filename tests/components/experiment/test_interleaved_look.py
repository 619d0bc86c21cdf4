"""An interleaved look reads its logs once, and finds what two readings would."""

import json
from dataclasses import replace
from datetime import timedelta

import pyarrow.parquet as pq

from components.experiment.aggregate import LogSource, collect
from components.experiment.interleaved_look import FOLDER, collect_with_pages
from components.experiment.preference_logs import collect_pages
from components.experiment.records import AttributionRules
from components.release_state import Stage
from tests.components.experiment.interleaved_rows import click, page
from tests.components.experiment.log_rows import LATER, NOW, SETUP, USERS, exposure, outcome, request, write_shard

MIXED = replace(SETUP, stages=(*SETUP.stages, Stage(0.5, (LATER - timedelta(minutes=1)).isoformat(), 0.5)))


def read_rows(path):
    """Return a table's rows, and lists in them, in an order of their own."""
    return sorted(
        str({name: sort_list(value) for name, value in row.items()}) for row in pq.read_table(path).to_pylist()
    )


def sort_list(value):
    return sorted(map(str, value)) if isinstance(value, list) else value


def test_one_reading_finds_what_two_do(tmp_path):
    exposures = [exposure(f"a{number}", user) for number, user in enumerate(USERS)]
    exposures += [row for number, user in enumerate(USERS) for row in page(f"p{number}", user, time=LATER)]
    exposures += exposures[:3] + exposures[-3:]
    outcomes = [outcome(f"a{number}") for number in range(9)] + [
        click(f"p{number}", 2, time=LATER) for number in range(9)
    ]
    outcomes += [outcome("a1", "order", revenue=500, currency="USD"), outcome("p1", "order", revenue=700, item_id="i1")]
    folders = write_shard(tmp_path, (exposures, outcomes, [request("a1"), request("p1", "v1+v2")]))
    source = LogSource(*folders)
    accounts = collect_with_pages(source, MIXED, NOW, tmp_path / "once")
    assert accounts == collect(source, MIXED, NOW, tmp_path / "arms") and accounts.duplicates == 6
    pages = replace(source, rules=AttributionRules(is_interleaved=True))
    collect_pages(pages, MIXED, NOW, tmp_path / "pages")
    for name in ("cells", "orders", "categories", "requests"):
        assert read_rows(tmp_path / "once" / f"{name}.parquet") == read_rows(tmp_path / "arms" / f"{name}.parquet")
    for name in ("cells", "orders"):
        once = read_rows(tmp_path / "once" / FOLDER / f"{name}.parquet")
        assert once == read_rows(tmp_path / "pages" / f"{name}.parquet") and once
    both = [
        json.loads((folder / "accounts.json").read_text())
        for folder in (tmp_path / "pages", tmp_path / "once" / FOLDER)
    ]
    assert both[0] == both[1]
