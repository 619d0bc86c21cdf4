"""The calls of Kubeflow Pipelines' API that a deployment needs, through its generated client.

The client of `kfp` is not used: it takes seconds to import, finds shared pipelines alone, and creates no recurring run
that is disabled or has a service account.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import kfp_server_api as api

from pipelines.cluster.preflight import Address

TIMEOUT_S = 60
NOT_FOUND = 404
ENDED = ("SUCCEEDED", "SKIPPED", "FAILED", "CANCELED")
NEWEST_RUNS = 200  # looks every quarter of an hour are 96 a day


class KubeflowApi:
    """A server's API, in one namespace ("" on a single-user server)."""

    def __init__(self, address: Address, namespace: str):
        configuration = api.Configuration(host=address.host.rstrip("/"))
        if address.token:
            configuration.api_key = {"authorization": address.token}
            configuration.api_key_prefix = {"authorization": "Bearer"}
        client = api.ApiClient(configuration, cookie=address.cookie or None)
        self.namespace = namespace
        self.scope = {"namespace": namespace} if namespace else {}
        self.pipelines = api.PipelineServiceApi(client)
        self.uploads = api.PipelineUploadServiceApi(client)
        self.experiments = api.ExperimentServiceApi(client)
        self.recurring_runs = api.RecurringRunServiceApi(client)
        self.runs = api.RunServiceApi(client)

    def find_pipeline(self, name: str) -> str | None:
        """Return the id of a pipeline of the namespace, or of a shared one."""
        for scope in (self.scope, {}) if self.scope else ({},):
            answer = self.pipelines.pipeline_service_list_pipelines(
                filter=_name_filter("display_name", name), _request_timeout=TIMEOUT_S, **scope
            )
            if answer.pipelines:
                return answer.pipelines[0].pipeline_id
        return None

    def create_pipeline(self, name: str) -> str:
        """Create an empty pipeline, whose versions we name, and return its id."""
        body = api.V2beta1Pipeline(name=name, display_name=name, **self.scope)
        answer = self.pipelines.pipeline_service_create_pipeline(pipeline=body, _request_timeout=TIMEOUT_S)
        return answer.pipeline_id

    def find_version(self, pipeline_id: str, version: str) -> str | None:
        """Return the id of a version of a pipeline."""
        answer = self.pipelines.pipeline_service_list_pipeline_versions(
            pipeline_id, filter=_name_filter("name", version), _request_timeout=TIMEOUT_S
        )
        return answer.pipeline_versions[0].pipeline_version_id if answer.pipeline_versions else None

    def upload_version(self, pipeline_id: str, name: str, package: Path, tags: Mapping[str, str]) -> str:
        """Upload a pipeline's IR as a version with tags, and return its id.

        Servers before 2.17 ignore the tags.
        """
        names = {"name": name, "pipelineid": pipeline_id, "tags": json.dumps(tags)}
        answer = self.uploads.upload_pipeline_version(str(package), **names, _request_timeout=TIMEOUT_S)
        return answer.pipeline_version_id

    def ensure_experiment(self, name: str) -> str:
        """Return the id of an experiment, creating it where it is not there."""
        answer = self.experiments.experiment_service_list_experiments(
            filter=_name_filter("display_name", name), _request_timeout=TIMEOUT_S, **self.scope
        )
        if answer.experiments:
            return answer.experiments[0].experiment_id
        body = api.V2beta1Experiment(display_name=name, **self.scope)
        answer = self.experiments.experiment_service_create_experiment(experiment=body, _request_timeout=TIMEOUT_S)
        return answer.experiment_id

    def list_recurring_runs(self, experiment_id: str, name: str) -> Iterator[api.V2beta1RecurringRun]:
        """Yield the recurring runs of an experiment that have a name."""
        token = ""
        while True:
            page = self.recurring_runs.recurring_run_service_list_recurring_runs(
                page_token=token, page_size=100, experiment_id=experiment_id, _request_timeout=TIMEOUT_S
            )
            yield from (run for run in page.recurring_runs or [] if run.display_name == name)
            token = page.next_page_token
            if not token:
                return

    def create_recurring_run(self, run: api.V2beta1RecurringRun) -> str:
        """Create a recurring run and return its id."""
        answer = self.recurring_runs.recurring_run_service_create_recurring_run(
            recurring_run=run, _request_timeout=TIMEOUT_S
        )
        return answer.recurring_run_id

    def read_service_account(self, run_id: str) -> str:
        """Return the service account that the server stored, "" for its default."""
        answer = self.recurring_runs.recurring_run_service_get_recurring_run(run_id, _request_timeout=TIMEOUT_S)
        return answer.service_account or ""

    def has_unfinished_run(self, experiment_id: str, recurring_run_id: str) -> bool:
        """Return whether one of a recurring run's runs has not ended.

        The newest of the experiment are asked.
        """
        answer = self.runs.run_service_list_runs(
            experiment_id=experiment_id, page_size=NEWEST_RUNS, sort_by="created_at desc", _request_timeout=TIMEOUT_S
        )
        own_runs = (run for run in answer.runs or [] if run.recurring_run_id == recurring_run_id)
        return any(run.state not in ENDED for run in own_runs)

    def delete_recurring_run(self, run_id: str) -> None:
        """Delete a recurring run, and with it its Workflows.

        One that is gone already is no fault: the client asks again where an answer was lost.
        """
        try:
            self.recurring_runs.recurring_run_service_delete_recurring_run(run_id, _request_timeout=TIMEOUT_S)
        except api.ApiException as error:
            if error.status != NOT_FOUND:
                raise

    def enable_recurring_run(self, run_id: str) -> None:
        """Enable a recurring run."""
        self.recurring_runs.recurring_run_service_enable_recurring_run(run_id, _request_timeout=TIMEOUT_S)

    def disable_recurring_run(self, run_id: str) -> None:
        """Disable a recurring run.

        What it started goes on.
        """
        self.recurring_runs.recurring_run_service_disable_recurring_run(run_id, _request_timeout=TIMEOUT_S)


def _name_filter(key: str, name: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": name}]})
