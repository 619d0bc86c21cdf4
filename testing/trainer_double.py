"""The pods that Kubeflow's Trainer makes of a TrainJob of ours, on the runtime of manifests/components/multi-node."""

from pathlib import Path

import yaml

RUNTIME = Path(__file__).parents[1] / "manifests/components/multi-node/runtime.yaml"


def training_pods(job: dict) -> list[dict]:
    """Return a pod for each node of a job: the runtime's, with the job's image, command and resources."""
    runtime = yaml.safe_load(RUNTIME.read_text())
    template = runtime["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]
    trainer = job["spec"]["trainer"]
    container = template["spec"]["containers"][0]
    container |= {name: trainer[name] for name in ("image", "command", "args") if name in trainer}
    for kind, amounts in trainer.get("resourcesPerNode", {}).items():
        container["resources"][kind] = container["resources"].get(kind, {}) | amounts
    return [template] * trainer.get("numNodes", 1)
