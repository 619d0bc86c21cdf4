"""Both pipelines as Kubeflow gets them: nothing installed, nothing dangling, GPUs and caching where they belong."""

from dataclasses import replace

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, dsl

from bench.figures import RESULTS, slug
from bench.render_docs import load_figures
from components.release import component as release
from components.teacher.config import TeacherLabelsConfig
from pipelines import resources
from pipelines.cluster.run_plan import version_name
from pipelines.experiment import experiment
from pipelines.placements import PLACEMENTS
from pipelines.profiles import PROFILES
from pipelines.resources import GPU, POOL, SPOT
from pipelines.retrain import retrain
from pipelines.titles import title
from testing.servers import environment
from tests.pipelines.ir_lint import dangling_inputs, tasks

WRITING = {"generate-rationales"} | {f"generate-rationales-{number}" for number in range(2, 8)}
ROWS = {
    "rationales": WRITING,
    "sft": {"start-teacher", "fine-tune"},
    "dpo": {"optimise-preferences"},
    "embeddings": {"embed-rationales"},
    "lrkd": {"train-student", "train-student-2"},
}
NEVER_CACHED = {"read-serving-version", "record-night", "sweep-nights", "register-baseline", "start-canary"}
READ_EVERY_NIGHT = {"prepare-judgements", "build-features", "collect-unjudged", "collect-clicks"}


@pytest.fixture(scope="module")
def compilations(tmp_path_factory):
    """Compile each pipeline; return its text, its specification and its Kubernetes part."""
    folder = tmp_path_factory.mktemp("ir")
    compilations = {}
    for pipeline in map(resources.prepare_for_cluster, (retrain, experiment)):
        compiler.Compiler().compile(pipeline, str(folder / f"{pipeline.name}.yaml"))
        text = (folder / f"{pipeline.name}.yaml").read_text()
        spec, *platform = yaml.load_all(text, yaml.CSafeLoader)
        compilations[pipeline.name] = text, spec, platform[0]["platforms"]["kubernetes"] if platform else {}
    return compilations


@pytest.fixture(params=["retrain", "experiment"])
def pipeline(request, compilations):
    return compilations[request.param]


def test_nothing_is_installed_when_a_step_starts(pipeline):
    assert "pip install" not in pipeline[0] and "ensurepip" not in pipeline[0]


def test_every_parameter_says_what_it_is(pipeline):
    parameters = pipeline[1]["root"]["inputDefinitions"]["parameters"]
    assert not [name for name, parameter in parameters.items() if not parameter.get("description")]


def test_kubeflow_shows_tasks_by_the_terminals_names(pipeline):
    for name, task in tasks(pipeline[1]).items():
        if "dag" not in pipeline[1]["components"][task["componentRef"]["name"]]:
            assert task["taskInfo"]["name"] == title(name)


def test_no_input_of_a_sub_pipeline_is_dangling(pipeline):
    assert not dangling_inputs(pipeline[1])


def test_every_step_runs_in_our_tagged_image(pipeline):
    images = {executor["container"]["image"] for executor in pipeline[1]["deploymentSpec"]["executors"].values()}
    assert {image.rsplit("/", 1)[1].split(":")[0] for image in images} <= {"teacher-python", "student-python"}
    assert all(len(image.rsplit(":", 1)[1]) > 4 and not image.endswith("latest") for image in images)


def test_lint_finds_an_undeclared_input():
    def task(component, **inputs):
        return {"componentRef": {"name": component}, "inputs": {"parameters": inputs}}

    inner = {"dag": {"tasks": {"step": task("step", cpu={"componentInputParameter": "cpu"})}}}
    outer = {"dag": {"tasks": {"if": task("inner", size={"runtimeValue": {}})}}}
    assert dangling_inputs({"root": outer, "components": {"inner": inner, "step": {}}}) == [("inner", "step", "cpu")]
    inner["inputDefinitions"] = {"parameters": {"cpu": {}}}
    assert not dangling_inputs({"root": outer, "components": {"inner": inner, "step": {}}})


@pytest.mark.parametrize(("row", "step"), [(row, step) for row, steps in ROWS.items() for step in sorted(steps)])
def test_gpu_steps_are_configured_as_placed(compilations, row, step):
    _, spec, platform = compilations["retrain"]
    placement = PLACEMENTS[row]
    executor = platform["deploymentSpec"]["executors"][f"exec-{step}"]
    limits = spec["deploymentSpec"]["executors"][f"exec-{step}"]["container"]["resources"]
    assert executor["nodeSelector"]["labels"] == {POOL: placement.pool}
    taints = [GPU] + [SPOT] * placement.tolerates_spot
    assert executor["tolerations"] == [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in taints]
    assert (limits["accelerator"]["resourceType"], limits["accelerator"]["resourceCount"]) == (GPU, str(placement.gpus))
    assert (limits["resourceCpuLimit"], limits["resourceMemoryLimit"]) == (str(placement.cpu), f"{placement.memory}Gi")
    memory = [mount for mount in executor["emptyDirMounts"] if mount.get("medium") == "Memory"]
    assert [(mount["mountPath"], mount["sizeLimit"]) for mount in memory] == [("/dev/shm", placement.shared_memory)]
    assert int(executor["activeDeadlineSeconds"]) == 3600 * placement.hours
    assert tasks(spec)[step]["retryPolicy"]["maxRetryCount"] == placement.retries


