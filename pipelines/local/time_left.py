"""How long a run still takes: what its steps took elsewhere, at the pace of this machine."""

from collections.abc import Iterable, Mapping

# CPU seconds by step on an AMD EPYC (2026-11); a step that each look repeats stands as often as there may be looks
QUICK: Mapping[str, float] = {
    "prepare judgements": 1,
    "build features": 8,
    "write exemplars": 1,
    "start teacher": 85,
    "sample rationales": 60,
    "fine-tune teacher (SFT)": 40,
    "mine preference pairs": 5,
    "optimise teacher (DPO)": 40,
    "write final rationales": 60,
    "embed rationales": 5,
    "distil student (LRKD)": 50,
    "train plain student": 50,
    "baseline package": 35,
    "package candidate": 15,
    "package plain student": 15,
    "judge teacher before tuning": 15,
    "judge teacher after SFT": 15,
    "judge teacher after DPO": 15,
    "shoppers, pre-period": 20,
    "shoppers, look 1": 15,
    "shoppers, look 2": 15,
    "begin look": 3,
    "collect logs": 9,
    "decide experiment": 9,
    "move traffic": 3,
}
EXPECTED: Mapping[str, Mapping[str, float]] = {"quick": QUICK}
CORES = 2
FASTEST = 0.2  # of the pace, of which the first steps tell little
SLOWEST = 20.0
TRUST_SECONDS = 20.0  # of steps that were as fast as expected, which the pace starts with


def seconds_left(profile: str, finished_steps: Iterable[tuple[str, float, bool]]) -> float | None:
    """Return the seconds that a run still takes, or None where that is not known.

    `finished_steps` are titles, seconds, and whether the step came from the cache.
    """
    usual_seconds = EXPECTED.get(profile)
    if usual_seconds is None:
        return None
    titles = set()
    expected_seconds = TRUST_SECONDS
    actual_seconds = TRUST_SECONDS
    for title, seconds, is_from_cache in finished_steps:
        titles.add(title)
        if title in usual_seconds and not is_from_cache:
            expected_seconds += usual_seconds[title] / CORES
            actual_seconds += seconds
    pace = min(SLOWEST, max(FASTEST, actual_seconds / expected_seconds))
    return pace * sum(seconds for title, seconds in usual_seconds.items() if title not in titles) / CORES


def describe_seconds(seconds: float) -> str:
    """Return a duration as a person says it."""
    if seconds < 90:
        return f"{max(10, round(seconds, -1)):.0f} s"
    return f"{seconds / 60:.0f} min"
