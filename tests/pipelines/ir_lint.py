"""What Kubeflow finds only when a run fails: inputs that a sub-pipeline's tasks take and it does not declare."""

from collections.abc import Iterator

KINDS = {"parameters": "componentInputParameter", "artifacts": "componentInputArtifact"}


def dangling(spec: dict) -> list[tuple[str, str, str]]:
    """(pipeline, task, input) of every input that a task takes from its pipeline and the pipeline does not have."""
    return list(below("root", spec["root"], spec["components"]))


def below(name: str, pipeline: dict, components: dict) -> Iterator[tuple[str, str, str]]:
    """As `dangling`, for one pipeline and those inside it."""
    declared = pipeline.get("inputDefinitions", {})
    for task, said in pipeline["dag"]["tasks"].items():
        yield from ((name, task, taken) for kind, taken in inputs(said) if taken not in declared.get(kind, {}))
        component = said["componentRef"]["name"]
        if "dag" in components[component]:
            yield from below(component, components[component], components)


def inputs(task: dict) -> Iterator[tuple[str, str]]:
    """Kind and name of what a task takes from the pipeline it is in."""
    for kind, key in KINDS.items():
        given = task.get("inputs", {}).get(kind, {}).values()
        yield from ((kind, value[key]) for value in given if key in value)


def tasks(spec: dict) -> dict[str, dict]:
    """Every task by its name, those of sub-pipelines too; names are different all over a pipeline."""
    dags = [spec["root"]["dag"], *(part["dag"] for part in spec["components"].values() if "dag" in part)]
    return {name: task for dag in dags for name, task in dag["tasks"].items()}
