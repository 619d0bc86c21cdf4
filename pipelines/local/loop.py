"""The loop of a laptop run: judgements, `retrain`, servers, shoppers, `experiment` until it decides, summary."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from components import storage
from components.release import registry
from components.release_state import read_state
from pipelines.local import sources
from pipelines.local.kfp_output import Task, Watched
from pipelines.local.processes import Laptop
from pipelines.local.progress import Steps
from pipelines.local.resource_usage import Meter
from pipelines.profiles import Profile
from pipelines.report.report import write_report

FIRST_BASELINE = "last night's student (plain cross-entropy, half of the train queries)"
ENDED = ("promote", "roll back", "inconclusive", "none")


class Loop:
    """One run: what it is made of, what it has done so far."""

    def __init__(self, laptop: Laptop, profile: Profile, console: Console):
        self.laptop, self.profile, self.console = laptop, profile, console
        self.folder = laptop.logs.parent
        self.steps, self.meter = Steps(console), Meter()
        self.summary: dict = {"profile": profile.name, "began": sources.now().isoformat(), "experiment": []}

    def run(self, judgements: Path | None, columns: str, audit: Path | None = None) -> None:
        """Run to the end; what was done so far is in summary.json even when a step fails."""
        try:
            tasks = self.retrain(judgements, columns, audit)
            self.experiment(tasks)
            self.summary["state"] = read_state().to_json()
        except (ValueError, RuntimeError, OSError, KeyboardInterrupt) as error:
            self.steps.drop_line()
            self.summary["sentence"] = f"Stopped: {str(error) or 'by a person'}"
            raise
        finally:
            self.laptop.stop_servers()
            self.leave_summary()
        tidy(self.laptop.home / "kfp", tasks)
        self.console.print()
        self.console.print(self.steps.table())
        self.console.print(f"\n{self.summary['sentence']}")
        self.console.print(f"report: {self.folder / 'report.html'}")

    def retrain(self, judgements: Path | None, columns: str, audit: Path | None) -> dict[str, Task]:
        """S3, the source, and the pipeline `retrain`."""
        self.console.print(f"[bold]retrain[/bold]  profile {self.profile.name}")
        self.laptop.start_s3()
        os.environ.update(self.laptop.environment)  # this process speaks to the same S3
        storage.ensure_bucket()
        self.truth = None
        if judgements is None:
            folder = sources.marketplace(self.profile.marketplace, self.laptop.home)
            judgements, self.truth = folder / "judgements.parquet", folder / "truth.parquet"
        source = sources.publish(judgements)
        known = {"source": source, "columns": columns, "audited": sources.publish_audit(audit) if audit else ""}
        tasks = self.pipeline("retrain", self.retrain_arguments(known, sources.seen(source)))
        shutil.copy(tasks["audit-labels"].artifacts["sample"], self.folder / "audit.csv")
        self.summary["retrain"] = {name: task.facts for name, task in tasks.items()}
        self.summary["seconds_to_end_of_retrain"] = self.meter.figures()
        return tasks

    def retrain_arguments(self, known: dict, seen: datetime) -> dict:
        """The pipeline's arguments: the profile's, what is known of the judgements, and the times that follow."""
        first_night = read_state().stable is None
        return {
            **self.profile.parameters,
            **known,
            "as_of": sources.features_time(seen).isoformat(),
            "prepare_config": replace(self.profile.prepare, as_of=seen.isoformat()).to_json(),
            "baseline_name": FIRST_BASELINE if first_night else "the version that serves",
        }

    def experiment(self, tasks: dict[str, Task]) -> None:
        """Serve, send shoppers, and let `experiment` look until it has decided; A/A traffic if nothing was released."""
        released = "start-canary" in tasks and bool(tasks["start-canary"].output)
        self.console.print("[bold]experiment[/bold]")
        self.laptop.start_gateway(tasks["build-features"].artifacts["features"])
        self.reconcile()
        self.shoppers("pre-period", tasks)
        if not released:
            verdict = tasks["gate-candidate"].facts
            self.summary["decision"] = verdict["verdict"]
            said = f"The gate said {verdict['verdict']}: {verdict['reasons'][0]}"
            self.summary["sentence"] = f"{said}. A/A traffic was sent."
            return
        plan = self.profile.plan
        for look in range(1, len(plan.shares) + plan.maximum_looks + 1):
            arguments = {"plan": plan.to_json(), "now": sources.now().isoformat()}
            decided = self.pipeline("experiment", arguments)
            facts = decided["decide-experiment"].facts
            self.summary["experiment"].append({name: task.facts for name, task in decided.items()})
            if decided["decide-experiment"].output in ENDED:
                break
            self.shoppers(f"look {look}", tasks)
        self.summary["decision"] = decided["decide-experiment"].output
        self.summary["sentence"] = facts["headline"]

    def pipeline(self, name: str, arguments: dict) -> dict[str, Task]:
        """Run a pipeline by kfp.local in a process of its own, keeping the servers as the state wants them."""
        root = self.laptop.home / "kfp"
        root.mkdir(parents=True, exist_ok=True)
        file = self.laptop.logs / f"{name}.json"
        file.write_text(json.dumps(arguments, indent=1))
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.local.kfp_runner", name, str(root), str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
            env=self.laptop.environment,
        )
        self.laptop.processes[name] = process
        try:
            return Watched(process, name, root, self.laptop.logs, self.steps).wait(self.reconcile)
        finally:
            self.laptop.stop(name)

    def reconcile(self) -> None:
        """Once there is a gateway, run the servers that the desired state names."""
        if "gateway" in self.laptop.processes:
            self.laptop.reconcile(read_state(), self.package)

    def package(self, version: str) -> Path:
        """The folder of a version, fetched from the registry once."""
        folder = self.laptop.home / "packages" / version
        if not folder.exists():
            registry.fetch(version, folder)
        return folder

    def shoppers(self, phase: str, tasks: dict[str, Task]) -> None:
        """Send simulated shoppers through the gateway."""
        self.steps.start(f"shoppers, {phase}")
        judgements = tasks["prepare-judgements"].artifacts["judgements"]
        traffic = self.profile.traffic
        command = [sys.executable, "-m", "simulation.shoppers", f"--judgements={judgements}", f"--phase={phase}"]
        command += [f"--truth={self.truth}"] if self.truth else []
        urls = {name: self.laptop.environment[f"BROADFAST_{name.upper()}_URL"] for name in ("gateway", "outcomes")}
        first = len(self.summary.get("shoppers", {})) * traffic.users // 2  # half of them come again
        options = (
            {name.replace("_", "-"): value for name, value in vars(traffic).items()} | urls | {"first-user": first}
        )
        command += [f"--{name}={value}" for name, value in (options | {"first-user": first}).items()]
        counts = self.laptop.follow("shoppers", command, self.steps)
        asked, failed = counts["requests"], counts["failed"]
        figure = f"{counts['clicks']:,} clicks, {counts['orders']:,} orders"
        facts = {"rows_in": asked, "rows_out": asked - failed, "quarantined": failed, "headline": figure}
        self.steps.finish(facts | counts)
        self.summary.setdefault("shoppers", {})[phase] = counts

    def leave_summary(self) -> None:
        """Write summary.json and report.html with whatever is known."""
        self.summary |= {"cost": self.meter.figures(), "steps": [vars(step) for step in self.steps.done]}
        (self.folder / "summary.json").write_text(json.dumps(self.summary, indent=1, default=str))
        write_report(self.summary, self.folder / "report.html")


def tidy(root: Path, tasks: dict[str, Task]) -> None:
    """Remove the folders of earlier `retrain` runs that no step of this one was taken from: models are large."""
    kept = {path.relative_to(root).parts[0] for task in tasks.values() for path in task.artifacts.values()}
    for folder in root.glob("retrain-*"):
        if folder.name not in kept:
            shutil.rmtree(folder)
