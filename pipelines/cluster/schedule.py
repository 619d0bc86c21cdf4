"""Brings a pipeline and its recurring run on a Kubeflow server to what is wanted.

Versions are named by git sha and never change. There is no update of a recurring run in Kubeflow's API: a new one is
created disabled, old ones are deleted, then it is enabled. The cluster deletes the Workflows of a deleted recurring
run, so that one whose run has not ended is disabled, for a later call to delete. Whoever is killed in between calls
again, and the next call finishes it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import kfp_server_api as api
from urllib3.exceptions import HTTPError

from pipelines.cluster.kubeflow_api import KubeflowApi

EXPERIMENT = "broadfast"


@dataclass(frozen=True)
class Schedule:
    """A pipeline's version and the recurring run of it."""

    name: str  # of the pipeline and of its recurring run
    write_package: Callable[[], Path]  # writes the pipeline's IR; called where the version is not there yet
    version: str
    cron: str
    parameters: dict
    service_account: str
    tags: dict[str, str] = field(default_factory=dict)  # of the version, on servers of 2.17 and later

    def digest(self, version_id: str) -> str:
        """Return the digest of all that makes another recurring run."""
        values = [version_id, self.cron, self.parameters, self.service_account]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:12]


class Deployment:
    """Deploys one schedule and remembers what it did."""

    def __init__(self, server: KubeflowApi, schedule: Schedule):
        self.server = server
        self.schedule = schedule
        self.name = schedule.name
        self.changes = 0
        self.stored_account = schedule.service_account

    def run(self) -> Iterator[str]:
        """Do what is missing, and yield a sentence for each thing that is done.

        Raises:
            ConnectionError: the server went away or refused. The next call goes on.
        """
        try:
            for sentence in self._deploy():
                self.changes += 1
                yield sentence
        except api.ApiException as error:
            raise ConnectionError(f"the server answers {error.status} to {self.name}: {_message(error)}") from None
        except (HTTPError, OSError) as error:
            raise ConnectionError(
                f"the server went away while {self.name} was deployed: {error}; run it again"
            ) from None

    @property
    def account_warning(self) -> str:
        """Return a sentence where the server stored another service account, "" where it did not."""
        if self.stored_account == self.schedule.service_account:
            return ""
        account = repr(self.stored_account) if self.stored_account else "the server's default account"
        return (
            f"runs as {account}, not as {self.schedule.service_account!r}: this server ignores the account of a "
            "recurring run, as Kubeflow Pipelines before 2.17 does; after its upgrade, delete the recurring run and "
            "deploy again"
        )

    def _deploy(self) -> Iterator[str]:
        pipeline_id = self.server.find_pipeline(self.name)
        if pipeline_id is None:
            pipeline_id = self.server.create_pipeline(self.name)
            yield f"pipeline {self.name} created"
        version_id = self.server.find_version(pipeline_id, self.schedule.version)
        if version_id is None:
            package = self.schedule.write_package()
            version_id = self.server.upload_version(pipeline_id, self.schedule.version, package, self.schedule.tags)
            yield f"version {self.schedule.version} of {self.name} uploaded"
        yield from self._schedule(pipeline_id, version_id)

    def _schedule(self, pipeline_id: str, version_id: str) -> Iterator[str]:
        experiment_id = self.server.ensure_experiment(EXPERIMENT)
        digest = self.schedule.digest(version_id)
        runs = list(self.server.list_recurring_runs(experiment_id, self.name))
        current = next((run for run in runs if (run.description or "").endswith(f"config={digest}")), None)
        if current:
            run_id = current.recurring_run_id
        else:
            run_id = self.server.create_recurring_run(self._new_run(experiment_id, pipeline_id, version_id))
            yield f"recurring run {self.name} created"
        for run in runs:
            if run.recurring_run_id != run_id:
                yield from self._retire(experiment_id, run)
        if current is None or current.status != "ENABLED":
            self.server.enable_recurring_run(run_id)
            yield f"recurring run {self.name} enabled"
        self.stored_account = self.server.read_service_account(run_id)

    def _retire(self, experiment_id: str, old: api.V2beta1RecurringRun) -> Iterator[str]:
        """Delete an old recurring run, or disable it while its last run goes on.

        Deletion would end that.
        """
        if not self.server.has_unfinished_run(experiment_id, old.recurring_run_id):
            self.server.delete_recurring_run(old.recurring_run_id)
            yield f"old recurring run {self.name} deleted"
        elif old.status == "ENABLED":
            self.server.disable_recurring_run(old.recurring_run_id)
            yield f"old recurring run {self.name} disabled: its last run has not ended, the next deployment deletes it"

    def _new_run(self, experiment_id: str, pipeline_id: str, version_id: str) -> api.V2beta1RecurringRun:
        """Return a recurring run that is disabled, does not catch up, and never overlaps itself."""
        return api.V2beta1RecurringRun(
            display_name=self.name,
            description=f"git={self.schedule.version} config={self.schedule.digest(version_id)}",
            experiment_id=experiment_id,
            mode=api.RecurringRunMode.DISABLE,
            pipeline_version_reference=api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline_id, pipeline_version_id=version_id
            ),
            runtime_config=api.V2beta1RuntimeConfig(parameters=self.schedule.parameters),
            service_account=self.schedule.service_account,
            trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=self.schedule.cron)),
            max_concurrency="1",
            no_catchup=True,
            **self.server.scope,
        )


def _message(error: api.ApiException) -> str:
    """Return the server's own words."""
    try:
        answer = json.loads(error.body)
        return answer.get("error_message") or answer.get("message") or answer.get("error") or error.reason
    except (TypeError, ValueError):
        return str(error.reason)
