"""Where each kind of step runs on a cluster, and what it takes there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """One kind of step: its pool, its resources, its time limit and its retries."""

    pool: str
    cpu: int  # cores, of each GPU where there are any
    memory: int  # GiB, of each GPU where there are any
    hours: int
    gpus: int = 0
    requested_cpu: float = 0  # what a node has to have free; 0: all of the limit
    requested_memory: int = 0  # GiB; about twice what a measured night took (docs/operations/capacity.md)
    shared_memory: str = ""  # of /dev/shm
    retries: int = 1  # on a cluster; on a laptop a failure shows at once
    tolerates_spot: bool = False  # only for steps that resume after their node is taken away
    caching: str = "always"  # always, never, or "laptop", where sources are digests
    fills_online_store: bool = False
    asks_models: bool = False
    signs_packages: bool = False
    verifies_packages: bool = False
    tunes_teacher: bool = False  # on the GPUs and machines that the settings name


DATA = {"requested_cpu": 1, "requested_memory": 2}
MODEL = {"requested_cpu": 2, "requested_memory": 3}
SHORT = {"requested_cpu": 0.25, "requested_memory": 1}
ASKING = {"tolerates_spot": True, "asks_models": True}
PLACEMENTS = {
    "sources": Placement("cpu", cpu=4, memory=16, hours=6, retries=0, caching="laptop", **DATA),  # the source fails
    "data": Placement("cpu", cpu=4, memory=16, hours=6, **DATA),
    "features": Placement("cpu", cpu=4, memory=32, hours=6, caching="laptop", fills_online_store=True, **DATA),
    "rationales": Placement("gpu-spot", cpu=8, memory=64, hours=24, gpus=1, shared_memory="8Gi", retries=5, **ASKING),
    "chat": Placement("cpu", cpu=2, memory=8, hours=24, retries=5, **ASKING, **DATA),  # labels, by a server's URL
    "sft": Placement(
        "gpu-train", cpu=8, memory=64, hours=24, gpus=1, shared_memory="16Gi", retries=3, tunes_teacher=True
    ),
    "dpo": Placement(
        "gpu-train", cpu=8, memory=64, hours=24, gpus=1, shared_memory="16Gi", retries=3, tunes_teacher=True
    ),
    "embeddings": Placement("gpu-small", cpu=4, memory=32, hours=6, gpus=1, shared_memory="2Gi", retries=3),
    "lrkd": Placement("gpu-small", cpu=8, memory=32, hours=12, gpus=1, shared_memory="8Gi", retries=3),
    "packaging": Placement("cpu", cpu=4, memory=16, hours=6, signs_packages=True, **MODEL),
    "student": Placement("cpu", cpu=4, memory=16, hours=6, verifies_packages=True, **MODEL),
    "release": Placement("cpu", cpu=1, memory=4, hours=1, retries=2, caching="never", verifies_packages=True, **SHORT),
    "experiment": Placement("cpu", cpu=2, memory=8, hours=1, retries=2, caching="never", **SHORT),
}
