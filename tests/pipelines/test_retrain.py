"""Both pipelines as Kubeflow gets them: nothing installed, nothing dangling, GPUs and caching where they belong."""

import pytest
import yaml
from kfp import compiler, dsl

from components.release import component as release
from pipelines import resources
from pipelines.experiment import experiment
from pipelines.resources import GPU
from pipelines.retrain import retrain
from tests.pipelines.ir_lint import dangling, tasks

WRITING = {"generate-rationales"} | {f"generate-rationales-{number}" for number in range(2, 6)}
ON_GPU = {"start-teacher", "fine-tune", "optimise-preferences"} | WRITING
UNCACHED = {"read-serving-version", "register-baseline", "start-canary"}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Each pipeline's text, specification, and what is said for Kubernetes."""
    folder, found = tmp_path_factory.mktemp("ir"), {}
    for pipeline in (retrain, experiment):
        compiler.Compiler().compile(pipeline, str(folder / f"{pipeline.name}.yaml"))
        text = (folder / f"{pipeline.name}.yaml").read_text()
        spec, *platform = yaml.safe_load_all(text)
        found[pipeline.name] = text, spec, platform[0]["platforms"]["kubernetes"] if platform else {}
    return found


@pytest.fixture(params=["retrain", "experiment"])
def pipeline(request, compiled):
    return compiled[request.param]


def test_nothing_is_installed_when_a_step_starts(pipeline):
    assert "pip install" not in pipeline[0] and "ensurepip" not in pipeline[0]


def test_no_input_of_a_sub_pipeline_is_dangling(pipeline):
    assert not dangling(pipeline[1])


def test_every_step_runs_in_one_of_our_images_with_a_tag(pipeline):
    images = {said["container"]["image"] for said in pipeline[1]["deploymentSpec"]["executors"].values()}
    assert {image.rsplit("/", 1)[1].split(":")[0] for image in images} <= {"teacher-python", "student-python"}
    assert all(len(image.rsplit(":", 1)[1]) > 4 and not image.endswith("latest") for image in images)


def test_the_lint_finds_an_input_that_a_sub_pipeline_does_not_declare():
    def task(component, **given):
        return {"componentRef": {"name": component}, "inputs": {"parameters": given}}

    inner = {"dag": {"tasks": {"step": task("step", cpu={"componentInputParameter": "cpu"})}}}
    outer = {"dag": {"tasks": {"if": task("inner", size={"runtimeValue": {}})}}}
    assert dangling({"root": outer, "components": {"inner": inner, "step": {}}}) == [("inner", "step", "cpu")]
    inner["inputDefinitions"] = {"parameters": {"cpu": {}}}
    assert not dangling({"root": outer, "components": {"inner": inner, "step": {}}})


def test_what_writes_tunes_or_prompts_the_teacher_runs_on_a_gpu_and_nothing_else(compiled):
    executors = compiled["retrain"][1]["deploymentSpec"]["executors"]
    limits = {name: said["container"].get("resources", {}) for name, said in executors.items()}
    assert {name.removeprefix("exec-") for name, limit in limits.items() if limit} == ON_GPU
    for step in ON_GPU:
        accelerator = limits[f"exec-{step}"]["accelerator"]
        assert (accelerator["resourceType"], accelerator["resourceCount"]) == (GPU["type"], "1")


def test_the_teacher_is_tuned_on_as_many_gpus_of_one_machine_as_is_said():
    @dsl.pipeline
    def tuning():
        resources.on_gpu(release.read_serving_version(), 4)

    limits = tuning.pipeline_spec.deployment_spec["executors"]["exec-read-serving-version"]["container"]["resources"]
    assert limits["accelerator"]["resourceCount"] == "4" and limits["resourceMemoryLimit"] == "256Gi"


def test_gpu_steps_tolerate_the_pools_taint_have_shared_memory_and_an_end(compiled):
    placed = compiled["retrain"][2]["deploymentSpec"]["executors"]
    assert {name.removeprefix("exec-") for name in placed} == ON_GPU
    for said in placed.values():
        assert said["tolerations"] == [{"key": GPU["type"], "operator": "Exists", "effect": "NoSchedule"}]
        assert said["emptyDirMounts"][0]["mountPath"] == "/dev/shm" and int(said["activeDeadlineSeconds"]) > 0


def test_only_steps_that_read_or_change_the_world_outside_are_never_taken_from_a_cache(compiled):
    cached = {name: task.get("cachingOptions") for name, task in tasks(compiled["retrain"][1]).items()}
    uncached = {name for name, said in cached.items() if said is not None and not said.get("enableCache")}
    assert uncached == UNCACHED


def test_the_canary_starts_only_inside_the_gates_condition(compiled):
    spec = compiled["retrain"][1]
    (condition,) = (task for task in spec["root"]["dag"]["tasks"].values() if "triggerPolicy" in task)
    assert "== 'release'" in condition["triggerPolicy"]["condition"]
    assert set(spec["components"][condition["componentRef"]["name"]]["dag"]["tasks"]) == {"start-canary"}


def test_every_configuration_is_text_and_no_parameter_is_nothing(pipeline):
    parameters = pipeline[1]["root"]["inputDefinitions"]["parameters"]
    assert {said["parameterType"] for said in parameters.values()} <= {"STRING", "NUMBER_INTEGER", "LIST"}
    assert all("defaultValue" in said for said in parameters.values())


def test_rationales_are_written_by_as_many_workers_as_there_are_shards(compiled):
    components = compiled["retrain"][1]["components"]
    loops = [part["dag"]["tasks"] for name, part in components.items() if name.startswith("comp-for-loop")]
    assert sorted(name for tasks in loops for name in tasks) == ["generate-rationales", "generate-rationales-5"]
