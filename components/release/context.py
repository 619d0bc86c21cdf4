"""What a decision needs, as the settings say: on a laptop Envoy, on a cluster KServe in one of its modes.

The Kubernetes client, which takes a second to import, is imported only where a cluster is steered.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from components.release.parity import parity_through
from components.release.readiness import (
    ROLLOUT_S,
    ArmAnswer,
    WaitReady,
    gateway_problem,
    request_by_share,
    request_candidate,
    wait_at_interleaver,
    wait_until_serves,
)
from components.release.router import EnvoyRouter, Router
from components.release_state import Intent, ReleaseState
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
    gateway_problem: Callable[[], str] = str  # why the gateway does not answer for stable, or nothing
    request_by_share: Callable[[], list[ArmAnswer]] = list  # what synthetic requests without an arm got


class Release(Protocol):
    """Moves traffic: in this process, or by having it done (see `drivers`)."""

    has_arms: bool
    can_interleave: bool

    def serve(self, state: ReleaseState) -> None:
        """Have both sides of the state served."""

    def check_traffic(self, state: ReleaseState) -> Intent | None:
        """Return the end of an experiment whose candidate is lost, or else set traffic back."""

    def finish(self) -> ReleaseState:
        """Have what the state intends moved, and return the state after that."""


def context_from_settings() -> ReleaseContext:
    """Build the context that the environment names.

    Raises:
        ValueError: BROADFAST_ROUTER names no router, or there is no Kubernetes to speak to.
    """
    settings = Settings()
    if settings.router in ("standard", "knative"):
        return _cluster_context(settings)
    if settings.router != "envoy":
        raise ValueError(f"BROADFAST_ROUTER is {settings.router!r}; give envoy, standard or knative")
    router = EnvoyRouter(settings.gateway, settings.gateway_admin_url)
    url = settings.gateway_url
    return ReleaseContext(
        router, wait_until_serves(url), parity_through(url), gateway_problem=partial(gateway_problem, url)
    )


def _cluster_context(settings: Settings) -> ReleaseContext:
    from components.kubernetes_api import KubernetesApi, connect
    from components.release.knative_router import KnativeRouter
    from components.release.kserve import INTERLEAVER, KServe, Replicas
    from components.release.standard_router import StandardRouter

    replicas = Replicas(
        stable=settings.stable_replicas,
        stable_most=settings.stable_replicas_most,
        candidate=settings.candidate_replicas,
        interleaver=settings.interleaver_replicas,
    )
    kserve = KServe(KubernetesApi(settings.namespace, connect()), f"s3://{settings.s3_bucket}/packages", replicas)
    if settings.router == "standard":
        return _context_with_arms(StandardRouter(kserve), settings.gateway_url)
    router = KnativeRouter(kserve, settings.knative_tags == "enabled")
    if router.arms:
        context = _context_with_arms(router, settings.gateway_url)
        return replace(context, wait_ready=wait_at_interleaver(context.wait_ready, f"http://{INTERLEAVER}"))
    by_share = partial(request_by_share, settings.gateway_url)
    # no header reaches a dark candidate
    return ReleaseContext(router, wait_for_revision(router), lambda version: "", request_by_share=by_share)


def _context_with_arms(router: Router, gateway_url: str) -> ReleaseContext:
    return ReleaseContext(
        router,
        wait_until_serves(gateway_url, ROLLOUT_S),
        parity_through(gateway_url),
        wait_still_ready=wait_until_serves(gateway_url, STILL_READY_S),
        request_candidate=partial(request_candidate, gateway_url),
        gateway_problem=partial(gateway_problem, gateway_url),
        request_by_share=partial(request_by_share, gateway_url),
    )


def wait_for_revision(router: Router, timeout_s: float = ROLLOUT_S) -> WaitReady:
    """Return a wait that believes Knative's status, for want of a header per side."""

    def wait(arm: str, version: str) -> None:
        problem = wait_until(lambda: router.candidate_problem(version), lambda text: not text, timeout_s, pause_s=1)
        if problem:
            raise TimeoutError(f"{problem} ({arm}) after {timeout_s:.0f} s")

    return wait
