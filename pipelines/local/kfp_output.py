"""Runs a pipeline in a process of its own and follows what kfp prints: which step runs, how far it is, what it left."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.local.progress import PROGRESS, Steps

ANSI = re.compile(r"\x1b\[[0-9;]*m")
BEGAN = re.compile(r"Executing task '([^']+)'")
STORED = re.compile(r"Task (\S+) cache hit \(key=([0-9a-f]+)\)")
ENDED = re.compile(r"Task '([^']+)' finished with status (\w+)")


@dataclass
class Task:
    """One step of a pipeline run: where its artifacts lie, and what it returned."""

    name: str
    cached: bool
    artifacts: dict[str, Path] = field(default_factory=dict)
    output: object = None

    @property
    def facts(self) -> dict:
        """What the step recorded of itself."""
        return json.loads(self.artifacts["facts"].read_text())


class Watched:
    """A running pipeline: reads its output, keeps a log a step, and shows the steps."""

    def __init__(self, process: subprocess.Popen, name: str, root: Path, logs: Path, steps: Steps):
        self.process, self.name, self.root, self.logs, self.steps = process, name, root, logs, steps
        self.tasks: dict[str, Task] = {}
        self.failed: str | None = None
        self.words = ""
        self.tail: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)

    def wait(self, tick: Callable[[], None] = lambda: None) -> dict[str, Task]:
        """Follow the run to its end, calling `tick` now and then; the tasks by name.

        Raises:
            RuntimeError: a step failed; the sentence names it, its last words and its log.
        """
        self.reader.start()
        while self.process.poll() is None and not self.failed:
            tick()
            time.sleep(0.2)
        if not self.failed:
            self.reader.join()
        self.steps.drop_line()
        if self.failed or self.process.returncode:
            step = self.failed or "kfp"
            log = self.logs / f"{self.name}-{step}.log"
            raise RuntimeError(f"the step {step} failed: {self.words or self.last_words()}\nits log: {log}")
        return self.tasks

    def last_words(self) -> str:
        """The line that says why: the last that names an error, or the last at all."""
        named = [line for line in self.tail if re.match(r"[\w.]*(Error|Exception|Exit)\b", line)]
        return (named or self.tail or ["no output"])[-1]

    def read(self) -> None:
        """Split the output into one log a step, and act on the lines that matter."""
        step = "kfp"
        for raw in self.process.stdout:
            if self.failed:  # kfp goes on with what does not depend on the failed step; here the run stops
                continue
            line = ANSI.sub("", raw).strip()
            if began := BEGAN.search(line):
                step = began[1]
                self.tail = []
                self.steps.start(title(step))
            with open(self.logs / f"{self.name}-{step}.log", "a") as log:
                log.write(ANSI.sub("", raw))
            if line and "finished with status" not in line:
                self.tail = [*self.tail[-40:], line]
            self.act(line)

    def act(self, line: str) -> None:
        """Show progress, take up a stored step, close a finished one."""
        if found := PROGRESS.search(line):
            self.steps.progress(int(found[1]), int(found[2]), found[3])
        elif found := STORED.search(line):
            self.steps.start(title(found[1]))
            self.close(self.stored(found[1], found[2]))
        elif found := ENDED.search(line):
            if found[2] == "SUCCESS":
                self.close(self.finished(found[1]))
            else:
                self.words, self.failed = self.last_words(), found[1]

    def close(self, task: Task) -> None:
        """A step is done: keep it and show its figures."""
        self.tasks[task.name] = task
        self.steps.finish(task.facts, task.cached)

    def finished(self, name: str) -> Task:
        """What a step that ran left in its folder."""
        run = max(self.root.glob(f"{self.name}-*"))
        folder = next(path for path in run.rglob(name) if (path / "executor_output.json").exists())
        said = json.loads((folder / "executor_output.json").read_text())
        artifacts = {path.name: path for path in folder.iterdir() if path.name != "executor_output.json"}
        return Task(name, False, artifacts, said.get("parameterValues", {}).get("Output"))

    def stored(self, name: str, key: str) -> Task:
        """What an earlier run left of a step that kfp took from its cache."""
        entry = json.loads(next((self.root / ".kfp_cache").glob(f"{key}*.json")).read_text())
        uris = {output: value["uri"] for output, value in entry.items() if isinstance(value, dict) and "uri" in value}
        artifacts = {output: Path(uri) for output, uri in uris.items()}
        return Task(name, True, artifacts, entry.get("Output"))


def title(task: str) -> str:
    """A task's name as a person reads it."""
    return TITLES.get(task, task.replace("-", " "))


TITLES = {
    "generate-rationales": "sample rationales",
    "gather-rationales": "gather samples",
    "generate-rationales-2": "judge teacher before tuning",
    "generate-rationales-3": "judge teacher after SFT",
    "generate-rationales-4": "judge teacher after DPO",
    "generate-rationales-5": "write final rationales",
    "gather-rationales-2": "gather final rationales",
    "train-student": "distil student (LRKD)",
    "train-student-2": "train plain student",
    "package-student": "package candidate",
    "package-student-2": "package plain student",
    "predict-split": "score candidate",
    "predict-split-2": "score plain student",
    "predict-split-3": "score baseline",
    "fine-tune": "fine-tune teacher (SFT)",
    "optimise-preferences": "optimise teacher (DPO)",
}
