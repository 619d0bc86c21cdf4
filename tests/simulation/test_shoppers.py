"""Shoppers: what they do follows the truth and the ranking, and is the same for the same seed."""

import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components import contracts
from components.release_state import Experiment
from components.release_store import update_state
from simulation.shopper_behaviour import REFUND, add_order_ids, behave
from simulation.shoppers import PAGE, choose_users, request_headers
from simulation.shopping_world import Query, World, load
from testing.rows import judgement
from testing.servers import environment

LABELS = {f"i{n}": contracts.LABELS[n % 4] for n in range(8)}
QUERY = Query("q1", "red shoe", "us", "head", LABELS)
EXPERIMENT = {"experiment_id": "e1", "salt": "e1", "stages": [{"share": 1.0, "started": "2026-01-05T08:00:00+00:00"}]}


def visit_pages(page, pages=400):
    return [row for n in range(pages) for row in behave(QUERY, page, {}, 1.0, np.random.default_rng([7, n]))]


def count_clicks(page, item):
    return sum(row["kind"] == "click" and row["item_id"] == item for row in visit_pages(page))


def mean_grade(page):
    return np.mean([row["grade"] for row in visit_pages(page) if row["kind"] == "grade"])


def test_seed_and_ranking_decide_the_behaviour():
    assert visit_pages(list(LABELS), 5) == visit_pages(list(LABELS), 5)


def test_exact_items_are_clicked_and_graded_more():
    exact = ["i0"] * 2
    irrelevant = ["i3"] * 2
    assert count_clicks(exact, "i0") > 4 * count_clicks(irrelevant, "i3")
    assert mean_grade(exact) > 0.8
    assert mean_grade(irrelevant) < 0.2


def test_lower_items_are_clicked_less():
    top = ["i0", *["i3"] * 9]
    bottom = [*["i3"] * 9, "i0"]
    assert count_clicks(top, "i0") > 2 * count_clicks(bottom, "i0")


def test_an_order_carries_the_price_in_cents():
    rows = [row for n in range(300) for row in behave(QUERY, ["i0"], {"i0": 12.34}, 1.0, np.random.default_rng(n))]
    orders = [row for row in rows if row["kind"] == "order"]
    assert orders and {(row["revenue"], row["currency"]) for row in orders} == {(1234, "USD")}
    assert len(orders) < sum(row["kind"] == "click" for row in rows)


def test_refunds_repeat_their_order():
    order = {"item_id": "i3", "kind": "order", "revenue": 500, "currency": "USD"}
    rows = [add_order_ids(QUERY, [order], "r", f"key {n}") for n in range(400)]
    pairs = [row for row in rows if len(row) == 2]
    assert len(pairs) == pytest.approx(400 * REFUND["Irrelevant"], rel=0.2)
    assert all(refund | {"kind": "order"} == order for order, refund in pairs)


def test_regulars_come_in_every_phase():
    assert choose_users(4, regulars=2, first_user=2) == [0, 1, 2, 3]
    assert choose_users(4, regulars=2, first_user=4) == [0, 1, 4, 5]


def test_an_item_that_nobody_judged_is_irrelevant():
    assert count_clicks(["unknown"], "unknown") == count_clicks(["i3"], "i3")


def test_head_queries_are_searched_most():
    world = World([QUERY, Query("q2", "rare", "us", "tail", LABELS)], [f"i{n}" for n in range(30)], {})
    searches = [world.draw_search(np.random.default_rng(n))[0].query_id for n in range(200)]
    assert searches.count("q1") > 4 * searches.count("q2") > 0


def test_judged_items_are_filled_up_with_others():
    world = World([QUERY], [f"i{n}" for n in range(30)], {})
    _, items = world.draw_search(np.random.default_rng(1))
    assert len(items) == len(set(items)) == 20 and set(LABELS) <= set(items)


def test_the_arm_is_sent_while_an_experiment_runs():
    assert request_headers("secret", "u1", None).keys() == {"x-user-hash"}
    headers = request_headers("secret", "u1", Experiment.from_json(EXPERIMENT))
    assert (headers["x-arm"], headers["x-experiment-id"]) == ("treatment", "e1")


@pytest.fixture
def tables(tmp_path):
    rows = [judgement(query_id="q1", item_id=f"i{n}", split="test", label="Irrelevant") for n in range(6)]
    rows += [judgement(query_id="q2", item_id=f"i{n}", split="train") for n in range(6)]
    rows += [judgement(query_id="q3", item_id="i1", split="valid")]
    contracts.write(rows, contracts.JUDGEMENTS, tmp_path / "judgements.parquet")
    truth = [{"query_id": "q1", "item_id": f"i{n}", "true_label": "Exact", "price": 10.0} for n in range(6)]
    pq.write_table(pa.Table.from_pylist(truth), tmp_path / "truth.parquet")
    return tmp_path


def test_the_truth_overrules_the_judges(tables):
    world = load(tables / "judgements.parquet", tables)
    assert [query.query_id for query in world.queries] == ["q1"]
    assert set(world.queries[0].labels.values()) == {"Exact"} and world.prices["i0"] == 10.0


def test_without_a_truth_judged_labels_are_true(tables):
    assert set(load(tables / "judgements.parquet", None).queries[0].labels.values()) == {"Irrelevant"}


class Shop(BaseHTTPRequestHandler):
    """A gateway and a collector in one: ranks items as they come, and keeps its calls."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.calls.append((self.path, dict(self.headers.items()), body))
        rows = [{"item_id": item} for item in body.get("item_ids", [])]
        response = json.dumps({"predictions": rows}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *arguments):
        pass


@pytest.mark.slow
def test_shoppers_shop_over_http(s3, tables):
    update_state(lambda state: replace(state, experiment=Experiment.from_json(EXPERIMENT), candidate="v2"), "test")
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.calls = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        counts = run_shoppers(tables, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    searches = [(headers, body) for path, headers, body in server.calls if path.endswith(":predict")]
    assert counts["users"] == 4 and counts["requests"] == len(searches) == 8 and counts["failed"] == 0
    assert counts["exposures"] == sum(min(PAGE, len(body["item_ids"])) for _, body in searches)
    outcomes = [row for path, _, body in server.calls if path == "/outcomes" for row in body["outcomes"]]
    assert counts["clicks"] + counts["orders"] + counts["refunds"] + counts["grades"] == len(outcomes)
    assert {headers["x-arm"] for headers, _ in searches} == {"treatment"}


def run_shoppers(tables, url):
    command = [sys.executable, "-m", "simulation.shoppers", "--truth", str(tables), "--users", "4"]
    command += ["--judgements", str(tables / "judgements.parquet"), "--requests-per-user", "2"]
    command += ["--gateway", url, "--outcomes", url]
    with environment(BROADFAST_USER_HASH_SECRET="secret"):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_interleaved_users_have_no_arm():
    stage = EXPERIMENT["stages"][0] | {"share": 0.0, "interleaved": 0.3}
    experiment = Experiment.from_json(EXPERIMENT | {"stages": [stage]})
    headers = [request_headers("secret", f"u{number}", experiment) for number in range(1_000)]
    arms = Counter(row["x-arm"] for row in headers)
    assert arms.keys() == {"interleave", "control"} and 250 < arms["interleave"] < 350
    assert {row["x-experiment-id"] for row in headers} == {"e1"}
