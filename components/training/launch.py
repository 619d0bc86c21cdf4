"""One training on every GPU: a process each, started by PyTorch, on this machine or, by a TrainJob, on several.

accelerate keeps the processes in step, for PyTorch tells each who it is.
"""

from collections.abc import Callable
from tempfile import TemporaryDirectory

from components.settings import Settings


def on_every_gpu(train: Callable[..., dict], *arguments, processes: int = 0) -> dict:
    """What `train(*arguments)` returns on the first of `processes`; 0 is one a GPU, and without any, one.

    One is this process. Of several, each calls `train`, a function of a module, with the same arguments. Where the
    settings say several machines, they are asked for.

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

    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher import LaunchConfig, elastic_launch

    with TemporaryDirectory() as logs:
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            max_restarts=0,
            signals_to_handle="SIGTERM",
            logs_specs=DefaultLogsSpecs(log_dir=logs),
        )
        try:
            return elastic_launch(config, train)(*arguments)[0]
        except ChildFailedError as error:
            rank, failure = error.get_first_failure()
            said = failure.message  # of a process that could still write it down, with its stack
            said = said["message"] if isinstance(said, dict) else said
            raise RuntimeError(f"process {rank} of {count} failed: {said}") from error
