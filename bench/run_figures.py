"""Write the figures of a finished run: `python -m bench.run_figures runs/latest quick_run`.

They go to bench/results/NAME.json, from where README and docs take them.
"""

import json
import sys
from pathlib import Path

from bench.figures import write_results

NAMES = {"LRKD over plain": "rationales_gain", "LRKD": "lrkd_macro_f1"}
SIDES = {"": "estimate", "_low": "low", "_high": "high"}
LIFT = {"lift_percent": "estimate", "lift_percent_low": "low", "lift_percent_high": "high"}


def main(arguments: list[str]) -> int:
    """Read the run's summary, and write its figures."""
    if len(arguments) != 2 or not Path(arguments[0], "summary.json").exists():
        print("give a finished run's folder and a name, as in: python -m bench.run_figures runs/latest quick_run")
        return 2
    summary = json.loads(Path(arguments[0], "summary.json").read_text())
    if not summary.get("experiment"):
        print(f"the run in {arguments[0]} came to no experiment: {summary['sentence']}")
        return 1
    facts = {step["title"]: step["facts"] for step in summary["steps"]}
    figures = describe_time(summary) | describe_models(summary, facts) | describe_experiment(summary)
    rows = facts["score plain student"]["rows_out"]
    users = figures["users"] or figures.get("interleaved_users", 0)
    measured_on = (
        f"profile {summary['profile']}: the gate's {rows:,} pairs, {users:,} simulated shoppers in the last look"
    )
    print(write_results(arguments[1], figures, measured_on))
    return 0


def describe_time(summary: dict) -> dict:
    """Return minutes to the gate and to the verdict, CPU seconds and memory."""
    cost = summary["cost"]
    to_gate = summary["seconds_to_end_of_retrain"]
    return {
        "minutes_to_gate": round(to_gate["wall_seconds"] / 60, 1),
        "minutes_to_verdict": round(cost["wall_seconds"] / 60, 1),
        "cpu_seconds": round(cost["cpu_seconds"]),
        "peak_memory_gb": cost["peak_memory_gb"],
    }


def describe_models(summary: dict, facts: dict) -> dict:
    """Return which student is the candidate, every model's macro-F1, and gains, with intervals."""
    gate = facts["gate candidate"]
    over_baseline = gate["differences"]["macro_f1"]
    scores = {NAMES.get(name, f"{name}_macro_f1"): interval for name, interval in summary["macro_f1"].items()}
    scores["candidate_over_baseline"] = over_baseline | {"estimate": over_baseline["difference"]}
    figures = {"gate": gate["verdict"], "candidate": facts["choose candidate"]["student"]}
    for name, interval in scores.items():
        figures |= {f"{name}{suffix}": round(interval[side], 4) for suffix, side in SIDES.items()}
    return figures


def describe_experiment(summary: dict) -> dict:
    """Return the decision, the last preference, and the last lift in percent."""
    looks = [look["decide-experiment"]["look"] for look in summary["experiment"]]
    last = next((look["figures"] for look in reversed(looks) if look.get("figures")), {"users": {}})
    lift = last.get("rpm_lift") or {}
    figures = {name: round(100 * lift[side], 2) for name, side in LIFT.items() if side in lift}
    figures |= {"decision": summary["decision"], "looks": len(looks), "users": sum(last["users"].values())}
    preferences = [look["preference"] for look in looks if look.get("preference")]
    return figures | (describe_preference(preferences[-1]) if preferences else {})


def describe_preference(preference: dict) -> dict:
    """Return how many users saw interleaved pages, and the interval of their preference."""
    interval = preference["preference"][preference["credit"]] or {}
    figures = {f"preference{suffix}": round(interval[side], 4) for suffix, side in SIDES.items() if side in interval}
    return figures | {"interleaved_users": preference["users"]["all"], "preference_verdict": preference["verdict"]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
