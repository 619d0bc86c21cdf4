"""How long a run still takes: what its steps took elsewhere, at the pace of this machine."""

from collections.abc import Iterable, Mapping

# CPU seconds by step on an AMD EPYC (2026-11). A step that each look repeats stands as often as there are looks until
# interleaved pages have seen all users of the plan: an A/B test after them is not foreseen
QUICK: Mapping[str, float] = {
    "prepare judgements": 1,
    "build features": 6,
    "write exemplars": 1,
    "start teacher": 83,
    "sample rationales": 57,
    "fine-tune teacher (SFT)": 46,
    "mine preference pairs": 1,
    "optimise teacher (DPO)": 32,
    "write final rationales": 57,
    "embed rationales": 2,
    "distil student (LRKD)": 87,
    "train plain student": 95,
    "baseline package": 41,
    "package LRKD student": 22,
    "package plain student": 23,
    "judge teacher before tuning": 17,
    "judge teacher after SFT": 20,
    "judge teacher after DPO": 19,
    "shoppers, pre-period": 20,
    "shoppers, look 1": 18,
    "shoppers, look 2": 18,
    "shoppers, look 3": 18,
    "begin look": 2,
    "collect logs": 10,
    "decide experiment": 7,
    "move traffic": 2,
}
EXPECTED: Mapping[str, Mapping[str, float]] = {"quick": QUICK}
CORES = 2
FASTEST = 0.2  # of the pace, of which the first steps tell little
SLOWEST = 20.0
TRUST_SECONDS = 20.0  # of steps that were as fast as expected, which the pace starts with


def seconds_left(profile: str, finished_steps: Iterable[tuple[str, float, bool]]) -> float | None:
    """Return the seconds that a run still takes, or None where that is not known.

    `finished_steps` are titles, seconds, and whether the step took no work: it was stored, or had nothing to do.
    """
    usual_seconds = EXPECTED.get(profile)
    if usual_seconds is None:
        return None
    titles = set()
    expected_seconds = TRUST_SECONDS
    actual_seconds = TRUST_SECONDS
    for title, seconds, took_no_work in finished_steps:
        titles.add(title)
        if title in usual_seconds and not took_no_work:
            expected_seconds += usual_seconds[title] / CORES
            actual_seconds += seconds
    pace = min(SLOWEST, max(FASTEST, actual_seconds / expected_seconds))
    return pace * sum(seconds for title, seconds in usual_seconds.items() if title not in titles) / CORES


def describe_seconds(seconds: float) -> str:
    """Return a duration as a person says it."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min"
