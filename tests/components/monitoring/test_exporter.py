"""The exporter, as a process in front of a real S3: what Prometheus scrapes of the state and of the last look."""

import signal
import sys

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from components import storage
from components.monitoring.exporter import main
from components.release_state import ReleaseState
from components.release_store import update_state
from testing.servers import free_ports, process

pytestmark = pytest.mark.slow
STAGE = {"share": 0.25, "started": "2026-01-05T00:00:00+00:00"}
EXPERIMENT = {"experiment_id": "exported", "salt": "exported", "status": "running", "stages": [STAGE]}
STATE = {"stable": "v1", "candidate": "v2", "queued": "v3", "traffic_percent": 25, "experiment": EXPERIMENT}
INTERVAL = {"estimate": 0.01, "low": -0.01, "high": 0.03}
ARM = {"users": 10, "rpm": 5.0, "rs": 0.5}
LOOK = {
    "now": "2026-01-05T00:00:00+00:00",
    "figures": {
        "metrics": {"rpm": INTERVAL, "rs": None},
        "arms": {"control": ARM, "treatment": ARM},
        "crossover": {"control": 0.0, "treatment": 0.001},
        "guardrails": {"breaches": ["errors"]},
        "srm_p_value": 0.4,
        "disagreements": 0,
        "looks": 3,
    },
    "preference": {
        "credit": "vote",
        "preference": {"vote": INTERVAL},
        "users": {"all": 40, "with_pair": 30},
        "pages": {"all": 50, "with_pair": 35},
        "ranker_failures": {"stable": 0, "candidate": 2},
        "second_opinion": {"interval": INTERVAL},
        "coin": {"stable_first_p_value": 0.5, "impressions_p_value": 1.0, "reciprocal_ranks_p_value": 0.7},
    },
}


def scrape(url):
    families = text_string_to_metric_families(httpx.get(url).text)
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


@pytest.fixture
def exporter(s3):
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/metrics"
    command = [sys.executable, "-m", "components.monitoring.exporter", "--port", str(port)]
    with process(command, url) as running:
        yield url, running


def test_the_help_describes_the_port(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--port PORT  of /metrics (default 9105)" in capsys.readouterr().out


def test_before_a_first_release_nothing_serves(exporter):
    samples = scrape(exporter[0])
    assert samples["broadfast_release_state_up",] == 1 and samples["broadfast_release_experiment_running",] == 0
    assert not any(name.startswith("broadfast_experiment") for name, *_ in samples)


def test_state_and_last_look_are_metrics(exporter):
    update_state(lambda _: ReleaseState.from_json(STATE), "test")
    storage.put_json("experiment/exported/looks/5-percent/2026-01-04T000000+0000.json", {"figures": {}})
    storage.put_json("experiment/exported/looks/25-percent/2026-01-05T000000+0000.json", LOOK)
    samples = scrape(exporter[0])
    assert samples["broadfast_release_version", "candidate", "v2"] == 1
    assert samples["broadfast_release_traffic_percent",] == 25 and samples["broadfast_release_treatment_share",] == 0.25
    assert samples["broadfast_experiment_lift", "low", "rpm"] == -0.01
    assert samples["broadfast_preference_interval", "high"] == 0.03
    assert samples["broadfast_preference_second_opinion", "low"] == -0.01
    assert samples["broadfast_preference_users", "with_pair"] == 30
    assert samples["broadfast_preference_ranker_failures", "candidate"] == 2
    assert samples["broadfast_preference_coin_p_value",] == 0.5
    assert samples["broadfast_experiment_guardrail_breaches",] == 1 and samples["broadfast_experiment_looks",] == 3


def test_a_signal_ends_the_exporter(exporter):
    exporter[1].send_signal(signal.SIGTERM)
    assert exporter[1].wait(10) == 0
