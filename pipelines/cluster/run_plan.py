"""What is scheduled: each pipeline's account, arguments and version; without kfp, whose import takes seconds."""

import hashlib
import json

from components.settings import Settings
from pipelines.profile import Cluster
from pipelines.profiles import load_profile

SERVICE_ACCOUNTS = {"retrain": "broadfast-pipeline", "experiment": "broadfast-pipeline"}
DEFAULT_PROFILE = "paper"  # its sizes are the defaults of a version's parameters


def run_arguments(pipeline: str, profile: str, source: str = "") -> dict:
    """Return the arguments of a scheduled run: a profile's sizes, and where the judgements lie."""
    sizes = load_profile(profile)
    if pipeline == "experiment":
        return {"plan": sizes.plan.to_json()}
    return sizes.parameters | ({"source": source} if source else {})


def compile_profile(profile: str) -> str:
    """Return the profile that a version is compiled with.

    Profiles differ in a run's arguments alone and share a version, but for those that need other nodes.
    """
    return DEFAULT_PROFILE if load_profile(profile).cluster == Cluster() else profile


def version_name(version: str, profile: str) -> str:
    """Return a version's name: the git sha, and what else is compiled in."""
    compiled_profile = compile_profile(profile)
    parts = [version]
    if compiled_profile != DEFAULT_PROFILE:
        parts.append(compiled_profile)
    if digest := _settings_digest():
        parts.append(digest)
    return "-".join(parts)


def _settings_digest() -> str:
    """Return a digest of the settings that are compiled in, "" for defaults."""
    settings = Settings()
    values = [settings.node_pools, settings.queue, settings.training_nodes, settings.training_gpus]
    if values == [True, "", 1, 1]:
        return ""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:6]
