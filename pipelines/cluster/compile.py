"""Both pipelines as a cluster takes them: KFP's IR, and Pipeline and PipelineVersion objects for GitOps."""

from pathlib import Path

from kfp import compiler
from kfp.compiler.compiler_utils import KubernetesManifestOptions

from components.settings import Settings
from pipelines import resources
from pipelines.experiment import experiment
from pipelines.profiles import PROFILES
from pipelines.retrain import retrain

PIPELINES = (retrain, experiment)
RUN_AS = {"retrain": "broadfast-pipeline", "experiment": "broadfast-release"}  # service accounts


def arguments(pipeline, profile: str, source: str) -> dict:
    """What a scheduled run is given: a profile's sizes, and where the judgements lie."""
    sizes = PROFILES[profile]()
    if pipeline.name == "experiment":
        return {"plan": sizes.plan.to_json()}
    return sizes.parameters | ({"source": source} if source else {})


def ir(pipeline, profile: str, out: Path) -> Path:
    """A pipeline as Kubeflow's server takes it, a profile's sizes being its defaults."""
    out.mkdir(parents=True, exist_ok=True)
    path, defaults = out / f"{pipeline.name}.yaml", arguments(pipeline, profile, "")
    compiler.Compiler().compile(resources.prepare_for_cluster(pipeline), str(path), pipeline_parameters=defaults)
    return path


def kubernetes_objects(pipeline, profile: str, out: Path, version: str) -> Path:
    """A pipeline and this version of it as Kubernetes objects, for servers that store pipelines in Kubernetes."""
    name, path = f"broadfast-{pipeline.name}", out / f"{pipeline.name}-{version}.kubernetes.yaml"
    options = KubernetesManifestOptions(
        pipeline_name=name,
        pipeline_display_name=name,
        pipeline_version_name=f"{name}-{version}",
        pipeline_version_display_name=version,
        namespace=Settings().namespace,
        include_pipeline_manifest=True,
    )
    compiler.Compiler().compile(
        resources.prepare_for_cluster(pipeline),
        str(path),
        pipeline_parameters=arguments(pipeline, profile, ""),
        kubernetes_manifest_format=True,
        kubernetes_manifest_options=options,
    )
    return path
