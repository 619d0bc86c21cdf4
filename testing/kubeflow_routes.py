"""The state of a Kubeflow Pipelines server and what each path of its API (v2beta1) does, in memory, for tests.

It refuses what the real one refuses: unknown namespaces, names that are taken, recurring runs without a trigger or a
concurrency. A multi-user server keeps pipelines by namespace, beside shared ones; a single-user server has no
namespaces, and refuses a recurring run that names one.
"""

import json
import uuid
from dataclasses import dataclass, field

from testing.servers import Refused


@dataclass
class Kubeflow:
    """The server's state, its requests so far, and after how many writes it dies."""

    is_multi_user: bool = True
    token: str = ""
    cookie: str = ""  # of a server behind dex: without it, a page to log in
    namespaces: tuple = ("broadfast",)
    default_account: str = ""  # what a recurring run gets whatever it asks for, as before 2.17; "": what it asks for
    writes_left: int = -1
    dies_after_writing: bool = False  # the write that is one too many is done, and its answer is lost
    experiments: dict = field(default_factory=dict)
    pipelines: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    recurring: dict = field(default_factory=dict)
    runs: list = field(default_factory=list)  # each with its recurring run's id, its state, and has_workflow
    requests: list = field(default_factory=list)


def read(item: dict, key: str):
    return item.get("display_name") if key == "name" else item.get(key)


def check_namespace(state: Kubeflow, namespace: str) -> None:
    if state.is_multi_user and namespace and namespace not in state.namespaces:
        raise Refused(403, f"User is not authorized to list in namespace {namespace}")


def scope(state: Kubeflow, namespace: str) -> str:
    """Return the namespace that the server keeps an object in: a single-user server has none."""
    return namespace if state.is_multi_user else ""


def list_pipelines(handler, state):
    """List the pipelines of one namespace; without a namespace, the shared ones alone."""
    namespace = scope(state, handler.query.get("namespace", ""))
    return page("pipelines", handler.filter(p for p in state.pipelines.values() if p["namespace"] == namespace))


def list_experiments(handler, state):
    namespace = scope(state, handler.query.get("namespace", ""))
    if state.is_multi_user and not namespace:
        raise Refused(400, "Invalid input error: An experiment cannot have an empty namespace in multi-user mode")
    return page("experiments", handler.filter(e for e in state.experiments.values() if e["namespace"] == namespace))


def list_recurring_runs(handler, state):
    experiment_id = handler.query.get("experiment_id", "")
    if state.is_multi_user and not experiment_id and not handler.query.get("namespace"):
        raise Refused(400, "Invalid input error: a job cannot have an empty namespace in multi-user mode")
    runs = [run for run in state.recurring.values() if not experiment_id or run["experiment_id"] == experiment_id]
    return page("recurringRuns", handler.filter(runs))


def list_runs(handler, state):
    experiment_id = handler.query.get("experiment_id", "")
    return page("runs", [run for run in state.runs if not experiment_id or run["experiment_id"] == experiment_id])


def page(kind: str, objects: list) -> dict:
    return {kind: objects, "total_size": len(objects)} if objects else {}


def create_experiment(handler, state):
    experiment = json.loads(handler.body)
    check_namespace(state, experiment.get("namespace", ""))
    experiment["namespace"] = scope(state, experiment.get("namespace", ""))
    experiment["experiment_id"] = str(uuid.uuid4())
    state.experiments[experiment["experiment_id"]] = experiment
    return experiment


def create_pipeline(handler, state):
    pipeline = json.loads(handler.body)
    check_namespace(state, pipeline.get("namespace", ""))
    pipeline["namespace"] = scope(state, pipeline.get("namespace", ""))
    key = (pipeline["namespace"], pipeline["display_name"])
    if any((other["namespace"], other["display_name"]) == key for other in state.pipelines.values()):
        raise Refused(409, f"Already exist error: pipeline {pipeline['display_name']}")
    pipeline["pipeline_id"] = str(uuid.uuid4())
    state.pipelines[pipeline["pipeline_id"]] = pipeline
    return pipeline


def upload_version(handler, state):
    name = handler.query["name"]
    pipeline_id = handler.query["pipelineid"]
    if any((v["pipeline_id"], v["display_name"]) == (pipeline_id, name) for v in state.versions.values()):
        raise Refused(409, f"Already exist error: version {name}")
    version = {"pipeline_id": pipeline_id, "pipeline_version_id": str(uuid.uuid4()), "display_name": name, "name": name}
    if not state.default_account:  # 2.17 and later
        version["tags"] = read_tags(handler.query.get("tags", ""))
    state.versions[version["pipeline_version_id"]] = version | {"pipeline_spec": handler.read_upload()}
    return version


def read_tags(text: str) -> dict:
    tags = json.loads(text or "{}")
    if any("." in key or not key or len(key) > 63 or len(value) > 63 for key, value in tags.items()):
        raise Refused(400, "Invalid input error: a tag's key or value")
    return tags


def list_versions(handler, state, pipeline_id):
    versions = [version for version in state.versions.values() if version["pipeline_id"] == pipeline_id]
    return page("pipeline_versions", handler.filter(versions))


def create_recurring_run(handler, state):
    run = json.loads(handler.body)
    if not run.get("trigger") or not 1 <= int(run.get("max_concurrency") or 0) <= 10:
        raise Refused(400, "Invalid input error: a trigger and a max_concurrency from 1 to 10 are required")
    if run["pipeline_version_reference"]["pipeline_version_id"] not in state.versions:
        raise Refused(404, "ResourceNotFoundError: no such pipeline version")
    experiment = state.experiments[run["experiment_id"]]
    namespace = run.get("namespace", "")
    if namespace != experiment["namespace"]:
        raise Refused(400, f"Experiment belongs to namespace '{experiment['namespace']}' instead of '{namespace}'")
    run["service_account"] = state.default_account or run.get("service_account", "")
    run["recurring_run_id"] = str(uuid.uuid4())
    run["status"] = "ENABLED" if run["mode"] == "ENABLE" else "DISABLED"
    state.recurring[run["recurring_run_id"]] = run
    return run


def get_recurring_run(handler, state, recurring_id):
    return state.recurring[recurring_id]


def delete_recurring_run(handler, state, recurring_id):
    if state.recurring.pop(recurring_id, None) is None:
        raise Refused(404, "ResourceNotFoundError: no such recurring run")
    for run in state.runs:
        run["has_workflow"] &= run["recurring_run_id"] != recurring_id  # the cluster collects what it owned
    return {}


def switch_recurring_run(handler, state, recurring_id, word):
    state.recurring[recurring_id]["status"] = {"enable": "ENABLED", "disable": "DISABLED"}[word]
    return {}


ROUTES = [
    ("GET", "experiments", list_experiments),
    ("POST", "experiments", create_experiment),
    ("GET", "pipelines", list_pipelines),
    ("POST", "pipelines", create_pipeline),
    ("POST", "pipelines/upload_version", upload_version),
    ("GET", "pipelines/([^/]+)/versions", list_versions),
    ("GET", "runs", list_runs),
    ("GET", "recurringruns", list_recurring_runs),
    ("POST", "recurringruns", create_recurring_run),
    ("GET", "recurringruns/([^/:]+)", get_recurring_run),
    ("DELETE", "recurringruns/([^/:]+)", delete_recurring_run),
    ("POST", "recurringruns/([^/:]+):(enable|disable)", switch_recurring_run),
]
