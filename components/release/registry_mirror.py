"""Every released package in Kubeflow's Model Registry: figures, lineage, where it lies, and its stage of the release.

The platform's own state stays the truth, and the registry shows it. Whatever is missing there is written by the next
step, so that a registry that is away delays nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePosixPath

from components import package_manifest, storage
from components.model_registry import (
    ARCHIVED,
    LIVE,
    Artifact,
    ModelRegistry,
    ModelRegistryError,
    ModelVersion,
    Properties,
)
from components.release_state import Experiment, ReleaseState
from components.release_store import read_nights, read_state
from components.settings import Settings
from components.step_result import StepResult

FORMAT = ("broadfast", "1")  # the ServingRuntime's, by which KServe serves a version
STAGE = "stage"  # the property
STABLE = "stable"
WAITING = "waiting"
REPLACED = "replaced"  # served everybody once
LINEAGE = ("training_set", "rationale_embeddings", "weights", "code")


def write_release(registry: ModelRegistry, state: ReleaseState) -> Counter:
    """Create the versions that are missing, move those with another stage, and count both.

    Raises:
        ModelRegistryError: the registry is away, or refuses.
    """
    counts = Counter()
    versions = registry.list_versions()
    packages = list_packages()
    nights = None  # read once there is something to register
    for name, stage in version_stages(state).items():
        version = versions.get(name)
        if version is None and name in packages:
            nights = nights if nights is not None else last_nights()
            properties = describe_package(name, nights.get(name, {})) | {STAGE: stage}
            registry.create_version(name, locate(name), properties)
            counts["registered"] += 1
        elif version and move_version(registry, version, stage, has_package=name in packages):
            counts["moved"] += 1
    return counts


def move_version(registry: ModelRegistry, version: ModelVersion, stage: str, has_package: bool) -> bool:
    """Write a version's stage where the registry has another, and tell whether it had.

    One whose package was swept is archived.
    """
    changes = {STAGE: stage}
    record_state = LIVE if has_package else ARCHIVED
    if version.has(changes, record_state):
        return False
    registry.put_artifact(version, locate(version.name))
    registry.update_version(version, changes, record_state)
    return True


def list_packages() -> set[str]:
    """Return the versions whose packages lie on S3."""
    names = map(PurePosixPath, storage.list_names("packages"))
    return {name.parent.name for name in names if name.name == package_manifest.NAME}


def locate(version: str) -> Artifact:
    """Return where a version's package lies, in the form that KServe serves."""
    return Artifact(f"s3://{Settings().s3_bucket}/packages/{version}/", *FORMAT)


def describe_package(version: str, night: Mapping) -> Properties:
    """Return the numbers of a package's metrics, its lineage and its night, as flat properties."""
    metrics = storage.get_json(f"packages/{version}/metrics.json") or {}
    lineage = storage.get_json(f"packages/{version}/lineage.json") or {}
    numbers = {name: float(value) for name, value in metrics.items() if _is_number(value)}
    numbers |= {f"gain_{name}": gain["difference"] for name, gain in night.get("gains", {}).items()}
    texts = {name: lineage.get(name) for name in LINEAGE}
    texts["teachers"] = ", ".join(lineage.get("teachers", []))
    texts |= {"git_sha": night.get("git_sha"), "run_artifacts": night.get("artifacts")}
    return numbers | {name: text for name, text in texts.items() if text}


def last_nights() -> dict[str, dict]:
    """Return the last night of each candidate."""
    return {night["version"]: night for night in read_nights().values() if night.get("version")}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def version_stages(state: ReleaseState) -> dict[str, str]:
    """Return the stage of every version that the history names."""
    stages: dict[str, str] = {}
    candidates: dict[str, str] = {}  # by experiment
    values: dict = {}
    for entry in state.history:
        before = values.get("stable")
        values |= entry.new_values
        if before and before != values.get("stable"):
            stages[before] = REPLACED
        if values.get("experiment"):
            experiment = Experiment.from_json(values["experiment"])
            candidate = candidates.setdefault(experiment.experiment_id, values.get("candidate") or "")
            stages[candidate] = experiment.status
    stages |= {state.next_candidate: WAITING, state.stable: STABLE}
    if state.running_experiment:
        stages[state.candidate] = describe_stage(state.running_experiment)
    return {version: stage for version, stage in stages.items() if version}


def describe_stage(experiment: Experiment) -> str:
    """Return how far a running experiment is."""
    if experiment.interleaved_share:
        return f"interleaved at {experiment.interleaved_share:.0%}"
    return f"A/B at {experiment.share:.0%}" if experiment.share else "dark"


def mirror_release(state: ReleaseState | None = None) -> str:
    """Write the release to the registry that the settings name, and say what was done.

    It is "" without one. Where the registry is away, the sentence says so, and the release goes on.
    """
    settings = Settings()
    if not settings.model_registry_url:
        return ""
    name = f"relevance-{settings.namespace}"
    try:
        registry = ModelRegistry(settings.model_registry_url, name, settings.model_registry_auth_file)
        counts = write_release(registry, state or read_state())
    except ModelRegistryError as error:
        return f"the Model Registry is not up to date, and the release goes on: {error}; the next step writes it"
    return f"Model Registry, {name}: {counts['registered']} registered, {counts['moved']} moved"


def note_model_registry(result: StepResult) -> StepResult:
    """Write the release to the Model Registry, and add what was done to a result."""
    sentence = mirror_release()
    details: Mapping = dict(result.details) | ({"model_registry": sentence} if sentence else {})
    return replace(result, details=details)
