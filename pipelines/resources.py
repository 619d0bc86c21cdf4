"""Where steps run on a cluster, one row a kind of step; it means nothing on a laptop.

Everything is a compile-time constant: kfp 2.17.0 drops limits that are pipeline parameters inside If and ParallelFor.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from kfp import dsl, kubernetes
from kfp.dsl import graph_component

from components.images import image
from components.settings import Settings

GPU = "nvidia.com/gpu"
POOL = "broadfast/pool"  # the label of a node that says which pool it is in
SPOT = "broadfast/spot"  # the taint of nodes that may be taken away
QUEUE = "kueue.x-k8s.io/queue-name"
USER = 65532  # the images' own, with no name on the node
SETTINGS, S3, STORE = "broadfast-settings", "broadfast-s3", "broadfast-feature-store"
CLUSTER = ContextVar("cluster", default=False)  # whether a pipeline is written for a cluster just now
ON_NODES = ("sft", "dpo")  # what a TrainJob may run on several machines
OF_SETTINGS = (
    "BROADFAST_S3_ENDPOINT",
    "BROADFAST_S3_BUCKET",
    "BROADFAST_NAMESPACE",
    "BROADFAST_ROUTER",
    "BROADFAST_KNATIVE_TAGS",
    "BROADFAST_GATEWAY_URL",
    "BROADFAST_STABLE_REPLICAS",
    "BROADFAST_STABLE_REPLICAS_MOST",
    "BROADFAST_CANDIDATE_REPLICAS",
    "BROADFAST_USD_PER_HOUR",
)
OF_S3 = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
OF_STORE = ("BROADFAST_REDIS", "BROADFAST_FEATURE_REGISTRY")


@dataclass(frozen=True)
class Placement:
    """One kind of step: its pool of nodes, what it takes of one, how long and how often it may try."""

    pool: str
    cpu: int  # cores, of each GPU where there are any
    memory: int  # GiB, of each GPU where there are any
    hours: int
    gpus: int = 0
    shared_memory: str = ""  # of /dev/shm
    retries: int = 1  # on a cluster; on a laptop a failure is said at once
    spot: bool = False  # on nodes that may be taken away: only for what goes on where it was
    cached: str = "always"  # whether an earlier run may answer: always, never, or "laptop", where sources are digests
    features: bool = False  # whether it fills the online store


PLACEMENTS = {
    "sources": Placement("cpu", cpu=4, memory=16, hours=6, cached="laptop"),
    "data": Placement("cpu", cpu=4, memory=16, hours=6),
    "features": Placement("cpu", cpu=4, memory=32, hours=6, cached="laptop", features=True),
    "rationales": Placement("gpu-spot", cpu=8, memory=64, hours=24, gpus=1, shared_memory="8Gi", retries=5, spot=True),
    "sft": Placement("gpu-train", cpu=8, memory=64, hours=24, gpus=1, shared_memory="16Gi", retries=3),
    "dpo": Placement("gpu-train", cpu=8, memory=64, hours=24, gpus=1, shared_memory="16Gi", retries=3),
    "embeddings": Placement("gpu-small", cpu=4, memory=32, hours=6, gpus=1, shared_memory="2Gi", retries=3),
    "lrkd": Placement("gpu-small", cpu=8, memory=32, hours=12, gpus=1, shared_memory="8Gi", retries=3),
    "student": Placement("cpu", cpu=4, memory=16, hours=6),
    "release": Placement("cpu", cpu=1, memory=4, hours=1, retries=2, cached="never"),
    "experiment": Placement("cpu", cpu=2, memory=8, hours=1, retries=2, cached="never"),
}


def place(task: dsl.PipelineTask, row: str, gpus: int = 0) -> dsl.PipelineTask:
    """Place a step as its row says; `gpus` is of one machine, where it is not the row's."""
    said, cluster = PLACEMENTS[row], CLUSTER.get()
    gpus, pool = gpus or said.gpus, said.pool
    if cluster and row in ON_NODES and Settings().training_nodes > 1:  # its pod asks for a TrainJob and waits
        gpus, pool = 0, "cpu"
        task.set_env_variable("BROADFAST_TRAINING_NODES", str(Settings().training_nodes))
        task.set_env_variable("BROADFAST_TRAINING_GPUS", str(Settings().training_gpus))
        task.set_env_variable("BROADFAST_TEACHER_IMAGE", image("teacher"))
    if gpus:
        task.set_accelerator_type(GPU).set_accelerator_limit(gpus)
        kubernetes.add_toleration(task, key=GPU, operator="Exists", effect="NoSchedule")
    if said.spot:
        kubernetes.add_toleration(task, key=SPOT, operator="Exists", effect="NoSchedule")
    if said.shared_memory:
        mount = {"volume_name": "shm", "mount_path": "/dev/shm", "medium": "Memory"}
        kubernetes.empty_dir_mount(task, **mount, size_limit=said.shared_memory)
    task.set_cpu_limit(str(max(1, gpus) * said.cpu)).set_memory_limit(f"{max(1, gpus) * said.memory}Gi")
    if cluster:
        task.set_retry(said.retries, backoff_duration="30s", backoff_factor=2, backoff_max_duration="600s")
    task.set_caching_options(said.cached == "always" or (said.cached == "laptop" and not cluster))
    kubernetes.add_node_selector(task, POOL, pool)
    kubernetes.set_timeout(task, said.hours * 3600)
    return _as_ours(task, row, said)


def for_cluster(pipeline: graph_component.GraphComponent) -> graph_component.GraphComponent:
    """The same pipeline as a cluster takes it: steps are tried again, and sources are read anew every night."""
    token = CLUSTER.set(True)
    try:
        return dsl.pipeline(name=pipeline.name, description=pipeline.description)(pipeline.pipeline_func)
    finally:
        CLUSTER.reset(token)


def _as_ours(task: dsl.PipelineTask, row: str, said: Placement) -> dsl.PipelineTask:
    """What every step has: no root, labels, the platform's settings, S3's keys by reference, a place to write."""
    kubernetes.set_security_context(task, run_as_user=USER, run_as_group=USER, run_as_non_root=True)
    labels = {"app.kubernetes.io/part-of": "broadfast", "broadfast/step": row}
    labels |= {QUEUE: Settings().queue} if Settings().queue else {}
    for name, value in labels.items():
        kubernetes.add_pod_label(task, name, value)
    kubernetes.add_pod_annotation(task, "sidecar.istio.io/inject", "false")
    kubernetes.empty_dir_mount(task, volume_name="tmp", mount_path="/tmp")
    kubernetes.use_config_map_as_env(task, SETTINGS, {name: name for name in OF_SETTINGS}, optional=True)
    kubernetes.use_secret_as_env(task, S3, {name: name for name in OF_S3})
    if said.features:
        kubernetes.use_secret_as_env(task, STORE, {name: name for name in OF_STORE})
    return task
