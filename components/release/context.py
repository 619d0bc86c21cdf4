"""What a decision needs, as the settings say: on a laptop Envoy, on a cluster KServe in one of its modes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from components.kubernetes_api import KubernetesApi, connect
from components.release.knative_router import KnativeRouter
from components.release.kserve import ROLLOUT_S, KServe, Replicas
from components.release.parity import parity_through
from components.release.readiness import WaitReady, request_candidate, wait_until_serves
from components.release.router import EnvoyRouter, Router
from components.release.standard_router import StandardRouter
from components.settings import Settings
from components.waiting import wait_until

STILL_READY_S = 15.0


@dataclass(frozen=True)
class ReleaseContext:
    """The router, who waits for a side to serve, what compares answers, the clock."""

    router: Router
    wait_ready: WaitReady
    parity: Callable[[str], str]  # of a version: why its answers are not the offline ones, or nothing
    clock: Callable[[], datetime] = partial(datetime.now, UTC)
    wait_still_ready: WaitReady | None = None  # of a candidate that has traffic already: a short wait
    request_candidate: Callable[[], list[int]] = list  # the statuses of some synthetic requests to it


def context_from_settings() -> ReleaseContext:
    """Build the context that the environment names.

    Raises:
        ValueError: BROADFAST_ROUTER names no router, or there is no Kubernetes to speak to.
    """
    settings = Settings()
    parity = parity_through(settings.gateway_url)
    if settings.router == "envoy":
        router = EnvoyRouter(settings.gateway, settings.gateway_admin_url)
        return ReleaseContext(router, wait_until_serves(settings.gateway_url), parity)
    if settings.router not in ("standard", "knative"):
        raise ValueError(f"BROADFAST_ROUTER is {settings.router!r}; give envoy, standard or knative")
    url = settings.gateway_url
    waits = {"wait_ready": wait_until_serves(url, ROLLOUT_S), "wait_still_ready": wait_until_serves(url, STILL_READY_S)}
    requests = partial(request_candidate, url)
    replicas = Replicas(settings.stable_replicas, settings.stable_replicas_most, settings.candidate_replicas)
    kserve = KServe(KubernetesApi(settings.namespace, connect()), f"s3://{settings.s3_bucket}/packages", replicas)
    if settings.router == "standard":
        return ReleaseContext(StandardRouter(kserve), parity=parity, request_candidate=requests, **waits)
    router = KnativeRouter(kserve, settings.knative_tags == "enabled")
    if router.arms:
        return ReleaseContext(router, parity=parity, request_candidate=requests, **waits)
    return ReleaseContext(router, wait_for_revision(router), lambda version: "")  # no header reaches a dark candidate


def wait_for_revision(router: KnativeRouter, timeout_s: float = ROLLOUT_S) -> WaitReady:
    """Return a wait that believes Knative's status, for want of a header per side."""

    def wait(arm: str, version: str) -> None:
        problem = wait_until(lambda: router.candidate_problem(version), lambda text: not text, timeout_s, pause_s=1)
        if problem:
            raise TimeoutError(f"{problem} ({arm}) after {timeout_s:.0f} s")

    return wait
