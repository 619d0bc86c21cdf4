"""What a person sees during a run: a live line for the running step, a line for each finished one, then the table."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipelines.local.time_left import describe_seconds, seconds_left

COUNTS = ("rows_in", "rows_out", "quarantined")
PROGRESS = re.compile(r"::progress (\d+) (\d+) (.+)")


@dataclass
class Step:
    """One running or finished step: its title, seconds and recorded result."""

    title: str
    start: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    cpu_seconds: float = 0.0  # of a step that was a fork
    memory_gb: float = 0.0  # at its highest
    is_from_cache: bool = False
    facts: dict = field(default_factory=dict)
    log: str = ""  # relative to the run's folder

    @property
    def took_no_work(self) -> bool:
        """Return True where its result was stored, or it had nothing to do."""
        return self.is_from_cache or "absent" in self.facts

    def to_dict(self) -> dict:
        """Return the step as summary.json has it."""
        return {
            "title": self.title,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "memory_gb": self.memory_gb,
            "cached": self.is_from_cache,
            "facts": self.facts,
            "log": self.log,
        }


class Steps:
    """Shows steps as they run. A terminal redraws the running step's line in place."""

    def __init__(self, console: Console | None = None, on_change: Callable[[], None] = lambda: None, profile: str = ""):
        self.console = console or Console(highlight=False)
        self.profile = profile  # whose steps' usual seconds tell how long is left
        self.finished_steps: list[Step] = []
        self.running: Step | None = None
        self.live: Live | None = None
        self.on_change = on_change

    def start(self, title: str, log: str = "") -> None:
        """Begin a step. A running step that did not finish is dropped."""
        self.running = Step(title, log=log)
        if self.console.is_terminal:
            self.live = Live(console=self.console, transient=True, refresh_per_second=4)
            self.live.start()
        self.show("")
        self.on_change()

    def show(self, detail: str) -> None:
        """Show what the running step does now."""
        if self.live and self.running:
            seconds = time.monotonic() - self.running.start
            line = f"  {self.running.title:<26} {seconds:6.0f} s  {detail}"
            self.live.update(Text(line, no_wrap=True, overflow="ellipsis"))

    def show_progress(self, count: int, total: int, what: str) -> None:
        """Show how far the running step is, and extrapolate the time left."""
        if self.running and count:
            left = (time.monotonic() - self.running.start) * (total - count) / count
            self.show(f"{count:,} of {total:,} {what}, about {left:.0f} s left{self.describe_time_left()}")

    def note_cost(self, cpu_seconds: float, memory_gb: float) -> None:
        """Keep what the running step's process cost."""
        if self.running:
            self.running.cpu_seconds = cpu_seconds
            self.running.memory_gb = memory_gb

    def finish(self, facts: dict, is_from_cache: bool = False) -> None:
        """Close the running step and print its line."""
        self.drop_line()
        step = self.running
        step.seconds = time.monotonic() - step.start
        step.facts = facts
        step.is_from_cache = is_from_cache
        self.finished_steps.append(step)
        self.running = None
        self.on_change()
        duration = "  stored" if is_from_cache else f"{step.seconds:6.0f} s"
        line = f"  {step.title:<26} {duration}  {facts.get('headline', '')}"
        self.console.print(line + self.describe_time_left(), soft_wrap=True)

    def describe_time_left(self) -> str:
        """Return how long the run still takes, where that is known."""
        steps = [(step.title, step.seconds, step.took_no_work) for step in self.finished_steps]
        seconds = seconds_left(self.profile, steps)
        return f"  (about {describe_seconds(seconds)} left)" if seconds else ""

    def drop_line(self) -> None:
        """Remove the live line, whatever becomes of the step."""
        if self.live:
            self.live.stop()
            self.live = None

    def table(self) -> Table:
        """Build the table of all finished steps with their counts and headlines."""
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("step", "seconds", "rows in", "rows out", "quarantined", "headline"):
            table.add_column(name, justify="left" if name in ("step", "headline") else "right")
        for step in self.finished_steps:
            counts = [f"{step.facts[name]:,}" if name in step.facts else "" for name in COUNTS]
            seconds = "stored" if step.is_from_cache else f"{step.seconds:.0f}"
            table.add_row(step.title, seconds, *counts, str(step.facts.get("headline", "")))
        return table
