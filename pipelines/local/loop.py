"""The loop of a laptop run: judgements, `retrain`, servers, shoppers, `experiment` until it decides, summary."""

import json
import os
import shutil
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from components import storage
from components.experiment.calibration import describe_history
from components.judgements.click_rows import OPTION
from components.judgements.click_source import OFF
from components.release_store import read_state
from components.step_result import StepResult
from pipelines.local import sources
from pipelines.local.disk_use import link_equal_files, vacuum
from pipelines.local.environment import MODELS
from pipelines.local.followed_process import follow_process
from pipelines.local.kfp_output import KfpRunMonitor, Task, remove_unused_runs
from pipelines.local.log_uploads import wait_for_uploads
from pipelines.local.processes import Laptop
from pipelines.local.progress import Steps
from pipelines.local.resource_usage import ResourceUsage
from pipelines.profile import Profile
from pipelines.report.evidence import collect_evidence
from pipelines.report.report import write_report

PAGE_SECONDS = 20.0
FINAL_DECISIONS = ("promote", "roll back", "inconclusive", "none")


class Loop:
    """One run: its parts, and what it has done so far."""

    def __init__(self, laptop: Laptop, profile: Profile, console: Console, unjudged_path: Path | None = None):
        self.laptop = laptop
        self.profile = profile
        self.console = console
        self.unjudged_path = unjudged_path
        self.folder = laptop.logs.parent
        self.steps = Steps(console, self.refresh_page, profile.name)
        self.last_page_time = 0.0
        self.usage = ResourceUsage()
        self.truth: Path | None = None  # of the embedded marketplace
        self.summary: dict = {"profile": profile.name, "began": sources.now().isoformat(), "experiment": []}

    def run(self, judgements: Path | None, columns: str, audit: Path | None = None) -> None:
        """Run to the end. summary.json and the report are written even when a step fails."""
        try:
            tasks = self.retrain(judgements, columns, audit)
            self.experiment(tasks)
            self.summary |= {"state": read_state().to_json(), "calibration": describe_history()}
        except (ValueError, RuntimeError, OSError, KeyboardInterrupt) as error:
            self.steps.drop_line()
            self.summary["sentence"] = f"Stopped: {str(error) or 'by a person'}"
            raise
        finally:
            self.laptop.stop_servers()
            self.write_summary()
        remove_unused_runs(self.laptop.home / "kfp", tasks)
        shutil.rmtree(self.laptop.home / MODELS, ignore_errors=True)
        self.free_disk()
        self.console.print()
        self.console.print(self.steps.table())
        self.console.print(f"\n{self.summary['sentence']}")
        self.console.print(f"report: {self.folder / 'report.html'}")

    def free_disk(self) -> None:
        """Give back what was removed from S3, and keep a package's copies as one."""
        link_equal_files(self.laptop.home / "kfp", self.laptop.home / "packages")
        if self.laptop.s3 and (trouble := vacuum(self.laptop.s3)):
            self.console.print(trouble)

    def retrain(self, judgements: Path | None, columns: str, audit: Path | None) -> dict[str, Task]:
        """Start S3, publish the judgements and run the pipeline `retrain`."""
        self.console.print(f"[bold]retrain[/bold]  profile {self.profile.name}")
        self.laptop.start_s3()
        os.environ.update(self.laptop.environment)  # this process speaks to the same S3
        storage.ensure_bucket()
        if judgements is None:
            folder = sources.generate_marketplace(self.profile.marketplace, self.laptop.home)
            judgements = folder / "judgements.parquet"
            self.truth = folder / "truth.parquet"
        source = sources.publish_file(judgements, "--judgements")
        unjudged_source = sources.publish_file(self.unjudged_path, "--unjudged") if self.unjudged_path else ""
        audit_name = sources.publish_audit(audit) if audit else ""
        inputs = {"source": source, "columns": columns, "audited": audit_name, "unjudged": unjudged_source}
        if (clicks := self.profile.click_judgements) not in OFF:
            inputs["click_judgements"] = sources.publish_file(Path(clicks), OPTION)
        tasks = self.run_pipeline("retrain", self.retrain_arguments(inputs, sources.read_publication_time(source)))
        shutil.copy(tasks["audit-labels"].artifacts["sample"], self.folder / "audit.csv")
        self.summary["retrain"] = {name: task.facts for name, task in tasks.items()}
        self.summary |= collect_evidence(tasks)
        self.summary["seconds_to_end_of_retrain"] = self.usage.read()
        return tasks

    def retrain_arguments(self, inputs: dict, publication_time: datetime) -> dict:
        """Return the pipeline's arguments: the profile's, the inputs, and the times that follow from them."""
        is_first_night = read_state().stable is None
        return {
            **self.profile.parameters,
            **inputs,
            "as_of": sources.choose_features_time(publication_time).isoformat(),
            "prepare_config": replace(self.profile.prepare, as_of=publication_time.isoformat()).to_json(),
            "baseline_name": self.profile.first_baseline_name if is_first_night else "the version that serves",
        }

    def experiment(self, tasks: dict[str, Task]) -> None:
        """Serve, send shoppers, and look at the experiment until it is decided."""
        gate = tasks["gate-candidate"].facts
        if "start-canary" in tasks and not tasks["start-canary"].output:
            self.summary["decision"] = gate["verdict"]
            self.summary["sentence"] = f"No experiment: {tasks['start-canary'].facts['reason']}"
            return
        self.console.print("[bold]experiment[/bold]")
        self.laptop.start_gateway(tasks["build-features"].artifacts["features"])
        self.reconcile()
        self.send_shoppers("pre-period", tasks)
        if "start-canary" in tasks:
            self.look_until_decided(tasks)
            return
        self.summary["decision"] = gate["verdict"]
        self.summary["sentence"] = f"The gate said {gate['verdict']}: {gate['reasons'][0]}. A/A traffic was sent."

    def look_until_decided(self, tasks: dict[str, Task]) -> None:
        """Run the pipeline `experiment` and send shoppers, in turn."""
        plan = self.profile.plan
        for look in range(1, plan.most_looks + 1):
            look_tasks = self.run_pipeline("experiment", {"plan": plan.to_json(), "now": sources.now().isoformat()})
            decision = look_tasks["decide-experiment"]
            self.summary["experiment"].append({name: task.facts for name, task in look_tasks.items()})
            if decision.output in FINAL_DECISIONS:
                break
            self.send_shoppers(f"look {look}", tasks)
        self.summary["decision"] = decision.output
        self.summary["sentence"] = decision.facts["headline"]

    def run_pipeline(self, name: str, arguments: dict) -> dict[str, Task]:
        """Run a pipeline in its own process, while the servers follow the state."""
        root = self.laptop.home / "kfp"
        root.mkdir(parents=True, exist_ok=True)
        file = self.laptop.logs / f"{name}.json"
        file.write_text(json.dumps(arguments, indent=1))
        process = self.laptop.start_pipeline(name, [name, str(root), str(file)])
        try:
            return KfpRunMonitor(process, name, root, self.laptop.logs, self.steps).wait(self.reconcile)
        finally:
            self.laptop.stop(name)

    def reconcile(self) -> None:
        """Run the servers that the desired state names, once there is a gateway."""
        if "gateway" in self.laptop.processes:
            self.laptop.reconcile(read_state(), self.laptop.fetch_package)

    def send_shoppers(self, phase: str, tasks: dict[str, Task]) -> None:
        """Send simulated shoppers through the gateway."""
        self.steps.start(f"shoppers, {phase}")
        traffic = self.profile.traffic
        phases = self.summary.setdefault("shoppers", {})
        options = {
            "judgements": tasks["prepare-judgements"].artifacts["judgements"],
            "phase": phase,
            "gateway": self.laptop.url("internal"),
            "outcomes": self.laptop.url("outcomes"),
            "users": traffic.users,
            "requests-per-user": traffic.requests_per_user,
            "seed": traffic.seed,
            "regulars": traffic.users // 2,
            "first-user": (1 + len(phases)) * (traffic.users // 2),
        }
        options |= {"truth": self.truth} if self.truth else {}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        command = [sys.executable, "-m", "simulation.shoppers", *arguments]
        counts = follow_process(self.laptop, "shoppers", command, self.steps)
        wait_for_uploads(map(self.laptop.url, ("outcomes", *self.laptop.serving)))
        headline = f"{counts['clicks']:,} clicks, {counts['orders']:,} orders"
        answers = counts["requests"] - counts["failed"]
        self.steps.finish(StepResult(counts["requests"], answers, counts["failed"], headline, counts).to_dict())
        phases[phase] = counts

    def refresh_page(self) -> None:
        """Write the page again, at most once in PAGE_SECONDS, because it takes a second."""
        if time.monotonic() - self.last_page_time > PAGE_SECONDS:
            self.last_page_time = time.monotonic()
            self.write_summary()

    def write_summary(self) -> None:
        """Write summary.json and report.html with what is known so far."""
        running = self.steps.running
        self.summary |= {"cost": self.usage.read(), "steps": [step.to_dict() for step in self.steps.finished_steps]}
        self.summary["running"] = running.title if running else ""
        (self.folder / "summary.json").write_text(json.dumps(self.summary, indent=1, default=str))
        write_report(self.summary, self.folder / "report.html")
