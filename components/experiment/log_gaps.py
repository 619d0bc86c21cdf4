"""The hold of an experiment on logs with gaps: nobody knows which arm lost more of its rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from components.experiment.verdict import LookVerdict
from components.log_gaps import LogGap

QUIET = timedelta(hours=1)  # without a gap, before traffic moves again
MAXIMUM_LOST_SHARE = 0.001  # of the exposures, for a lift that can be trusted


def hold_for_gaps(result: LookVerdict, gaps: Sequence[LogGap], now: datetime) -> LookVerdict:
    """Return a look that moves no traffic up where rows were lost.

    A promotion is inconclusive where more than MAXIMUM_LOST_SHARE of the exposures are lost. A rollback stands.
    """
    if result.verdict not in ("ramp", "promote") or not gaps:
        return result
    lost_rows = sum(gap.rows.get("exposures", 0) for gap in gaps)
    logged_rows = sum(arm.exposures for arm in result.figures.arms.values())
    logged_rows += result.preference.evidence.used if result.preference else 0
    span = f"between {gaps[0].start:%Y-%m-%d %H:%M} and {max(gap.end for gap in gaps):%Y-%m-%d %H:%M} UTC"
    loss = f"the logs lack {lost_rows:,} of the exposures {span}, when a spool was full"
    if result.verdict == "promote" and lost_rows > MAXIMUM_LOST_SHARE * (lost_rows + logged_rows):
        return _replace_verdict(result, "inconclusive", loss)
    if now - max(gap.end for gap in gaps) < QUIET:
        return _replace_verdict(result, "continue", f"held: {loss}")
    return result


def _replace_verdict(result: LookVerdict, verdict: str, reason: str) -> LookVerdict:
    reason = f"{reason}; else it would {result.verdict}: {result.reason}"
    return replace(result, verdict=verdict, reason=reason, next_share=result.figures.share)
