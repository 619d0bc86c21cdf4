"""A version's entry into the release: the first baseline becomes stable, a candidate opens its experiment dark."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from components import package_manifest, storage
from components.release import registry, state_machine
from components.release.gate_verdict import GateVerdict
from components.release.trials import last_trial
from components.release_state import ReleaseState
from components.release_store import read_state, update_state
from components.step_result import StepResult

EXPECTED = "packages-expected/{version}.json"  # the gate's offline answers, for the dark launch to be compared with


@dataclass(frozen=True)
class PackageResult:
    """Whether a package took its place in the release, and why or why not."""

    is_accepted: bool
    version: str
    reason: str

    def to_step_result(self) -> StepResult:
        """Return one package that went through, or was quarantined, and why."""
        details = {"started": self.is_accepted, "version": self.version, "reason": self.reason}
        rows_out = int(self.is_accepted)
        return StepResult(1, rows_out, 1 - rows_out, f"{self.version}: {self.reason}", details)


def register_baseline(package: str | Path) -> PackageResult:
    """Make the baseline, the student of the night before, stable where no version is yet."""
    state = read_state()
    if state.stable:
        return PackageResult(False, state.stable, f"{state.stable} is stable already")
    version = registry.register(package)
    state = update_state(
        lambda state: replace(state, stable=state.stable or version), "baseline registered as stable", version=version
    )
    return PackageResult(True, state.stable, "no version was stable before")


def start_canary(package: str | Path, verdict: GateVerdict, now: datetime | None = None) -> PackageResult:
    """Register a released candidate, and open its experiment dark or let it wait.

    Any other is refused, and so is one that was tried against today's stable version before.
    """
    version = package_manifest.version(package)
    refusal = _refusal(version, verdict, read_state())
    if refusal:
        return PackageResult(False, version, refusal)
    registry.register(package)
    answers = verdict.benchmark.golden_answers if verdict.benchmark else []
    storage.put_json(EXPECTED.format(version=version), answers)
    now = now or datetime.now(UTC)
    state = update_state(
        lambda state: state_machine.release_version(state, version, now),
        "candidate released by the gate",
        version=version,
    )
    running = state.experiment.experiment_id
    if state.candidate != version:
        return PackageResult(True, version, f"waits until {running} is over")
    return PackageResult(True, version, f"experiment {running} runs, dark")


def _refusal(version: str, verdict: GateVerdict, state: ReleaseState) -> str:
    if verdict.verdict != "release":
        return f"the gate says {verdict.verdict}: {'; '.join(verdict.reasons)}"
    if verdict.candidate_version != version:
        return f"the gate's verdict is on {verdict.candidate_version}, the package is {version}"
    if not state.stable:
        return "no version is stable: register the baseline first"
    if state.stable == version:
        return f"{version} is stable already"
    if trial := last_trial(state, version):
        return str(trial)
    return ""
