"""What a decision moves and asks, as the settings say: on a laptop Envoy, on a cluster KServe in one of its modes."""

import time

from components.kubernetes_api import KubernetesApi, connect
from components.release.canary import WaitReady, World, wait_until_serves
from components.release.knative_router import KnativeRouter
from components.release.kserve import ROLLOUT_S, KServe, Replicas
from components.release.parity import parity_through
from components.release.router import EnvoyRouter
from components.release.standard_router import StandardRouter
from components.settings import Settings


def world_of_settings() -> World:
    """The router, readiness and parity through the gateway, and the clock.

    Raises:
        ValueError: BROADFAST_ROUTER names no router, or there is no Kubernetes to speak to.
    """
    settings = Settings()
    parity = parity_through(settings.gateway_url)
    if settings.router == "envoy":
        router = EnvoyRouter(settings.gateway, settings.gateway_admin_url)
        return World(router, wait_until_serves(settings.gateway_url), parity)
    if settings.router not in ("standard", "knative"):
        raise ValueError(f"BROADFAST_ROUTER is {settings.router!r}; give envoy, standard or knative")
    wait = wait_until_serves(settings.gateway_url, ROLLOUT_S)
    replicas = Replicas(settings.stable_replicas, settings.stable_replicas_most, settings.candidate_replicas)
    kserve = KServe(KubernetesApi(settings.namespace, connect()), f"s3://{settings.s3_bucket}/packages", replicas)
    if settings.router == "standard":
        return World(StandardRouter(kserve), wait, parity)
    router = KnativeRouter(kserve, settings.knative_tags == "enabled")
    if router.arms:
        return World(router, wait, parity)
    return World(router, wait_for_revision(router), lambda version: "")  # no header reaches a dark candidate


def wait_for_revision(router: KnativeRouter, timeout_s: float = ROLLOUT_S) -> WaitReady:
    """A wait that believes Knative's status, where no request can be sent to one side."""

    def wait(arm: str, version: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not router.is_ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Knative has no ready revision of {version} ({arm}) after {timeout_s:.0f} s")
            time.sleep(1)

    return wait
