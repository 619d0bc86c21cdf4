"""What a person sees while a run goes on: one live line a step, then one finished line a step, then the table."""

import re
import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

COUNTS = ("rows_in", "rows_out", "quarantined")
PROGRESS = re.compile(r"::progress (\d+) (\d+) (.+)")


@dataclass
class Step:
    """One finished or running step: its title, seconds, and what it said of itself."""

    title: str
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    cached: bool = False
    facts: dict = field(default_factory=dict)


class Steps:
    """Shows steps as they run. On a terminal the running step's line is redrawn in place; elsewhere it is said once."""

    def __init__(self, console: Console | None = None):
        self.console = console or Console(highlight=False)
        self.done: list[Step] = []
        self.running: Step | None = None
        self.live: Live | None = None

    def start(self, title: str) -> None:
        """A step begins; one that was running without an end is dropped."""
        self.running = Step(title)
        if self.console.is_terminal:
            self.live = Live(console=self.console, transient=True, refresh_per_second=4)
            self.live.start()
        self.say("")

    def say(self, detail: str) -> None:
        """What the running step is doing now."""
        if self.live and self.running:
            seconds = time.monotonic() - self.running.began
            line = f"  {self.running.title:<26} {seconds:6.0f} s  {detail}"
            self.live.update(Text(line, no_wrap=True, overflow="ellipsis"))

    def progress(self, done: int, total: int, what: str) -> None:
        """How far the running step is; the rest of the time is an extrapolation."""
        if self.running and done:
            left = (time.monotonic() - self.running.began) * (total - done) / done
            self.say(f"{done:,} of {total:,} {what}, about {left:.0f} s left")

    def finish(self, facts: dict, cached: bool = False) -> None:
        """The running step ended well."""
        self.drop_line()
        step = self.running
        step.seconds, step.facts, step.cached = time.monotonic() - step.began, facts, cached
        self.done.append(step)
        self.running = None
        took = "  stored" if cached else f"{step.seconds:6.0f} s"
        self.console.print(f"  {step.title:<26} {took}  {facts.get('headline', '')}", soft_wrap=True)

    def drop_line(self) -> None:
        """Remove the live line, whatever becomes of the step."""
        if self.live:
            self.live.stop()
            self.live = None

    def table(self) -> Table:
        """Step, seconds, rows in, rows out, set aside, and the figure that matters."""
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("step", "seconds", "rows in", "rows out", "quarantined", "headline"):
            table.add_column(name, justify="left" if name in ("step", "headline") else "right")
        for step in self.done:
            counts = [f"{step.facts[name]:,}" if name in step.facts else "" for name in COUNTS]
            seconds = "stored" if step.cached else f"{step.seconds:.0f}"
            table.add_row(step.title, seconds, *counts, str(step.facts.get("headline", "")))
        return table
