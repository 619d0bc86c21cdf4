"""Both pipelines as a cluster takes them: KFP's IR, and Pipeline and PipelineVersion objects for GitOps."""

from pathlib import Path

from kfp import compiler
from kfp.compiler.compiler_utils import KubernetesManifestOptions

from components.settings import Settings
from pipelines import resources
from pipelines.cluster.run_plan import run_arguments
from pipelines.experiment import experiment
from pipelines.profile import Profile
from pipelines.profiles import load_profile
from pipelines.retrain import retrain

PIPELINES = {"retrain": retrain, "experiment": experiment}


def write_ir(name: str, profile: str | Profile, out: Path) -> Path:
    """Write a pipeline's IR, with a profile's sizes as its defaults."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{name}.yaml"
    pipeline = resources.prepare_for_cluster(PIPELINES[name], load_profile(profile).compiled_cluster)
    compiler.Compiler().compile(pipeline, str(path), pipeline_parameters=run_arguments(name, profile))
    return path


def write_kubernetes_objects(name: str, profile: str | Profile, out: Path, version: str) -> Path:
    """Write a pipeline and its version as Kubernetes objects."""
    path = out / f"{name}-{version}.kubernetes.yaml"
    full_name = f"broadfast-{name}"
    options = KubernetesManifestOptions(
        pipeline_name=full_name,
        pipeline_display_name=full_name,
        pipeline_version_name=f"{full_name}-{version}",
        pipeline_version_display_name=version,
        namespace=Settings().namespace,
        include_pipeline_manifest=True,
    )
    compiler.Compiler().compile(
        resources.prepare_for_cluster(PIPELINES[name], load_profile(profile).compiled_cluster),
        str(path),
        pipeline_parameters=run_arguments(name, profile),
        kubernetes_manifest_format=True,
        kubernetes_manifest_options=options,
    )
    return path
