"""The measurement of what relevance engineers use keeps what others measured, and its logs are as the contract says."""

import json

import numpy as np

from bench.figures import update_results
from bench.interleaving.world import Market
from bench.workbench.clicks import write_logs
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
