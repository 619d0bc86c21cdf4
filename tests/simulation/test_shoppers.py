"""Shoppers: what they do follows the truth and the ranking, and is the same for the same seed."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components import contracts
from components.release_state import Experiment
from components.release_store import update_state
from simulation.shoppers import PAGE, Query, World, behave, draw, headers, load
from testing.rows import judgement
from testing.servers import environment

LABELS = {f"i{n}": contracts.LABELS[n % 4] for n in range(8)}
QUERY = Query("q1", "red shoe", "us", "head", LABELS)
EXPERIMENT = {"experiment_id": "e1", "salt": "e1", "stages": [{"share": 1.0, "started": "2026-01-05T08:00:00+00:00"}]}


def satisfied(shown, pages=400):
    return [row for n in range(pages) for row in behave(QUERY, shown, {}, 1.0, np.random.default_rng([7, n]))]


def clicks(shown, item):
    return sum(row["kind"] == "click" and row["item_id"] == item for row in satisfied(shown))


def test_the_same_seed_and_ranking_give_the_same_behaviour():
    assert satisfied(list(LABELS), 5) == satisfied(list(LABELS), 5)


def test_exact_items_are_clicked_and_graded_higher_than_irrelevant_ones():
    exact, irrelevant = ["i0"] * 2, ["i3"] * 2
    assert clicks(exact, "i0") > 4 * clicks(irrelevant, "i3")
    grades = [[row["grade"] for row in satisfied(shown) if row["kind"] == "grade"] for shown in (exact, irrelevant)]
    assert np.mean(grades[0]) > 0.8 and np.mean(grades[1]) < 0.2


def test_the_lower_an_item_stands_the_less_it_is_clicked():
    top, bottom = ["i0", *["i3"] * 9], [*["i3"] * 9, "i0"]
    assert clicks(top, "i0") > 2 * clicks(bottom, "i0")


def test_an_order_follows_a_click_and_carries_the_price_in_minor_units():
    rows = [row for n in range(300) for row in behave(QUERY, ["i0"], {"i0": 12.34}, 1.0, np.random.default_rng(n))]
    orders = [row for row in rows if row["kind"] == "order"]
    assert orders and {(row["revenue"], row["currency"]) for row in orders} == {(1234, "USD")}
    assert len(orders) < sum(row["kind"] == "click" for row in rows)


def test_an_item_that_nobody_judged_is_irrelevant():
    assert clicks(["unknown"], "unknown") == clicks(["i3"], "i3")


def test_head_queries_are_asked_more_often_than_tail_queries():
    world = World([QUERY, Query("q2", "rare", "us", "tail", LABELS)], [f"i{n}" for n in range(30)], {})
    asked = [draw(world, np.random.default_rng(n))[0].query_id for n in range(200)]
    assert asked.count("q1") > 4 * asked.count("q2") > 0


def test_candidates_are_the_judged_items_filled_up_with_others():
    world = World([QUERY], [f"i{n}" for n in range(30)], {})
    _, items = draw(world, np.random.default_rng(1))
    assert len(items) == len(set(items)) == 20 and set(LABELS) <= set(items)


def test_an_arm_is_said_only_while_an_experiment_runs():
    assert headers("secret", "u1", None).keys() == {"x-user-hash"}
    said = headers("secret", "u1", Experiment.from_json(EXPERIMENT))
    assert (said["x-arm"], said["x-experiment-id"]) == ("treatment", "e1")


@pytest.fixture
def tables(tmp_path):
    judged = [judgement(query_id="q1", item_id=f"i{n}", split="test", label="Irrelevant") for n in range(6)]
    judged += [judgement(query_id="q2", item_id=f"i{n}", split="train") for n in range(6)]
    judged += [judgement(query_id="q3", item_id="i1", split="valid")]
    contracts.write(judged, contracts.JUDGEMENTS, tmp_path / "judgements.parquet")
    true = [{"query_id": "q1", "item_id": f"i{n}", "true_label": "Exact", "price": 10.0} for n in range(6)]
    pq.write_table(pa.Table.from_pylist(true), tmp_path / "truth.parquet")
    return tmp_path


def test_only_held_out_queries_with_enough_items_are_asked_and_the_truth_overrules_the_judges(tables):
    world = load(tables / "judgements.parquet", tables)
    assert [query.query_id for query in world.queries] == ["q1"]
    assert set(world.queries[0].labels.values()) == {"Exact"} and world.prices["i0"] == 10.0


def test_without_a_truth_the_judged_labels_are_true(tables):
    assert set(load(tables / "judgements.parquet", None).queries[0].labels.values()) == {"Irrelevant"}


class Shop(BaseHTTPRequestHandler):
    """A gateway and a collector in one: ranks items as they come, and keeps what it was told."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.told.append((self.path, dict(self.headers.items()), body))
        rows = [{"item_id": item} for item in body.get("item_ids", [])]
        answer = json.dumps({"predictions": rows}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *said):
        pass


@pytest.mark.slow
def test_shoppers_shop_over_http_and_count_what_they_did(s3, tables):
    update_state(lambda state: replace(state, experiment=Experiment.from_json(EXPERIMENT), candidate="v2"), "test")
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.told = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        counts = run_shoppers(tables, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    searches = [(said, body) for path, said, body in server.told if path.endswith(":predict")]
    assert counts["users"] == 4 and counts["requests"] == len(searches) == 8 and counts["failed"] == 0
    assert counts["exposures"] == sum(min(PAGE, len(body["item_ids"])) for _, body in searches)
    outcomes = [row for path, _, body in server.told if path == "/outcomes" for row in body["outcomes"]]
    assert counts["clicks"] + counts["orders"] + counts["grades"] == len(outcomes)
    assert {said["x-arm"] for said, _ in searches} == {"treatment"}


def run_shoppers(tables, url):
    command = [sys.executable, "-m", "simulation.shoppers", "--truth", str(tables), "--users", "4"]
    command += ["--judgements", str(tables / "judgements.parquet"), "--requests-per-user", "2"]
    command += ["--gateway", url, "--outcomes", url]
    with environment(BROADFAST_USER_HASH_SECRET="secret"):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])
