"""Runs a pipeline in its own process and follows what kfp prints: the running step, its progress, its artifacts."""

import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from pipelines.local.progress import PROGRESS, Steps
from pipelines.local.step_client import ForkedProcess
from pipelines.titles import title

ANSI = re.compile(r"\x1b\[[0-9;]*m")
STEP_START = re.compile(r"Executing task '([^']+)'")
CACHE_HIT = re.compile(r"Task (\S+) cache hit \(key=([0-9a-f]+)\)")
STEP_END = re.compile(r"Task '([^']+)' finished with status (\w+)")
COST = re.compile(r"::cost ([\d.]+) ([\d.]+)")
ERROR_LINE = re.compile(r"[\w.]*(Error|Exception|Exit)\b")
TAIL_LINES = 40


@dataclass
class Task:
    """One step of a pipeline run: its artifacts and its return value."""

    name: str
    is_from_cache: bool
    artifacts: dict[str, Path] = field(default_factory=dict)
    output: object = None

    @property
    def facts(self) -> dict:
        """Read the result that the step recorded."""
        return json.loads(self.artifacts["facts"].read_text())


class KfpRunMonitor:
    """Follows a running pipeline, keeps one log a step, and shows the steps."""

    def __init__(self, process: Popen | ForkedProcess, name: str, root: Path, logs: Path, steps: Steps):
        self.process = process
        self.name = name
        self.root = root
        self.logs = logs
        self.steps = steps
        self.tasks: dict[str, Task] = {}
        self.failed_step: str | None = None
        self.failure = ""  # the line that says why
        self.tail: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)

    def wait(self, tick: Callable[[], None] = lambda: None) -> dict[str, Task]:
        """Follow the run to its end, calling `tick` meanwhile, and return its tasks.

        Raises:
            RuntimeError: a step failed; the message has its name, its last error and its log.
        """
        self.reader.start()
        while self.process.poll() is None and not self.failed_step:
            tick()
            time.sleep(0.2)
        if not self.failed_step:
            self.reader.join()
        self.steps.drop_line()
        if self.failed_step or self.process.returncode:
            step = self.failed_step or "kfp"
            log = self.logs / f"{self.name}-{step}.log"
            raise RuntimeError(f"the step {step} failed: {self.failure or self.find_error_line()}\nits log: {log}")
        return self.tasks

    def find_error_line(self) -> str:
        """Return the last line that names an error, or else the last line."""
        error_lines = [line for line in self.tail if ERROR_LINE.match(line)]
        return (error_lines or self.tail or ["no output"])[-1]

    def read(self) -> None:
        """Split the output into one log a step, and act on the lines that matter."""
        step = "kfp"
        for raw in self.process.stdout:
            if self.failed_step:  # kfp goes on with what does not depend on the failed step; here the run stops
                continue
            line = ANSI.sub("", raw).strip()
            if match := STEP_START.search(line):
                step = match[1]
                self.tail = []
                self.steps.start(title(step), self.log_name(step))
            with open(self.logs / f"{self.name}-{step}.log", "a") as log:
                log.write(ANSI.sub("", raw))
            if line and "finished with status" not in line and not COST.search(line):
                self.tail = [*self.tail[-TAIL_LINES:], line]
            self.act(line)

    def log_name(self, step: str) -> str:
        """Return the step's log, relative to the run's folder."""
        return f"{self.logs.name}/{self.name}-{step}.log"

    def act(self, line: str) -> None:
        """Show progress, take a step from the cache, finish a step, or note its failure."""
        if match := PROGRESS.search(line):
            self.steps.show_progress(int(match[1]), int(match[2]), match[3])
        elif match := COST.search(line):
            self.steps.note_cost(float(match[1]), float(match[2]))
        elif match := CACHE_HIT.search(line):
            self.steps.start(title(match[1]), self.log_name(match[1]))
            self.finish(self.load_from_cache(match[1], match[2]))
        elif match := STEP_END.search(line):
            if match[2] == "SUCCESS":
                self.finish(self.load_from_run(match[1]))
            else:
                self.failure = self.find_error_line()
                self.failed_step = match[1]

    def finish(self, task: Task) -> None:
        """Keep a finished step and show its headline."""
        self.tasks[task.name] = task
        self.steps.finish(task.facts, task.is_from_cache)

    def load_from_run(self, name: str) -> Task:
        """Load what a step of this run left in its folder."""
        run = max(self.root.glob(f"{self.name}-*"))
        folder = next(path for path in run.rglob(name) if (path / "executor_output.json").exists())
        executor_output = json.loads((folder / "executor_output.json").read_text())
        outputs = executor_output.get("artifacts", {})
        artifacts = {output: Path(value["artifacts"][0]["uri"]) for output, value in outputs.items()}
        return Task(name, False, artifacts, executor_output.get("parameterValues", {}).get("Output"))

    def load_from_cache(self, name: str, key: str) -> Task:
        """Load what an earlier run left of a step that kfp took from its cache."""
        entry = json.loads(next((self.root / ".kfp_cache").glob(f"{key}*.json")).read_text())
        artifacts = {
            output: Path(value["uri"]) for output, value in entry.items() if isinstance(value, dict) and "uri" in value
        }
        return Task(name, True, artifacts, entry.get("Output"))


def remove_unused_runs(root: Path, tasks: dict[str, Task]) -> None:
    """Remove earlier `retrain` runs that this run used nothing of."""
    paths = [path for task in tasks.values() for path in task.artifacts.values()]
    used_runs = {path.relative_to(root).parts[0] for path in paths}
    for folder in root.glob("retrain-*"):
        if folder.name not in used_runs:
            shutil.rmtree(folder)
