"""Alerts fire when they should, and every metric that a rule or a dashboard names is one that a server really has."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from components import storage
from components.monitoring.exporter import ReleaseCollector
from components.release_state import ReleaseState
from components.release_store import update_state
from tests.components.monitoring.test_exporter import LOOK, STATE
from tests.manifests.rendered import ROOT, find_object, objects

MONITORING = ROOT / "manifests" / "components" / "monitoring"
NAME = re.compile(r"\bbroadfast_[a-z0-9_]+")
NIGHT = {
    "time": "2999-01-05T03:00:00+00:00",
    "verdict": "hold",
    "metrics": {"macro_f1": 0.5},
    "used": {"seconds": 60.0},
    "usd": 1.5,
}


def spec():
    return find_object(objects("staging"), "PrometheusRule", "broadfast")["spec"]


@pytest.fixture
def promtool():
    tool = shutil.which("promtool")
    if not tool:
        pytest.skip("promtool is not installed: Debian's package prometheus has it")
    return tool


def check_rules(promtool, folder, rules):
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(Path(__file__).with_name("alerts.yaml"), folder)
    return subprocess.run([promtool, "test", "rules", "alerts.yaml"], cwd=folder, capture_output=True, text=True)


def test_every_alert_fires_only_in_time(promtool, tmp_path):
    result = check_rules(promtool, tmp_path, spec())
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_lost_threshold_fails_the_alerts_test(promtool, tmp_path):
    rules = spec()
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = rule["expr"].replace("> 36 * 3600", "> 360 * 3600")
    result = check_rules(promtool, tmp_path, rules)
    assert result.returncode != 0 and "BroadfastFeaturesStale" in result.stdout + result.stderr


def test_every_alert_has_a_test():
    alerts = {rule["alert"] for group in spec()["groups"] for rule in group["rules"] if "alert" in rule}
    cases = yaml.safe_load(Path(__file__).with_name("alerts.yaml").read_text())
    firing_alerts = {
        case["alertname"] for test in cases["tests"] for case in test["alert_rule_test"] if case["exp_alerts"]
    }
    assert alerts == firing_alerts and len(alerts) == 14


def metrics_in_expressions():
    """Return our metrics in the expressions of rules and panels."""
    rules = [rule["expr"] for group in spec()["groups"] for rule in group["rules"]]
    boards = [json.loads(path.read_text()) for path in sorted((MONITORING / "dashboards").glob("*.json"))]
    panels = [target["expr"] for board in boards for panel in board["panels"] for target in panel["targets"]]
    variables = [entry["query"] for board in boards for entry in board["templating"]["list"]]
    assert len(boards) == 3 and len(panels) > 30
    return {name for text in rules + panels + variables for name in NAME.findall(text)}


def server_metrics(modules):
    """Return the metrics of a server's modules, with labels, as Prometheus would see them."""
    program = f"import {modules}\nfrom prometheus_client import REGISTRY\n" + (
        "for metric in list(REGISTRY._collector_to_names):\n"
        "    names = getattr(metric, '_labelnames', ())\n"
        "    names and metric.labels(*names)\n"
        "from prometheus_client import generate_latest\nprint(generate_latest().decode())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return samples(result.stdout)


def samples(text):
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


@pytest.mark.slow
def test_every_metric_in_expressions_exists(s3):
    update_state(lambda _: ReleaseState.from_json(STATE), "test")
    storage.put_json("experiment/exported/looks/25-percent/2026-01-05T000000+0000.json", LOOK)
    storage.put_json("release/nights/29990105T030000Z.json", NIGHT)
    exporter_metrics = {sample.name for family in ReleaseCollector().collect() for sample in family.samples}
    storage.remove_folder("release/nights")  # which other tests with the same S3 would read
    serving = server_metrics("serving.metrics, serving.spool_metrics")
    used_metrics = metrics_in_expressions()
    assert len(used_metrics) > 30
    assert used_metrics <= exporter_metrics | serving, used_metrics - exporter_metrics - serving


def test_panels_have_titles_and_never_overlap():
    for path in (MONITORING / "dashboards").glob("*.json"):
        panels = json.loads(path.read_text())["panels"]
        cells = [
            (x, y)
            for panel in panels
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells)), path.name
        assert all(panel["title"] and panel["targets"] for panel in panels)
