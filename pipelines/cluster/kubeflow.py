"""Both pipelines on a Kubeflow server: versions by git sha, recurring runs replaced only where something changed.

There is no update of a recurring run in Kubeflow's API: a new one is created disabled, old ones go, then it is enabled;
whoever is killed in between calls again, and the next call finishes it.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import kfp
import kfp_server_api as server
from urllib3.exceptions import HTTPError

from pipelines.cluster.preflight import Address

EXPERIMENT = "broadfast"


@dataclass(frozen=True)
class Recurring:
    """A recurring run as it is wanted."""

    name: str  # and its pipeline's
    package: Callable[[], Path]  # writes the pipeline's IR, where its version is not there yet
    version: str
    cron: str
    parameters: dict
    service_account: str


def connect(address: Address) -> kfp.Client:
    """The client of a server that `preflight.check` found to let us in."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This client only works with Kubeflow Pipeline v2", FutureWarning)
        return kfp.Client(
            host=address.host,
            namespace=address.namespace,
            existing_token=address.token or None,
            cookies=address.cookie or None,
        )


def deploy(client: kfp.Client, wanted: Recurring, namespace: str) -> Iterator[str]:
    """Bring one pipeline and its recurring run to what is wanted; each thing that is done, nothing where all is so.

    Raises:
        ConnectionError: the server went away or refused; the next call goes on.
    """
    try:
        yield from _deployed(client, wanted, namespace)
    except server.ApiException as error:
        raise ConnectionError(f"the server answers {error.status} to {wanted.name}: {_sentence(error)}") from None
    except (HTTPError, OSError) as error:
        raise ConnectionError(f"the server went away while {wanted.name} was deployed: {error}; run it again") from None


def _deployed(client: kfp.Client, wanted: Recurring, namespace: str) -> Iterator[str]:
    pipeline_id = client.get_pipeline_id(wanted.name)
    if pipeline_id is None:
        pipeline_id = _create_pipeline(client, wanted.name, namespace)
        yield f"pipeline {wanted.name} created"
    version_id = _version_id(client, pipeline_id, wanted.version)
    if version_id is None:
        uploaded = client.upload_pipeline_version(
            str(wanted.package()), pipeline_version_name=wanted.version, pipeline_id=pipeline_id
        )
        version_id = uploaded.pipeline_version_id
        yield f"version {wanted.version} of {wanted.name} uploaded"
    experiment_id = client.create_experiment(EXPERIMENT, namespace=namespace).experiment_id  # or the one that is there
    reference = server.V2beta1PipelineVersionReference(pipeline_id=pipeline_id, pipeline_version_id=version_id)
    yield from _scheduled(client, wanted, (experiment_id, reference), namespace)


def _scheduled(client: kfp.Client, wanted: Recurring, place: tuple, namespace: str) -> Iterator[str]:
    experiment_id, reference = place
    told = [reference.pipeline_version_id, wanted.cron, wanted.parameters, wanted.service_account]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]
    there = [run for run in _recurring(client, experiment_id, namespace) if run.display_name == wanted.name]
    same = next((run for run in there if (run.description or "").endswith(f"config={digest}")), None)
    kept = same or _create_disabled(client, wanted, digest, place, namespace)
    if not same:
        yield f"recurring run {wanted.name} created"
    for run in there:
        if run.recurring_run_id != kept.recurring_run_id:
            client.delete_recurring_run(run.recurring_run_id)
            yield f"old recurring run {wanted.name} deleted"
    if same is None or same.status != "ENABLED":
        client.enable_recurring_run(kept.recurring_run_id)
        yield f"recurring run {wanted.name} enabled"


def _create_pipeline(client: kfp.Client, name: str, namespace: str) -> str:
    """An empty pipeline, so that each of its versions is named by us."""
    body = server.V2beta1Pipeline(name=name, display_name=name, namespace=namespace)
    return client._pipelines_api.pipeline_service_create_pipeline(pipeline=body).pipeline_id


def _version_id(client: kfp.Client, pipeline_id: str, version: str) -> str | None:
    predicate = {"operation": "EQUALS", "key": "name", "stringValue": version}
    found = client.list_pipeline_versions(pipeline_id, filter=json.dumps({"predicates": [predicate]})).pipeline_versions
    return found[0].pipeline_version_id if found else None


def _recurring(client: kfp.Client, experiment_id: str, namespace: str) -> Iterator[server.V2beta1RecurringRun]:
    token = ""
    while True:
        page = client.list_recurring_runs(token, page_size=100, experiment_id=experiment_id, namespace=namespace)
        yield from page.recurring_runs or []
        token = page.next_page_token
        if not token:
            return


def _create_disabled(client: kfp.Client, wanted: Recurring, digest: str, place: tuple, namespace: str):
    """The client's own call cannot create one disabled, nor with a service account."""
    experiment_id, reference = place
    body = server.V2beta1RecurringRun(
        display_name=wanted.name,
        description=f"git={wanted.version} config={digest}",
        experiment_id=experiment_id,
        namespace=namespace,
        mode=server.RecurringRunMode.DISABLE,
        pipeline_version_reference=reference,
        runtime_config=server.V2beta1RuntimeConfig(parameters=wanted.parameters),
        service_account=wanted.service_account,
        trigger=server.V2beta1Trigger(cron_schedule=server.V2beta1CronSchedule(cron=wanted.cron)),
        max_concurrency="1",
        no_catchup=True,
    )
    return client._recurring_run_api.recurring_run_service_create_recurring_run(recurring_run=body)


def _sentence(error: server.ApiException) -> str:
    """The server's own words."""
    try:
        said = json.loads(error.body)
        return said.get("error_message") or said.get("message") or said.get("error") or error.reason
    except (TypeError, ValueError):
        return str(error.reason)
