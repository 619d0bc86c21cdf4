"""Give each step its place on a cluster. A laptop ignores it.

Everything is a compile-time constant: kfp 2.17.0 drops limits that are pipeline parameters inside If and ParallelFor.
"""

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from kfp import dsl, kubernetes
from kfp.dsl import graph_component

from components.images import image
from components.settings import Settings
from pipelines.placements import PLACEMENTS, Placement
from pipelines.profile import Cluster
from pipelines.titles import title

GPU = "nvidia.com/gpu"
POOL = "broadfast/pool"  # the label that says which pool a node is in
SPOT = "broadfast/spot"  # the taint of nodes that may be taken away
QUEUE = "kueue.x-k8s.io/queue-name"
USER = 65532  # the images' own, with no name on the node
SETTINGS_MAP = "broadfast-settings"
S3_SECRET = "broadfast-s3"
FEATURE_STORE_SECRET = "broadfast-feature-store"
SETTINGS_VARIABLES = (
    "BROADFAST_S3_ENDPOINT",
    "BROADFAST_S3_BUCKET",
    "BROADFAST_S3_REGION",
    "BROADFAST_NAMESPACE",
    "BROADFAST_ROUTER",
    "BROADFAST_KNATIVE_TAGS",
    "BROADFAST_GATEWAY_URL",
    "BROADFAST_STABLE_REPLICAS",
    "BROADFAST_STABLE_REPLICAS_MOST",
    "BROADFAST_CANDIDATE_REPLICAS",
    "BROADFAST_INTERLEAVER_REPLICAS",
    "BROADFAST_USD_PER_HOUR",
    "BROADFAST_CURRENCY",
    "BROADFAST_KEEP_NIGHTS",
    "BROADFAST_FEATURE_STORE",
    "BROADFAST_MODEL_REGISTRY_URL",
    "BROADFAST_MODEL_REGISTRY_AUTH_FILE",
    "BROADFAST_LLM_ENDPOINT",
    "BROADFAST_LLM_MODEL",
    "BROADFAST_LLM_LIMIT_NAME",
    "BROADFAST_SIGNING_KEY_FILE",
    "BROADFAST_VERIFICATION_KEY_FILE",
)
S3_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
LLM_SECRET = ("broadfast-llm", {"BROADFAST_LLM_API_KEY": "BROADFAST_LLM_API_KEY"})  # of a chat model that labels
FEATURE_STORE_VARIABLES = ("BROADFAST_REDIS", "BROADFAST_FEATURE_REGISTRY")
SIGNING = ("broadfast-signing", "/etc/broadfast/signing")  # Secret of the private key, and where it is mounted
VERIFICATION = ("broadfast-verification", "/etc/broadfast/verification")  # ConfigMap of the public one
RUN_ID_FIELD = "metadata.labels['pipeline/runid']"  # Kubeflow puts it on every pod of a run
DEFAULT_CLUSTER = Cluster()
CLUSTER: ContextVar[Cluster | None] = ContextVar("cluster", default=None)  # while a pipeline is compiled for one


def add_step(kind: str, component: Callable[..., dsl.PipelineTask], **inputs) -> dsl.PipelineTask:
    """Create a step of the pipeline, with the terminal's name, configured for its kind."""
    task = component(**inputs)
    task.set_display_name(title(task.name))
    return configure_task(task, kind)


def configure_task(task: dsl.PipelineTask, kind: str) -> dsl.PipelineTask:
    """Give a step the resources, node pool, retries, caching and environment of its kind."""
    placement = PLACEMENTS[kind]
    if _runs_as_train_job(placement):
        _set_train_job(task, placement)
    with _shallow_stack():
        _set_node(task, placement)
    if CLUSTER.get() and placement.retries:  # S3's client tries again by itself, at each call
        task.set_retry(placement.retries, backoff_duration="30s", backoff_factor=2, backoff_max_duration="600s")
    task.set_caching_options(_may_be_cached(placement))
    kubernetes.set_timeout(task, placement.hours * 3600)
    _set_pod(task, kind)
    _set_environment(task, placement)
    return task


def labelling_kind() -> str:
    """Return the kind of the steps that label: who asks a server needs no GPU."""
    cluster = CLUSTER.get()
    return "chat" if cluster and cluster.asks_chat_model else "rationales"


def prepare_for_cluster(
    pipeline: graph_component.GraphComponent, cluster: Cluster = DEFAULT_CLUSTER
) -> graph_component.GraphComponent:
    """Build the same pipeline with retries, with sources read every night, for a cluster's nodes."""
    token = CLUSTER.set(cluster)
    try:
        options = {"name": pipeline.name, "description": pipeline.description, "pipeline_config": _pipeline_config()}
        return dsl.pipeline(**options)(pipeline.pipeline_func)
    finally:
        CLUSTER.reset(token)


def _pipeline_config() -> dsl.PipelineConfig | None:
    """Return how long a run may take and its Workflow stays.

    Servers before 2.17 refuse the fields.
    """
    settings = Settings()
    seconds = {
        "ttl_seconds_after_finished": round(settings.keep_runs_days * 86_400),
        "active_deadline_seconds": round(settings.run_hours * 3600),
    }
    limits = {name: value for name, value in seconds.items() if value}
    return dsl.PipelineConfig(**limits) if limits else None