def test_requests_hold_what_a_night_took(pipeline):
    measured = load_figures(RESULTS / "steps.json")
    executors = pipeline[1]["deploymentSpec"]["executors"]
    memory = {}
    for name in tasks(pipeline[1]):
        container = executors.get(f"exec-{name}", {}).get("container", {})
        if request := container.get("resources", {}).get("resourceMemoryRequest"):
            memory[name] = int(request.removesuffix("Gi")) * 2**30 / 1e9
    taken = {name: measured[f"{slug(title(name))}_memory_gb"] for name in memory}
    assert len(memory) >= 3 and all(1.3 * taken[name] <= memory[name] for name in memory), taken


def test_a_source_that_is_wrong_is_read_once(compilations):
    steps = tasks(compilations["retrain"][1])
    assert "retryPolicy" not in steps["prepare-judgements"]
    assert steps["build-features"]["retryPolicy"]["maxRetryCount"] == 1


def test_a_demo_cluster_needs_no_gpu():
    pipeline = resources.prepare_for_cluster(retrain, PROFILES["cluster-demo"]().cluster)
    for executor in pipeline.pipeline_spec.deployment_spec["executors"].values():
        limits = executor["container"]["resources"]
        assert "accelerator" not in limits
        assert int(limits["resourceCpuLimit"]) <= 2 and int(limits["resourceMemoryLimit"].removesuffix("Gi")) <= 6
    assert not {"nodeSelector", "tolerations"} & kubernetes_keys(pipeline)


def test_who_asks_a_server_needs_no_gpu():
    asking = replace(PROFILES["paper"](), teacher_labels=TeacherLabelsConfig(teacher="endpoint"))
    pipeline = resources.prepare_for_cluster(retrain, asking.compiled_cluster)
    executors = pipeline.pipeline_spec.deployment_spec["executors"]
    platform = json_format.MessageToDict(pipeline.platform_spec)["platforms"]["kubernetes"]["deploymentSpec"]
    for number in range(2, 8):
        name = f"exec-generate-rationales-{number}"
        asks_server = number in (6, 7)
        assert ("accelerator" in executors[name]["container"]["resources"]) is not asks_server
        labels = platform["executors"][name]["podMetadata"]["labels"]
        assert labels["broadfast/step"] == ("chat" if asks_server else "rationales")
        assert "broadfast-llm" in str(platform["executors"][name]["secretAsEnv"])
    assert version_name("ab12", asking) != version_name("ab12", "paper")


def test_pools_are_optional():
    with environment(BROADFAST_POOLS="off"):
        keys = kubernetes_keys(resources.prepare_for_cluster(retrain))
    assert "nodeSelector" not in keys and "nodeSelector" in kubernetes_keys(resources.prepare_for_cluster(retrain))
    with environment(BROADFAST_POOLS="no"), pytest.raises(ValueError, match="BROADFAST_POOLS is 'no'; give on or off"):
        resources.prepare_for_cluster(retrain)


def kubernetes_keys(pipeline):
    """Return everything that any step says to Kubernetes."""
    platform = json_format.MessageToDict(pipeline.platform_spec)["platforms"]["kubernetes"]
    return {key for executor in platform["deploymentSpec"]["executors"].values() for key in executor}


def test_no_other_step_asks_for_a_gpu(compilations):
    executors = compilations["retrain"][1]["deploymentSpec"]["executors"]
    with_gpu = {name for name, step in executors.items() if "accelerator" in step["container"].get("resources", {})}
    assert {name.removeprefix("exec-") for name in with_gpu} == set().union(*ROWS.values())


def test_settings_decide_the_gpus_that_tune_teachers():
    def tuning():
        resources.configure_task(release.read_serving_version(), "sft")

    with environment(BROADFAST_TRAINING_GPUS="4"):
        tuning = dsl.pipeline(tuning)
    limits = tuning.pipeline_spec.deployment_spec["executors"]["exec-read-serving-version"]["container"]["resources"]
    assert limits["accelerator"]["resourceCount"] == "4" and limits["resourceMemoryLimit"] == "256Gi"


def test_a_step_passes_on_its_train_job():
    def tuning():
        resources.configure_task(release.read_serving_version(), "sft")

    with environment(BROADFAST_TRAINING_NODES="2", BROADFAST_TRAINING_GPUS="4", BROADFAST_QUEUE="gpus"):
        tuning = resources.prepare_for_cluster(dsl.pipeline(tuning))
    (container,) = tuning.pipeline_spec.deployment_spec["executors"].values()
    values = {entry["name"]: entry["value"] for entry in container["container"]["env"]}
    assert (values["BROADFAST_TRAINING_CPU"], values["BROADFAST_TRAINING_MEMORY_GIB"]) == ("32", "256")
    assert values["BROADFAST_QUEUE"] == "gpus"
    assert "pipeline/runid" in str(tuning.platform_spec)


