"""Where steps run on a cluster, said in one place; it means nothing on a laptop.

Limits are compile-time constants: kfp 2.17.0 drops limits that are pipeline parameters inside If and ParallelFor.
"""

from kfp import dsl, kubernetes

GPU_HOURS = 24
GPU = {"type": "nvidia.com/gpu", "cpu": 8, "memory": 64, "shared_memory": "8Gi"}  # cores and GiB of each


def on_gpu(task: dsl.PipelineTask, gpus: int = 1) -> dsl.PipelineTask:
    """Place a step on the GPU pool: accelerators of one machine, memory, /dev/shm, toleration and timeout."""
    task.set_accelerator_type(GPU["type"]).set_accelerator_limit(gpus)
    task.set_cpu_limit(str(gpus * GPU["cpu"])).set_memory_limit(f"{gpus * GPU['memory']}Gi")
    kubernetes.add_toleration(task, key=GPU["type"], operator="Exists", effect="NoSchedule")
    kubernetes.empty_dir_mount(
        task, volume_name="shm", mount_path="/dev/shm", medium="Memory", size_limit=GPU["shared_memory"]
    )
    kubernetes.set_timeout(task, GPU_HOURS * 3600)
    return task
