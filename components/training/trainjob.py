"""One training on several machines: Kubeflow's Trainer runs its processes, S3 carries inputs and result.

A call belongs to one run and one training. A step that was killed while its job runs finds the job again; a call that
has ended is not made twice. Every attempt has a job of its own name: Trainer may copy the end of a deleted job onto a
new one of the same name.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from components import storage
from components.config import JsonConfig
from components.kubernetes_api import KubernetesApi, connect
from components.sampling import hash_id
from components.settings import Settings
from components.training.trainjob_status import describe_progress, end_condition
from components.waiting import wait_until

RUNTIME = "broadfast-torch"  # manifests/components/multi-node
INPUTS = ("model", "folder")  # the model, and what the trainer reads and writes
CALL = "call.json"
RESULT = "said.json"
ATTEMPT = "attempt.json"
CALL_ANNOTATION = "broadfast/call"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
POLL_S = 15.0
LIMIT_HOURS = 24


@dataclass(frozen=True)
class Call:
    """One training on several machines, named by run, verb and checkpoints."""

    verb: str
    config: JsonConfig
    checkpoints: str  # the S3 prefix, whose name is the digest of model, configuration and rows

    @property
    def digest(self) -> str:
        """Return what names the call: it is another one in another run."""
        return hash_id(Settings().run_id, self.checkpoints)

    @property
    def prefix(self) -> str:
        """Return where the call lies on S3."""
        return f"trainjobs/{self.verb}/{self.digest}"

    def job_name(self, attempt: int) -> str:
        """Return the name of an attempt's TrainJob."""
        return f"broadfast-{self.verb}-{self.digest[:10]}-{attempt}"


def on_every_node(train: Callable[..., dict], *arguments) -> dict:
    """Run `train(model, config, folder, prefix, out)` on all machines and return the first process's result.

    Raises:
        RuntimeError: the job failed, is gone, or did not end within a day; with its own last words.
        PermissionError, ConnectionError: of the API server.
    """
    model, config, folder, checkpoints, out = arguments
    call = Call(train.__module__.rpartition(".")[2], config, checkpoints)
    if storage.get_json(f"{call.prefix}/{RESULT}") is None:
        put_call(call, (model, folder))
        run_job(KubernetesApi(Settings().namespace, connect(), "broadfast-pipeline"), call)
    storage.get_folder(f"{call.prefix}/out", out)
    result = storage.get_json(f"{call.prefix}/{RESULT}")
    storage.remove_folder(call.prefix)
    return result


def put_call(call: Call, folders: tuple[str, str]) -> None:
    """Put the call on S3: its inputs first, so that half of it is none."""
    if storage.get_json(f"{call.prefix}/{CALL}") is not None:
        return
    for name, folder in zip(INPUTS, folders, strict=True):
        storage.put_folder(folder, f"{call.prefix}/{name}")
    document = {"verb": call.verb, "config": call.config.to_json(), "prefix": call.checkpoints}
    storage.put_json(f"{call.prefix}/{CALL}", document)


def run_job(api: KubernetesApi, call: Call) -> None:
    """Make the TrainJob of a call unless it runs already, and wait for its end.

    A job that failed stays, with its pods and their logs; the next try of the step makes another one.

    Raises:
        RuntimeError: the job failed, is gone, is another's, or did not end within a day.
    """
    record = storage.get_json(f"{call.prefix}/{ATTEMPT}") or {"attempt": 1, "is_made": False}
    attempt = record["attempt"]
    name = call.job_name(attempt)
    if not record["is_made"]:
        make_job(api, name, call)
        put_attempt(call, attempt, is_made=True)
    try:
        status, message = wait_for_end(api, name)
    except LookupError as error:
        put_attempt(call, attempt + 1, is_made=False)
        raise RuntimeError(f"{error}; try the step again, which makes another one") from None
    if status == "Failed":
        put_attempt(call, attempt + 1, is_made=False)
        logs = f"kubectl logs -l jobset.sigs.k8s.io/jobset-name={name}"
        raise RuntimeError(f"TrainJob {name} failed: {message}; see `{logs}`")
    for number in range(1, attempt + 1):
        api.delete("TrainJob", call.job_name(number))


def put_attempt(call: Call, attempt: int, is_made: bool) -> None:
    """Note the number of the attempt, and whether its job was made."""
    storage.put_json(f"{call.prefix}/{ATTEMPT}", {"attempt": attempt, "is_made": is_made})


def make_job(api: KubernetesApi, name: str, call: Call) -> None:
    """Make a TrainJob, unless this call has made it already.

    Raises:
        RuntimeError: a job of that name belongs to another call.
    """
    job = api.get("TrainJob", name)
    if job is None:
        api.apply("TrainJob", name, train_job(call.prefix, Settings()))
        return
    owner = job["metadata"].get("annotations", {}).get(CALL_ANNOTATION)
    if owner != call.prefix:
        raise RuntimeError(
            f"TrainJob {name} is there already and belongs to {owner or 'somebody else'}: delete it "
            f"(`kubectl delete trainjob {name}`) and try the step again"
        )


def wait_for_end(api: KubernetesApi, name: str) -> tuple[str, str]:
    """Wait until a TrainJob has ended and return its condition and message.

    Raises:
        LookupError: the job is gone.
        RuntimeError: it did not end within a day.
    """

    def read() -> tuple[str, str] | None:
        job = api.get("TrainJob", name)
        if job is None:
            raise LookupError(f"TrainJob {name} is gone: somebody deleted it")
        condition = end_condition(job)
        if condition is None:
            print(f"TrainJob {name} {describe_progress(job)}", file=sys.stderr, flush=True)
        return condition

    condition = wait_until(read, lambda value: value is not None, LIMIT_HOURS * 3600, POLL_S)
    if condition is None:
        raise RuntimeError(
            f"TrainJob {name} has not ended after {LIMIT_HOURS} h: see `kubectl describe trainjob {name}`"
        )
    return condition


def train_job(prefix: str, settings: Settings) -> dict:
    """Build the TrainJob of a call on S3: the settings' machines with all their resources.

    CPU and memory are named beside the GPUs: Trainer 2.1 takes these resources in place of the runtime's, later ones
    beside them.
    """
    resources = {
        "cpu": str(settings.training_cpu),
        "memory": f"{settings.training_memory_gib}Gi",
        "nvidia.com/gpu": str(settings.training_gpus),
    }
    labels = {"app.kubernetes.io/part-of": "broadfast"}
    if settings.queue:
        labels[QUEUE_LABEL] = settings.queue
    return {
        "metadata": {"labels": labels, "annotations": {CALL_ANNOTATION: prefix}},
        "spec": {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "TrainingRuntime", "name": RUNTIME},
            "trainer": {
                "image": settings.teacher_image,
                "numNodes": settings.training_nodes,
                "numProcPerNode": settings.training_gpus,
                "resourcesPerNode": {"limits": resources, "requests": resources},
                "command": ["torchrun", "-m", "components.training.node"],
                "args": [prefix],
            },
        },
    }
