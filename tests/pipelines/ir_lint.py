"""What Kubeflow finds only when a run fails: inputs that a sub-pipeline's tasks take and it does not declare."""

from collections.abc import Iterator

KINDS = {"parameters": "componentInputParameter", "artifacts": "componentInputArtifact"}


def dangling_inputs(spec: dict) -> list[tuple[str, str, str]]:
    """List (pipeline, task, input) for every input that a task takes and its pipeline does not declare."""
    return list(dangling_inputs_below("root", spec["root"], spec["components"]))


def dangling_inputs_below(name: str, pipeline: dict, components: dict) -> Iterator[tuple[str, str, str]]:
    """Yield the dangling inputs of one pipeline and of those inside it."""
    declared_inputs = pipeline.get("inputDefinitions", {})
    for task_name, task in pipeline["dag"]["tasks"].items():
        for kind, source in inputs(task):
            if source not in declared_inputs.get(kind, {}):
                yield name, task_name, source
        component = task["componentRef"]["name"]
        if "dag" in components[component]:
            yield from dangling_inputs_below(component, components[component], components)


def inputs(task: dict) -> Iterator[tuple[str, str]]:
    """Yield kind and name of what a task takes from the pipeline it is in."""
    for kind, key in KINDS.items():
        values = task.get("inputs", {}).get(kind, {}).values()
        yield from ((kind, value[key]) for value in values if key in value)


def tasks(spec: dict) -> dict[str, dict]:
    """Return every task by its name, those of sub-pipelines too; names differ all over a pipeline."""
    dags = [spec["root"]["dag"], *(part["dag"] for part in spec["components"].values() if "dag" in part)]
    return {name: task for dag in dags for name, task in dag["tasks"].items()}
