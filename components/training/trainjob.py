"""One training on several machines: Kubeflow's Trainer runs its processes, S3 carries inputs and result.

A step that was killed while its job runs finds the job again; a call that has ended is not made twice.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from components import storage
from components.config import JsonConfig
from components.kubernetes_api import KubernetesApi, connect
from components.settings import Settings

RUNTIME = "broadfast-torch"  # manifests/components/multi-node
INPUTS = ("model", "folder")  # the model, and what the trainer reads and writes
CALL = "call.json"
RESULT = "said.json"
POLL_S = 15.0
LIMIT_HOURS = 24


def on_every_node(train: Callable[..., dict], *arguments) -> dict:
    """Run `train(model, config, folder, prefix, out)` on all machines and return the first process's result.

    Raises:
        RuntimeError: the job failed, or did not end within a day; with its own last words.
        PermissionError, ConnectionError: of the API server.
    """
    model, config, folder, checkpoints, out = arguments
    verb = train.__module__.rpartition(".")[2]
    prefix = f"trainjobs/{verb}/{Path(checkpoints).name}"
    if storage.get_json(f"{prefix}/{RESULT}") is None:
        put_call(prefix, verb, config, (model, folder, checkpoints))
        run_job(KubernetesApi(Settings().namespace, connect(), "broadfast-pipeline"), verb, prefix)
    storage.get_folder(f"{prefix}/out", out)
    result = storage.get_json(f"{prefix}/{RESULT}")
    storage.remove_folder(prefix)
    return result


def put_call(prefix: str, verb: str, config: JsonConfig, folders: tuple[str, str, str]) -> None:
    """Put the call on S3: its inputs first, so that half of it is none."""
    *inputs, checkpoints = folders
    if storage.get_json(f"{prefix}/{CALL}") is not None:
        return
    for name, folder in zip(INPUTS, inputs, strict=True):
        storage.put_folder(folder, f"{prefix}/{name}")
    storage.put_json(f"{prefix}/{CALL}", {"verb": verb, "config": config.to_json(), "prefix": checkpoints})


def run_job(api: KubernetesApi, verb: str, prefix: str) -> None:
    """Make the TrainJob of a call unless it runs already, and wait for its end.

    Raises:
        RuntimeError: it failed, or did not end within a day.
    """
    name = f"broadfast-{verb}"
    body = train_job(prefix, Settings())
    job = api.get("TrainJob", name)
    if job and (job["metadata"].get("annotations") != body["metadata"]["annotations"] or end_condition(job)):
        api.delete("TrainJob", name)
        while api.get("TrainJob", name):
            time.sleep(min(1.0, POLL_S))
        job = None
    if not job:
        api.apply("TrainJob", name, body)
    status, message = wait_for_end(api, name)
    if status == "Failed":
        raise RuntimeError(
            f"TrainJob {name} failed: {message}; see `kubectl logs -l jobset.sigs.k8s.io/jobset-name={name}`"
        )
    api.delete("TrainJob", name)


def wait_for_end(api: KubernetesApi, name: str) -> tuple[str, str]:
    """Wait until a TrainJob has ended and return its condition and message.

    Raises:
        RuntimeError: it did not end within a day.
    """
    deadline = time.monotonic() + LIMIT_HOURS * 3600
    while not (condition := end_condition(api.get("TrainJob", name))):
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"TrainJob {name} has not ended after {LIMIT_HOURS} h: see `kubectl describe trainjob {name}`"
            )
        print(f"TrainJob {name} runs on {Settings().training_nodes} nodes", file=sys.stderr, flush=True)
        time.sleep(POLL_S)
    return condition


def end_condition(job: Mapping | None) -> tuple[str, str] | None:
    """Return (Complete or Failed, message) of a job that has ended, else None."""
    for condition in (job or {}).get("status", {}).get("conditions", []):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return condition["type"], condition.get("message", "no reason is given")
    return None


def train_job(prefix: str, settings: Settings) -> dict:
    """Build the TrainJob of a call on S3: the settings' machines, each with its GPUs."""
    limits = {"nvidia.com/gpu": str(settings.training_gpus)}
    return {
        "metadata": {
            "labels": {"app.kubernetes.io/part-of": "broadfast"},
            "annotations": {"broadfast/call": hashlib.sha256(json.dumps(prefix).encode()).hexdigest()[:16]},
        },
        "spec": {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": RUNTIME},
            "trainer": {
                "image": settings.teacher_image,
                "numNodes": settings.training_nodes,
                "numProcPerNode": settings.training_gpus,
                "resourcesPerNode": {"limits": limits, "requests": limits},
                "command": ["torchrun", "-m", "components.training.node"],
                "args": [prefix],
            },
        },
    }
