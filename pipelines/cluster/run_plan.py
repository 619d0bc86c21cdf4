"""What is scheduled: each pipeline's account, arguments and version; without kfp, whose import takes seconds."""

import hashlib
import json
from dataclasses import asdict

from components.settings import Settings
from pipelines.profile import Cluster, Profile
from pipelines.profiles import PROFILES, load_profile

SERVICE_ACCOUNTS = {"retrain": "broadfast-pipeline", "experiment": "broadfast-pipeline"}
DEFAULT_PROFILE = "paper"  # its sizes are the defaults of a version's parameters


def run_arguments(pipeline: str, profile: str | Profile, source: str = "") -> dict:
    """Return the arguments of a scheduled run: a profile's sizes, and where the judgements lie."""
    sizes = load_profile(profile)
    if pipeline == "experiment":
        return {"plan": sizes.plan.to_json()}
    return sizes.parameters | ({"source": source} if source else {})


def compile_profile(profile: str | Profile) -> Profile:
    """Return the profile that a version is compiled with.

    Profiles differ in a run's arguments alone and share a version, but for those that need other nodes.
    """
    size = load_profile(profile)
    return load_profile(DEFAULT_PROFILE) if size.compiled_cluster == Cluster() else size


def version_name(version: str, profile: str | Profile) -> str:
    """Return a version's name: the git sha, and what else is compiled in."""
    size = compile_profile(profile)
    parts = [version]
    if size.name != DEFAULT_PROFILE:
        parts.append(size.name)
    if size.name not in PROFILES or PROFILES[size.name]().compiled_cluster != size.compiled_cluster:
        parts.append(_digest(asdict(size.compiled_cluster)))
    if digest := _settings_digest():
        parts.append(digest)
    return "-".join(parts)


def _settings_digest() -> str:
    """Return a digest of the settings that are compiled in, "" for defaults."""
    settings = Settings()
    values = [settings.node_pools, settings.queue, settings.training_nodes, settings.training_gpus]
    if values == [True, "", 1, 1]:
        return ""
    return _digest(values)


def _digest(values) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:6]
