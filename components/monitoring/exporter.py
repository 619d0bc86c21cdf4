"""The release's state and the last look as Prometheus metrics, read from S3 at every scrape.

`python -m components.monitoring.exporter --port 9105`, then `curl -s localhost:9105/metrics`.
"""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from minio.error import S3Error
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from urllib3.exceptions import HTTPError

from components.look_store import list_looks, read_newest
from components.night_trends import EARLIER_NIGHTS, list_broken_trends
from components.release_state import Experiment, ReleaseState
from components.release_store import newest_nights, read_state

INTERVALS = ("rpm", "rs", "click_through", "conversion")
BOUNDS = ("estimate", "low", "high")
VERDICTS = ("release", "hold", "reject")
LOOK_NUMBERS = {  # of a look: metric, help
    "srm_p_value": "p-value of the arms' sizes, valid at every look",
    "disagreements": "logged arms that the users' hashes do not give",
    "looks": "looks under the share in force",
}
COIN_P_VALUES = ("stable_first_p_value", "impressions_p_value", "reciprocal_ranks_p_value")
ARM_NUMBERS = {"users": "users", "rpm": "revenue per thousand exposures", "rs": "mean grade"}  # metric, help


class ReleaseCollector(Collector):
    """Reads the state and the newest look at every scrape.

    An S3 that is away is a metric, too.
    """

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all families that there is something to say of."""
        up = GaugeMetricFamily("broadfast_release_state_up", "1 where the release's state could be read")
        try:
            state = read_state()
            look = newest_look(state.experiment)
            nights = newest_nights_in_order()
        except (OSError, ValueError, S3Error, HTTPError) as error:
            print(f"the state cannot be read: {error}", file=sys.stderr, flush=True)
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from state_families(state, datetime.now(UTC))
        if look.get("figures"):
            yield from look_families(look, datetime.now(UTC))
        if nights:
            yield from night_families(nights[-1], datetime.now(UTC))
            breaks = list_broken_trends(nights)
            yield _gauge_by_label("night_trend_broken", "1 where the last night breaks a trend", "metric", breaks)


def newest_look(experiment: Experiment | None) -> dict:
    """Return the last look at an experiment, {} before the first."""
    return read_newest(list_looks(experiment.experiment_id)) if experiment else {}


def newest_nights_in_order() -> list[dict]:
    """Return the last nights, as many as a trend needs, the newest last."""
    return [night for _, night in islice(newest_nights(), EARLIER_NIGHTS + 1)][::-1]


def state_families(state: ReleaseState, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield what is served, and how long ago anything happened."""
    yield from _release_gauges(state, now)
    versions = GaugeMetricFamily(
        "broadfast_release_version", "1 for each version by its part", labels=["role", "version"]
    )
    for role, version in (("stable", state.stable), ("candidate", state.candidate), ("queued", state.next_candidate)):
        if version:
            versions.add_metric([role, version], 1)
    yield versions


def _release_gauges(state: ReleaseState, now: datetime) -> Iterator[GaugeMetricFamily]:
    experiment = state.experiment
    is_running = bool(experiment and experiment.is_running)
    is_paused = bool(experiment and experiment.is_paused)
    yield _gauge("release_traffic_percent", "of requests without an arm on the candidate", state.traffic_percent)
    yield _gauge("release_corrections_total", "times traffic was found changed by hand", state.corrections)
    yield _gauge("release_experiment_running", "1 while an experiment runs", is_running)
    yield _gauge("release_experiment_paused", "1 while a person has paused it", is_paused)
    yield _gauge("release_intent_open", "1 while something is being moved", bool(state.intent))
    if experiment:
        yield _gauge("release_treatment_share", "users in treatment, 0 to 1", experiment.share)
        yield _gauge("release_interleaved_share", "users with interleaved pages, 0 to 1", experiment.interleaved_share)
    if state.history:
        age = _age_seconds(state.history[-1].time, now)
        yield _gauge("release_last_event_seconds", "since the last entry of the history", age)


