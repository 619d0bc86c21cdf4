"""An experiment is held where rows were not recorded."""

from datetime import UTC, datetime, timedelta

import pytest

from components.experiment.figures import LookFigures
from components.experiment.guardrails import ArmSummary
from components.experiment.log_gaps import hold_for_gaps
from components.experiment.verdict import LookVerdict
from components.log_gaps import LogGap

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ARM = ArmSummary(100, 1000, 50, 5, 0, 5, 0, 10.0, 0.0, 0.0, 0.05, 0.05)
FIGURES = LookFigures(
    share=0.5, stage=1, elapsed_s=100.0, looks=1, users={}, rpm_lift=None, arms={"control": ARM, "treatment": ARM}
)


def look(verdict: str) -> LookVerdict:
    return LookVerdict(verdict, "RPM is higher", 1.0, FIGURES)


def gap(exposures: int, hours_ago: float) -> LogGap:
    end = NOW - timedelta(hours=hours_ago)
    return LogGap(end - timedelta(minutes=5), end, {"exposures": exposures}, "the spool is full")


@pytest.mark.parametrize(
    ("verdict", "gaps", "expected"),
    [
        ("promote", [], "promote"),
        ("promote", [gap(2, 2)], "promote"),  # 2 of 2002 are under a thousandth
        ("promote", [gap(3, 2)], "inconclusive"),
        ("promote", [gap(2, 2), gap(1, 3)], "inconclusive"),
        ("promote", [gap(1, 0.5)], "continue"),
        ("ramp", [gap(9, 0.5)], "continue"),
        ("ramp", [gap(9, 2)], "ramp"),
        ("roll back", [gap(900, 0)], "roll back"),
        ("continue", [gap(900, 0)], "continue"),
    ],
)
def test_gaps_hold_what_moves_traffic_up(verdict, gaps, expected):
    assert hold_for_gaps(look(verdict), gaps, NOW).verdict == expected


def test_a_hold_says_what_is_lost():
    result = hold_for_gaps(look("promote"), [gap(1000, 2)], NOW)
    period = "between 2026-01-31 09:55 and 2026-01-31 10:00 UTC"
    loss = f"the logs lack 1,000 of the exposures {period}, when a spool was full"
    assert result.reason == f"{loss}; else it would promote: RPM is higher"
    assert result.next_share == 0.5