@contextlib.contextmanager
def _shallow_stack() -> Iterator[None]:
    """Let kfp's setters read the name of their caller alone.

    The source of each frame, which they read in vain, takes 6 CPU seconds a pipeline.
    """
    whole = inspect.stack
    inspect.stack = lambda: [(None, None, 0, sys._getframe(depth).f_code.co_name) for depth in (2, 3)]
    try:
        yield
    finally:
        inspect.stack = whole


def _runs_as_train_job(placement: Placement) -> bool:
    cluster = CLUSTER.get()
    return bool(cluster and cluster.has_gpus and placement.tunes_teacher and Settings().training_nodes > 1)


def _may_be_cached(placement: Placement) -> bool:
    return placement.caching == "always" or (placement.caching == "laptop" and not CLUSTER.get())


def _set_train_job(task: dsl.PipelineTask, placement: Placement) -> None:
    """Pass on what the step needs to start a TrainJob on several machines."""
    task.set_env_variable("BROADFAST_TRAINING_NODES", str(Settings().training_nodes))
    gpus = Settings().training_gpus
    task.set_env_variable("BROADFAST_TRAINING_GPUS", str(gpus))
    task.set_env_variable("BROADFAST_TRAINING_CPU", str(gpus * placement.cpu))
    task.set_env_variable("BROADFAST_TRAINING_MEMORY_GIB", str(gpus * placement.memory))
    task.set_env_variable("BROADFAST_TEACHER_IMAGE", image("teacher"))
    if Settings().queue:
        task.set_env_variable("BROADFAST_QUEUE", Settings().queue)
    kubernetes.use_field_path_as_env(task, "BROADFAST_RUN_ID", RUN_ID_FIELD)


def _set_node(task: dsl.PipelineTask, placement: Placement) -> None:
    """Set GPUs, tolerations, limits and pool."""
    cluster = CLUSTER.get() or DEFAULT_CLUSTER
    gpus = _gpus(placement, cluster)
    if gpus:
        task.set_accelerator_type(GPU).set_accelerator_limit(gpus)
        kubernetes.add_toleration(task, key=GPU, operator="Exists", effect="NoSchedule")
    has_pools = cluster.has_pools and Settings().node_pools
    if placement.tolerates_spot and has_pools:
        kubernetes.add_toleration(task, key=SPOT, operator="Exists", effect="NoSchedule")
    if placement.shared_memory:
        mount = {"volume_name": "shm", "mount_path": "/dev/shm", "medium": "Memory"}
        kubernetes.empty_dir_mount(task, **mount, size_limit=placement.shared_memory)
    shares = max(1, gpus)  # CPU and memory grow with the number of GPUs
    cpu = _cap(shares * placement.cpu, cluster.maximum_cpu)
    memory = _cap(shares * placement.memory, cluster.maximum_memory_gib)
    task.set_cpu_limit(str(cpu)).set_memory_limit(f"{memory}Gi")
    if placement.requested_cpu:
        task.set_cpu_request(str(min(placement.requested_cpu, cpu)))
        task.set_memory_request(f"{min(placement.requested_memory, memory)}Gi")
    if has_pools:
        kubernetes.add_node_selector(task, POOL, placement.pool if gpus else "cpu")


def _gpus(placement: Placement, cluster: Cluster) -> int:
    if not cluster.has_gpus or _runs_as_train_job(placement):  # that pod only starts the TrainJob and waits
        return 0
    return Settings().training_gpus if placement.tunes_teacher else placement.gpus


def _cap(value: int, maximum: int) -> int:
    return min(value, maximum) if maximum else value


def _set_pod(task: dsl.PipelineTask, kind: str) -> None:
    """Run without root, with our labels, outside Istio's mesh, with a folder to write to."""
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    labels = {"app.kubernetes.io/part-of": "broadfast", "broadfast/step": kind}
    labels |= {QUEUE: Settings().queue} if Settings().queue else {}
    for name, value in labels.items():
        kubernetes.add_pod_label(task, name, value)
    kubernetes.add_pod_annotation(task, "sidecar.istio.io/inject", "false")
    kubernetes.empty_dir_mount(task, volume_name="tmp", mount_path="/tmp")


def _set_environment(task: dsl.PipelineTask, placement: Placement) -> None:
    """Take the platform's settings from its ConfigMap, and keys from its Secrets by reference."""
    kubernetes.use_config_map_as_env(task, SETTINGS_MAP, {name: name for name in SETTINGS_VARIABLES}, optional=True)
    if tag := Settings().image_tag:
        task.set_env_variable("BROADFAST_IMAGE_TAG", tag)  # the lineage's git sha
    kubernetes.use_secret_as_env(task, S3_SECRET, {name: name for name in S3_VARIABLES})
    if placement.asks_models:
        kubernetes.use_secret_as_env(task, *LLM_SECRET, optional=True)
    if placement.signs_packages:
        kubernetes.use_secret_as_volume(task, *SIGNING, optional=True)
    if placement.verifies_packages:
        kubernetes.use_config_map_as_volume(task, *VERIFICATION, optional=True)
    if placement.fills_online_store:
        names = {name: name for name in FEATURE_STORE_VARIABLES}
        kubernetes.use_secret_as_env(task, FEATURE_STORE_SECRET, names, optional=True)  # a platform may have no store