def night_families(night: Mapping, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the last night's age, its gate's verdict, its student's quality, its rationales' cost.

    What a night of an earlier build did not record, `newest_nights` has filled in.
    """
    yield _gauge("night_age_seconds", "since the last night's gate spoke", _age_seconds(night["time"], now))
    verdicts = {verdict: int(night["verdict"] == verdict) for verdict in VERDICTS}
    yield _gauge_by_label("night_verdict", "1 for what the last night's gate said", "verdict", verdicts)
    yield _gauge_by_label("night_quality", "of the last night's student", "metric", night["metrics"])
    yield _gauge_by_label("night_used", "what its rationales took that were new", "what", night["used"])
    if night["usd"] is not None:
        yield _gauge("night_usd", "cost of its rationales in US dollars", night["usd"])


def look_families(look: Mapping, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the figures of one look: intervals by metric, users by arm, crossover, the checks."""
    figures = look["figures"]
    yield _lift(figures["metrics"])
    for name, text in ARM_NUMBERS.items():
        by_arm = {arm: statistics[name] for arm, statistics in figures["arms"].items()}
        yield _gauge_by_label(f"experiment_{name}", f"{text}, by assigned arm", "arm", by_arm)
    yield _gauge_by_label("experiment_crossover", "share answered by another version", "arm", figures["crossover"])
    breaches = len(figures["guardrails"]["breaches"])
    yield _gauge("experiment_guardrail_breaches", "guardrails that are broken", breaches)
    for name, text in LOOK_NUMBERS.items():
        yield _gauge(f"experiment_{name}", text, figures[name])
    yield _gauge("experiment_look_age_seconds", "since the last look", _age_seconds(look["now"], now))
    if look.get("preference"):
        yield from preference_families(look["preference"])


def preference_families(preference: Mapping) -> Iterator[GaugeMetricFamily]:
    """Yield whose items users prefer, from how many users, and the coin."""
    interval = preference["preference"][preference["credit"]] or {}
    bounds = {bound: interval[bound] for bound in BOUNDS if bound in interval}
    yield _gauge_by_label("preference_interval", "mean vote, above zero for the candidate's items", "bound", bounds)
    yield _gauge_by_label("preference_users", "users of interleaved pages", "kind", preference["users"])
    yield _gauge_by_label("preference_pages", "interleaved pages", "kind", preference["pages"])
    failures = preference["ranker_failures"]
    yield _gauge_by_label("preference_ranker_failures", "pages without a ranker's list", "ranker", failures)
    opinion = (preference.get("second_opinion") or {}).get("interval") or {}
    bounds = {bound: opinion[bound] for bound in BOUNDS if bound in opinion}
    yield _gauge_by_label(
        "preference_second_opinion", "mean of clicks weighed by ranks, never decisive", "bound", bounds
    )
    p_value = min(preference["coin"][name] for name in COIN_P_VALUES)
    yield _gauge("preference_coin_p_value", "smallest p-value of the coin, valid at every look", p_value)


def _lift(metrics: Mapping) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "broadfast_experiment_lift", "treatment over control, always valid", labels=["metric", "bound"]
    )
    for name in INTERVALS:
        interval = metrics.get(name)
        for bound in BOUNDS if interval else ():
            family.add_metric([name, bound], interval[bound])
    return family


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"broadfast_{name}", text, value=value)


def _gauge_by_label(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"broadfast_{name}", text, labels=[label])
    for value_label, value in values.items():
        family.add_metric([value_label], value)
    return family


def _age_seconds(time: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(time)).total_seconds()


def main(arguments: list[str]) -> int:
    """Serve /metrics until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m components.monitoring.exporter", description=__doc__)
    parser.add_argument("--port", type=int, default=9105, help="of /metrics (default %(default)s)")
    args = parser.parse_args(arguments)
    registry = CollectorRegistry()
    registry.register(ReleaseCollector())
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    server, thread = start_http_server(args.port, registry=registry)
    print(json.dumps({"serving": f":{args.port}/metrics"}), flush=True)
    end.wait()
    server.shutdown()
    thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
