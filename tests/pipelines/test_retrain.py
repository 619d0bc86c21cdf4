"""Both pipelines as Kubeflow gets them: nothing installed, nothing dangling, GPUs and caching where they belong."""

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, dsl

from components.release import component as release
from pipelines import resources
from pipelines.experiment import experiment
from pipelines.resources import GPU, PLACEMENTS, POOL, SPOT
from pipelines.retrain import retrain
from testing.servers import environment
from tests.pipelines.ir_lint import dangling, tasks

WRITING = {"generate-rationales"} | {f"generate-rationales-{number}" for number in range(2, 6)}
ROWS = {
    "rationales": WRITING,
    "sft": {"start-teacher", "fine-tune"},
    "dpo": {"optimise-preferences"},
    "embeddings": {"embed-rationales"},
    "lrkd": {"train-student", "train-student-2"},
}
NEVER_CACHED = {"read-serving-version", "record-night", "register-baseline", "start-canary"}
READ_EVERY_NIGHT = {"prepare-judgements", "build-features"}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Each pipeline's text, specification, and what is said for Kubernetes."""
    folder, found = tmp_path_factory.mktemp("ir"), {}
    for pipeline in map(resources.for_cluster, (retrain, experiment)):
        compiler.Compiler().compile(pipeline, str(folder / f"{pipeline.name}.yaml"))
        text = (folder / f"{pipeline.name}.yaml").read_text()
        spec, *platform = yaml.load_all(text, yaml.CSafeLoader)
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


@pytest.mark.parametrize(("row", "step"), [(row, step) for row, steps in ROWS.items() for step in sorted(steps)])
def test_a_step_has_the_pool_the_toleration_the_gpu_and_the_end_that_its_row_says(compiled, row, step):
    _, spec, platform = compiled["retrain"]
    said, placed = PLACEMENTS[row], platform["deploymentSpec"]["executors"][f"exec-{step}"]
    limits = spec["deploymentSpec"]["executors"][f"exec-{step}"]["container"]["resources"]
    assert placed["nodeSelector"]["labels"] == {POOL: said.pool}
    tolerated = [GPU] + [SPOT] * said.spot
    assert placed["tolerations"] == [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in tolerated]
    assert (limits["accelerator"]["resourceType"], limits["accelerator"]["resourceCount"]) == (GPU, str(said.gpus))
    assert (limits["resourceCpuLimit"], limits["resourceMemoryLimit"]) == (str(said.cpu), f"{said.memory}Gi")
    memory = [mount for mount in placed["emptyDirMounts"] if mount.get("medium") == "Memory"]
    assert [(mount["mountPath"], mount["sizeLimit"]) for mount in memory] == [("/dev/shm", said.shared_memory)]
    assert int(placed["activeDeadlineSeconds"]) == 3600 * said.hours
    assert tasks(spec)[step]["retryPolicy"]["maxRetryCount"] == said.retries


def test_no_other_step_asks_for_a_gpu(compiled):
    executors = compiled["retrain"][1]["deploymentSpec"]["executors"]
    asking = {name for name, said in executors.items() if "accelerator" in said["container"].get("resources", {})}
    assert {name.removeprefix("exec-") for name in asking} == set().union(*ROWS.values())


def test_the_teacher_is_tuned_on_as_many_gpus_of_one_machine_as_is_said():
    @dsl.pipeline
    def tuning():
        resources.place(release.read_serving_version(), "sft", 4)

    limits = tuning.pipeline_spec.deployment_spec["executors"]["exec-read-serving-version"]["container"]["resources"]
    assert limits["accelerator"]["resourceCount"] == "4" and limits["resourceMemoryLimit"] == "256Gi"


def test_every_step_is_not_root_is_labelled_and_takes_secrets_by_reference(pipeline):
    _, spec, platform = pipeline
    placed = platform["deploymentSpec"]["executors"]
    assert placed.keys() == spec["deploymentSpec"]["executors"].keys()
    for said in placed.values():
        assert said["securityContext"] == {"runAsUser": "65532", "runAsGroup": "65532", "runAsNonRoot": True}
        assert said["podMetadata"]["labels"]["broadfast/step"] in PLACEMENTS
        assert {secret["secretName"] for secret in said["secretAsEnv"]} <= {"broadfast-s3", "broadfast-feature-store"}
    assert "AWS_SECRET" not in str(spec)


def test_the_step_that_fills_the_store_is_told_where_it_is(compiled):
    placed = compiled["retrain"][2]["deploymentSpec"]["executors"]["exec-build-features"]["secretAsEnv"]
    assert set(resources.OF_STORE) <= {key["envVar"] for secret in placed for key in secret["keyToEnv"]}


def test_a_queue_of_kueues_is_a_label_where_one_is_named():
    with environment(BROADFAST_QUEUE="night"):
        platform = json_format.MessageToDict(resources.for_cluster(experiment).platform_spec)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    labels = executors["exec-begin-look"]["podMetadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "night"


def test_every_step_says_whether_an_earlier_run_may_answer(pipeline, compiled):
    steps = {name: task for name, task in tasks(pipeline[1]).items() if f"exec-{name}" in str(pipeline[1])}
    uncached = {name for name, task in steps.items() if not task["cachingOptions"].get("enableCache")}
    outside = NEVER_CACHED | READ_EVERY_NIGHT if pipeline is compiled["retrain"] else set(steps)
    assert uncached == outside


def test_on_a_laptop_sources_are_digests_and_failures_are_said_at_once():
    steps = tasks(json_format.MessageToDict(retrain.pipeline_spec))
    uncached = {name for name, task in steps.items() if task.get("cachingOptions") == {}}
    assert uncached >= NEVER_CACHED and not READ_EVERY_NIGHT & uncached
    assert not any("retryPolicy" in task for task in steps.values())


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
