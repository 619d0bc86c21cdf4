"""One training on several machines: Kubeflow's Trainer runs its processes (a TrainJob), S3 carries it there and back.

Whoever is killed while the job runs finds it by its call's digest, and waits for it again; a call that has ended is not
made twice.
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
CARRIED = ("model", "folder")  # the model, and what the trainer reads and writes
CALL, SAID = "call.json", "said.json"
POLL_S = 15.0
HOURS = 24


def on_every_node(
    train: Callable[..., dict], model: str, config: JsonConfig, folder: str, prefix: str, out: str
) -> dict:
    """What `train(model, config, folder, prefix, out)` returns on the first process of all machines.

    Raises:
        RuntimeError: the job failed, or did not end within a day; with its own last words.
        PermissionError, ConnectionError: of the API server.
    """
    verb = train.__module__.rpartition(".")[2]
    place = f"trainjobs/{verb}/{Path(prefix).name}"
    if storage.get_json(f"{place}/{SAID}") is None:
        _ask(place, verb, (model, folder), {"verb": verb, "config": config.to_json(), "prefix": prefix})
        _wait(KubernetesApi(Settings().namespace, connect(), "broadfast-pipeline"), verb, place)
    storage.get_folder(f"{place}/out", out)
    said = storage.get_json(f"{place}/{SAID}")
    storage.remove_folder(place)
    return said


def _ask(place: str, verb: str, folders: tuple[str, str], call: dict) -> None:
    """Put what the machines need on S3; the call itself last, so that half of it is none."""
    if storage.get_json(f"{place}/{CALL}") is None:
        for name, folder in zip(CARRIED, folders, strict=True):
            storage.put_folder(folder, f"{place}/{name}")
        storage.put_json(f"{place}/{CALL}", call)


def _wait(api: KubernetesApi, verb: str, place: str) -> None:
    name = f"broadfast-{verb}"
    body = train_job(place, Settings())
    there = api.get("TrainJob", name)
    if there and (there["metadata"].get("annotations") != body["metadata"]["annotations"] or _ended(there)):
        api.delete("TrainJob", name)
        while api.get("TrainJob", name):
            time.sleep(min(1.0, POLL_S))
        there = None
    if not there:
        api.apply("TrainJob", name, body)
    deadline = time.monotonic() + HOURS * 3600
    while not (ended := _ended(api.get("TrainJob", name))):
        if time.monotonic() > deadline:
            raise RuntimeError(f"TrainJob {name} has not ended after {HOURS} h: see `kubectl describe trainjob {name}`")
        print(f"TrainJob {name} runs on {Settings().training_nodes} nodes", file=sys.stderr, flush=True)
        time.sleep(POLL_S)
    word, sentence = ended
    if word == "Failed":
        raise RuntimeError(
            f"TrainJob {name} failed: {sentence}; see `kubectl logs -l jobset.sigs.k8s.io/jobset-name={name}`"
        )
    api.delete("TrainJob", name)


def _ended(job: Mapping | None) -> tuple[str, str] | None:
    """Complete or Failed, and why; None while it runs."""
    for condition in (job or {}).get("status", {}).get("conditions", []):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return condition["type"], condition.get("message", "no reason is given")
    return None


def train_job(place: str, settings: Settings) -> dict:
    """The TrainJob of a call on S3: as many machines as the settings say, each with its GPUs."""
    limits = {"nvidia.com/gpu": str(settings.training_gpus)}
    return {
        "metadata": {
            "labels": {"app.kubernetes.io/part-of": "broadfast"},
            "annotations": {"broadfast/call": hashlib.sha256(json.dumps(place).encode()).hexdigest()[:16]},
        },
        "spec": {
            "runtimeRef": {"apiGroup": "trainer.kubeflow.org", "kind": "ClusterTrainingRuntime", "name": RUNTIME},
            "trainer": {
                "image": settings.teacher_image,
                "numNodes": settings.training_nodes,
                "numProcPerNode": settings.training_gpus,
                "resourcesPerNode": {"limits": limits, "requests": limits},
                "command": ["torchrun", "-m", "components.training.node"],
                "args": [place],
            },
        },
    }
