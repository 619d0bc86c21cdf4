"""One training on every GPU: a process each, on this machine or, by a TrainJob, on several.

PyTorch starts the processes and tells each its rank; accelerate keeps them in step.
"""

from collections.abc import Callable
from tempfile import TemporaryDirectory

from components.settings import Settings


def on_every_gpu(train: Callable[..., dict], *arguments, processes: int = 0) -> dict:
    """Run `train(*arguments)` on every GPU and return the first process's result.

    `processes` 0 is one a GPU, and one where there is none. One process is this one. Of several, each calls `train`, a
    function of a module, with the same arguments. A TrainJob runs them where the settings name several machines.

    Raises:
        RuntimeError: a process failed, with its rank and its error; the others are stopped.
    """
    import torch

    if Settings().training_nodes > 1 and not processes:
        from components.training.trainjob import on_every_node

        return on_every_node(train, *arguments)
    count = processes or max(1, torch.cuda.device_count())
    if count == 1:
        return train(*arguments)
    return start_processes(train, arguments, count)


def start_processes(train: Callable[..., dict], arguments: tuple, count: int) -> dict:
    """Start `count` processes on this machine and return the first one's result.

    Raises:
        RuntimeError: a process failed, with its rank and its error; the others are stopped.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher import elastic_launch

    with TemporaryDirectory() as logs:
        try:
            return elastic_launch(launch_config(count, logs), train)(*arguments)[0]
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            message = failure.message  # a dictionary where the process could still write its stack
            text = message["message"] if isinstance(message, dict) else message
            raise RuntimeError(f"process {rank} of {count} failed: {text}") from error


def launch_config(processes: int, logs: str):
    """Return PyTorch's configuration of so many processes on this machine, without restarts."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.launcher import LaunchConfig

    return LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        signals_to_handle="SIGTERM",
        logs_specs=DefaultLogsSpecs(log_dir=logs),
    )