def test_every_step_is_labelled_and_runs_without_root(pipeline):
    _, spec, platform = pipeline
    executors = platform["deploymentSpec"]["executors"]
    assert executors.keys() == spec["deploymentSpec"]["executors"].keys()
    for executor in executors.values():
        assert executor["securityContext"] == {"runAsUser": "65532", "runAsGroup": "65532", "runAsNonRoot": True}
        assert executor["podMetadata"]["labels"]["broadfast/step"] in PLACEMENTS
        assert {secret["secretName"] for secret in executor["secretAsEnv"]} <= {
            "broadfast-s3",
            "broadfast-feature-store",
            "broadfast-llm",
        }
    assert "AWS_SECRET" not in str(spec)


def test_the_features_step_gets_the_stores_address(compilations):
    secrets = compilations["retrain"][2]["deploymentSpec"]["executors"]["exec-build-features"]["secretAsEnv"]
    assert set(resources.FEATURE_STORE_VARIABLES) <= {key["envVar"] for secret in secrets for key in secret["keyToEnv"]}


def test_steps_that_ask_models_get_the_endpoints_key(compilations):
    executors = compilations["retrain"][2]["deploymentSpec"]["executors"]
    with_key = {
        name.removeprefix("exec-")
        for name, executor in executors.items()
        if any(secret["secretName"] == "broadfast-llm" for secret in executor["secretAsEnv"])
    }
    assert with_key == WRITING


def test_the_plain_student_gets_no_unjudged_pair(compilations):
    steps = compilations["retrain"][1]["root"]["dag"]["tasks"]
    artifacts = [steps[name]["inputs"]["artifacts"].keys() for name in ("train-student", "train-student-2")]
    assert artifacts[1] - artifacts[0] == {"unjudged", "labels"}
    assert steps["train-student"]["taskInfo"]["name"] == "train plain student"


def test_a_kueue_queue_becomes_a_label():
    with environment(BROADFAST_QUEUE="night"):
        platform = json_format.MessageToDict(resources.prepare_for_cluster(experiment).platform_spec)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    labels = executors["exec-begin-look"]["podMetadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "night"


def test_every_step_states_its_caching(pipeline, compilations):
    steps = {name: task for name, task in tasks(pipeline[1]).items() if f"exec-{name}" in str(pipeline[1])}
    uncached_steps = {name for name, task in steps.items() if not task["cachingOptions"].get("enableCache")}
    outside = NEVER_CACHED | READ_EVERY_NIGHT if pipeline is compilations["retrain"] else set(steps)
    assert uncached_steps == outside


def test_laptop_steps_cache_sources_and_never_retry():
    steps = tasks(json_format.MessageToDict(retrain.pipeline_spec))
    uncached_steps = {name for name, task in steps.items() if task.get("cachingOptions") == {}}
    assert uncached_steps >= NEVER_CACHED and not READ_EVERY_NIGHT & uncached_steps
    assert not any("retryPolicy" in task for task in steps.values())


def test_the_canary_starts_only_inside_the_condition(compilations):
    spec = compilations["retrain"][1]
    (condition,) = (task for task in spec["root"]["dag"]["tasks"].values() if "triggerPolicy" in task)
    assert "== 'release'" in condition["triggerPolicy"]["condition"]
    assert set(spec["components"][condition["componentRef"]["name"]]["dag"]["tasks"]) == {"start-canary"}


def test_every_parameter_has_type_and_default(pipeline):
    parameters = pipeline[1]["root"]["inputDefinitions"]["parameters"]
    assert {parameter["parameterType"] for parameter in parameters.values()} <= {"STRING", "NUMBER_INTEGER", "LIST"}
    assert all("defaultValue" in parameter for parameter in parameters.values())


def test_shards_loop_over_sampling_and_final_rationales(compilations):
    components = compilations["retrain"][1]["components"]
    loops = [part["dag"]["tasks"] for name, part in components.items() if name.startswith("comp-for-loop")]
    assert sorted(name for tasks in loops for name in tasks) == [
        f"generate-rationales{number}" for number in ("", "-5", "-7")
    ]


def test_no_loop_takes_another_steps_parameter(compilations):
    """kfp's local runner would hand the loop's item on in its place."""
    steps = compilations["retrain"][1]["root"]["dag"]["tasks"]
    loops = [task for name, task in steps.items() if name.startswith("for-loop")]
    inputs = [source for loop in loops for source in loop["inputs"]["parameters"].values()]
    assert len(loops) == 3 and not [source for source in inputs if "taskOutputParameter" in source]
