"""The release's state and the last look as Prometheus metrics, read from S3 at every scrape.

`python -m components.monitoring.exporter --port 9105`, then `curl -s localhost:9105/metrics`.
"""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from minio.error import S3Error
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from urllib3.exceptions import HTTPError

from components import storage

STATE = "release/state.json"
INTERVALS = ("rpm", "rs", "click_through", "conversion")
ENDS = ("estimate", "low", "high")
NIGHTS = "release/nights"  # one object a night, which the release writes
VERDICTS = ("release", "hold", "reject")
NUMBERS = {  # of a look: metric, what it says
    "srm_p_value": "p-value of the arms' sizes, valid at every look",
    "disagreements": "logged arms that the users' hashes do not give",
    "looks": "looks under the share in force",
}


class ReleaseCollector(Collector):
    """Reads the state and the newest look at every scrape; an S3 that is away is a metric, too."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All families; of what is not there, none."""
        up = GaugeMetricFamily("broadfast_release_state_up", "1 where the release's state could be read")
        try:
            state = storage.get_json(STATE)
            look = newest_look(state)
            night = newest(NIGHTS)
        except (OSError, ValueError, S3Error, HTTPError) as error:
            print(f"the state cannot be read: {error}", file=sys.stderr, flush=True)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from of_state(state or {}, datetime.now(UTC))
        yield from of_look(look) if look.get("figures") else ()
        yield from of_night(night, datetime.now(UTC)) if night else ()


def newest_look(state: dict | None) -> dict:
    """The last look at the experiment of the state; empty where none was taken."""
    experiment = (state or {}).get("experiment")
    if not experiment:
        return {}
    return newest(f"experiment/{experiment['experiment_id']}/looks")


def newest(prefix: str) -> dict:
    """The JSON object below a prefix whose name, a time, is the last; empty where there is none."""
    name = max(storage.list_names(prefix), key=lambda name: name.rsplit("/", 1)[1], default="")
    return (storage.get_json(name) or {}) if name else {}


def of_state(state: dict, now: datetime) -> Iterator[GaugeMetricFamily]:
    """What is served, and how long ago anything happened."""
    experiment, history = state.get("experiment") or {}, state.get("history", [])
    numbers = {
        "traffic_percent": ("of requests without an arm on the candidate", state.get("traffic_percent", 0)),
        "corrections_total": ("times traffic was found changed by hand", state.get("corrections", 0)),
        "experiment_running": ("1 while an experiment runs", int(experiment.get("status") == "running")),
        "experiment_paused": ("1 while a person has paused it", int(bool(experiment.get("paused")))),
        "intent_open": ("1 while something is being moved", int(bool(state.get("intent")))),
    }
    if experiment:
        numbers["treatment_share"] = ("users in treatment, 0 to 1", experiment["stages"][-1]["share"])
    if history:
        age = (now - datetime.fromisoformat(history[-1]["time"])).total_seconds()
        numbers["last_event_seconds"] = ("since the last entry of the history", age)
    for name, (said, value) in numbers.items():
        yield GaugeMetricFamily(f"broadfast_release_{name}", said, value=value)
    versions = GaugeMetricFamily(
        "broadfast_release_version", "1 for each version by its part", labels=["role", "version"]
    )
    for role in ("stable", "candidate", "queued"):
        if state.get(role):
            versions.add_metric([role, state[role]], 1)
    yield versions


def of_night(night: dict, now: datetime) -> Iterator[GaugeMetricFamily]:
    """The last night: when it ended, what its gate said, how good its student is, what its rationales took."""
    age = (now - datetime.fromisoformat(night["time"])).total_seconds()
    yield GaugeMetricFamily("broadfast_night_age_seconds", "since the last night's gate spoke", value=age)
    verdicts = GaugeMetricFamily("broadfast_night_verdict", "1 for what the last night's gate said", labels=["verdict"])
    for word in VERDICTS:
        verdicts.add_metric([word], int(night["verdict"] == word))
    yield verdicts
    quality = GaugeMetricFamily("broadfast_night_quality", "of the last night's student", labels=["metric"])
    for name, value in night["metrics"].items():
        quality.add_metric([name], value)
    yield quality
    used = GaugeMetricFamily("broadfast_night_used", "what its rationales took that were new", labels=["what"])
    for name, value in night["used"].items():
        used.add_metric([name], value)
    yield used
    if night["usd"] is not None:
        yield GaugeMetricFamily("broadfast_night_usd", "cost of its rationales in US dollars", value=night["usd"])


def of_look(look: dict) -> Iterator[GaugeMetricFamily]:
    """The figures of one look: intervals by metric, users by arm, crossover, the checks."""
    figures = look["figures"]
    lift = GaugeMetricFamily(
        "broadfast_experiment_lift", "treatment over control, always valid", labels=["metric", "bound"]
    )
    for name in INTERVALS:
        for end in ENDS if figures["metrics"].get(name) else ():
            lift.add_metric([name, end], figures["metrics"][name][end])
    yield lift
    for what, said in (("users", "users"), ("rpm", "revenue per thousand exposures"), ("rs", "mean grade")):
        family = GaugeMetricFamily(f"broadfast_experiment_{what}", f"{said}, by assigned arm", labels=["arm"])
        for arm, one in figures["arms"].items():
            family.add_metric([arm], one[what])
        yield family
    crossover = GaugeMetricFamily("broadfast_experiment_crossover", "share answered by another version", labels=["arm"])
    for arm, rate in figures["crossover"].items():
        crossover.add_metric([arm], rate)
    yield crossover
    breaches = len(figures["guardrails"]["breaches"])
    yield GaugeMetricFamily("broadfast_experiment_guardrail_breaches", "guardrails that are broken", value=breaches)
    for name, said in NUMBERS.items():
        yield GaugeMetricFamily(f"broadfast_experiment_{name}", said, value=figures[name])
    age = (datetime.now(UTC) - datetime.fromisoformat(look["now"])).total_seconds()
    yield GaugeMetricFamily("broadfast_experiment_look_age_seconds", "since the last look", value=age)


def main(arguments: list[str]) -> int:
    """Serve /metrics until the process is told to end."""
    parser = argparse.ArgumentParser(prog="python -m components.monitoring.exporter", description=__doc__)
    parser.add_argument("--port", type=int, default=9105)
    said = parser.parse_args(arguments)
    registry, ended = CollectorRegistry(), threading.Event()
    registry.register(ReleaseCollector())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server, thread = start_http_server(said.port, registry=registry)
    print(json.dumps({"serving": f":{said.port}/metrics"}), flush=True)
    ended.wait()
    server.shutdown()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
