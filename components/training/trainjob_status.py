"""What the status of a TrainJob says: whether it waits, how far it is, how it ended."""

from collections.abc import Mapping

from components.settings import Settings


def describe_progress(job: Mapping) -> str:
    """Say whether a job runs or waits for its queue, and how far it is."""
    status = job.get("status", {})
    conditions = status.get("conditions", [])
    if any(condition["type"] == "Suspended" and condition["status"] == "True" for condition in conditions):
        return "is suspended: it waits for its queue"
    return f"runs on {Settings().training_nodes} nodes{describe_trainer(status.get('trainerStatus', {}))}"


def describe_trainer(status: Mapping) -> str:
    """Return the percent and the loss that a trainer reported.

    Trainer before 2.2 takes no reports. The time left is left out: it is wrong behind a checkpoint
    (findings/transformers-kubeflow-time-left.sh).
    """
    metrics = {metric["name"]: metric["value"] for metric in status.get("metrics", [])}
    parts = {
        "{}% done": status.get("progressPercentage"),
        "loss {}": metrics.get("loss"),
    }
    return "".join(f", {text.format(value)}" for text, value in parts.items() if value is not None)


def end_condition(job: Mapping) -> tuple[str, str] | None:
    """Return (Complete or Failed, message) of a job that has ended, else None."""
    for condition in job.get("status", {}).get("conditions", []):
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return condition["type"], condition.get("message", "no reason is given")
    return None
