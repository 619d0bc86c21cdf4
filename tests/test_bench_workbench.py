"""The measurement of what relevance engineers use keeps what others measured, and its logs are as the contract says."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.figures import update_results
from bench.interleaving.world import Market
from bench.workbench.click_labels import label_posterior, measure_labels
from bench.workbench.clicks import write_logs
from bench.workbench.formats import FILES, measure_formats
from bench.workbench.nights import bootstrap
from components import contracts
from components.judgements.click_counts import count_clicks


def test_figures_of_others_stay(tmp_path):
    update_results("w", {"a": 1, "b": 2}, "ESCI", tmp_path)
    path = update_results("w", {"b": 3}, "the marketplace", tmp_path)
    figures = json.loads(path.read_text())
    assert (figures["a"], figures["b"], figures["measured_on"]) == (1, 3, "ESCI; the marketplace")


def test_simulated_logs_are_exposures_and_outcomes(tmp_path, monkeypatch):
    monkeypatch.setattr("bench.workbench.clicks.SEARCHES", 40)
    rng = np.random.default_rng(1)
    market = Market(rng.integers(0, 4, (3, 20)), np.full((3, 20), 9.0), np.full(3, 1 / 3))
    exposures, outcomes = write_logs(market, tmp_path)
    assert len(contracts.read(contracts.EXPOSURES, exposures)) == 400
    assert {row["kind"] for row in contracts.read(contracts.OUTCOMES, outcomes)} == {"click"}
    account = count_clicks(exposures, outcomes).account
    assert account["exposures_used"] == 400 and account["clicks_used"] == account["clicks"]


def test_pairs_get_the_label_of_their_clicks():
    rates = np.array([0.35, 0.15, 0.08, 0.03])
    clicks = np.array([35, 3, 1])
    posterior = label_posterior(clicks, np.array([100.0, 100.0, 2.0]), rates, np.full(4, 0.25))
    assert posterior[0, 0] > 0.99 and posterior[1, 3] > 0.7 and posterior[2].max() < 0.7


def test_click_rates_are_those_of_judged_pairs():
    labels = np.array([0, 0, 3, -1])
    rates, shares = measure_labels(labels, np.array([30, 39, 2, 50]), np.array([100.0, 100.0, 50.0, 60.0]))
    assert rates[0] == 69.5 / 200 and rates[3] == 2.5 / 50  # half a click is added
    assert shares.tolist() == [2 / 3, 0, 0, 1 / 3]


def test_a_gain_of_every_query_has_no_spread():
    assert bootstrap(np.full((3, 10), 0.02)) == (0.02, 0.02)
    low, high = bootstrap(np.array([[0.0, 0.1] * 20, [-0.1, 0.2] * 20]))
    assert low < 0.05 < high


def test_every_format_brings_labels_back(tmp_path):
    labels = ["Exact", "Substitute", "Complement", "Irrelevant"]
    columns = {"query_id": ["q1", "q1", "q2", "q2"], "query": ["red shoe"] * 2 + ["hose"] * 2}
    pq.write_table(
        pa.table(columns | {"product_id": ["a", "b", "a", "c"], "label_4": labels}), tmp_path / "esci_pairs.parquet"
    )
    figures = measure_formats(tmp_path, tmp_path / "formats")
    assert figures == {
        "formats_round_trip": len(FILES),
        "formats_tried": len(FILES),
        "formats_pairs": 4,
        "formats_pairs_changed": 0,
    }
