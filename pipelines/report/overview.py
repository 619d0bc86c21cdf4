"""The top of the report: the verdict, what to do next, four cards, warnings, and where everything comes from."""

from dataclasses import dataclass

from pipelines.report import formats

HEADLINES = {
    "promote": "Promoted: the candidate now serves everybody",
    "roll back": "Rolled back: the version from before serves everybody",
    "inconclusive": "No answer: the experiment ended without one, and the version from before serves everybody",
    "interleave": "Under way: users see both versions' items on one page",
    "ramp": "Under way: the experiment goes on with a larger share",
    "continue": "Under way: the experiment has no answer yet",
    "none": "No experiment is running",
    "hold": "Held: the gate did not let the candidate through",
    "reject": "Rejected: the gate turned the candidate away",
    "release": "Passed the gate, but no experiment was started",
}
UNDECIDED = "The run ended before a decision"
UNDER_WAY = "Under way: no decision yet"
NEXT_STEPS = {
    "promote": "Nothing to do. The next night's candidate is compared with this one.",
    "roll back": "Read the reason in the experiment section, then the queries that lost most.",
    "inconclusive": "Send more traffic, or a larger effect: make plan-experiment says how many users a lift needs.",
    "interleave": "Wait for the next look.",
    "ramp": "Wait for the next look.",
    "continue": "Wait for the next look.",
    "none": "Start an experiment with make canary, or wait for the next night.",
    "hold": "Read the gate's reasons. More judged queries make its intervals narrower.",
    "reject": "Read the gate's reasons and the queries that lost most.",
    "release": "Change what the candidate learns from, or try it again: by make canary, on a laptop with --home NEW.",
}
RESUME = "Read the log of the step that stopped, then run the same command again: finished steps are kept."
RELOAD = "Reload this page: it fills up as steps end. If the run was killed, the same command continues it."


@dataclass(frozen=True)
class Card:
    """One figure that decides, candidate next to baseline."""

    title: str
    candidate: str
    baseline: str
    note: str = ""


@dataclass(frozen=True)
class Overview:
    """Everything above the folded sections."""

    headline: str
    next_step: str
    cards: list[Card]
    warnings: list[str]


def build_overview(summary: dict, facts: dict, models: dict[str, dict], look: dict) -> Overview:
    """Return the top of the page.

    `models` are the scored models by name, `look` is the last look with figures.
    """
    decision = summary.get("decision")
    has_ended = "sentence" in summary
    return Overview(
        headline=HEADLINES.get(decision, UNDECIDED if has_ended else UNDER_WAY),
        next_step=NEXT_STEPS.get(decision, RESUME if has_ended else RELOAD),
        cards=build_cards(models, facts.get("gate candidate", {}), look),
        warnings=find_warnings(summary, facts, look),
    )


def build_cards(models: dict[str, dict], gate: dict, look: dict) -> list[Card]:
    """Return the four cards: NDCG@10, macro-F1, revenue or what users prefer, p99 latency."""
    return [
        quality_card("NDCG@10", "ndcg_at_10", models, gate),
        quality_card("macro-F1", "macro_f1", models, gate),
        preference_card(look) or revenue_card(look),
        latency_card(look, models),
    ]


def quality_card(title: str, name: str, models: dict[str, dict], gate: dict) -> Card:
    """Return a card of an offline measure, with its difference's interval if known."""
    difference = gate.get("differences", {}).get(name, {})
    note = ""
    if "difference" in difference:
        interval = f"{formats.with_sign(difference['low'])} to {formats.with_sign(difference['high'])}"
        note = f"{formats.with_sign(difference['difference'])} ({interval})"
    candidate = formats.number(models.get("candidate", {}).get(name))
    baseline = formats.number(models.get("baseline", {}).get(name))
    return Card(title, candidate, baseline, note)


def revenue_card(look: dict) -> Card:
    """Return revenue per thousand exposures of both arms, with the lift's always-valid interval."""
    figures = look.get("figures") or {}
    arms = figures.get("arms") or {}
    lift = figures.get("rpm_lift") or {}
    note = ""
    if lift.get("difference_type") == "absolute":
        note = f"difference {lift['estimate']:+.2f} ({lift['low']:+.2f} to {lift['high']:+.2f})"
    elif "estimate" in lift:
        interval = f"{formats.percent(lift['low'], '+')} to {formats.percent(lift['high'], '+')}"
        note = f"lift {formats.percent(lift['estimate'], '+')} ({interval})"
    candidate = formats.number(arms.get("treatment", {}).get("rpm"), 2)
    baseline = formats.number(arms.get("control", {}).get("rpm"), 2)
    return Card("revenue per 1,000 shown", candidate, baseline, note)


def preference_card(look: dict) -> Card | None:
    """Return how many users prefer either version's items, None in an A/B test."""
    preference = look.get("preference") or {}
    if not preference or (look.get("figures") or {}).get("share"):
        return None
    users = preference["users"]
    interval = preference["preference"][preference["credit"]]
    note = f"of {users['all']:,} users"
    if interval:
        note += (
            f", {preference['credit']} {interval['estimate']:+.3f} ({interval['low']:+.3f} to {interval['high']:+.3f})"
        )
    counts = (f"{users['for_candidate']:,}", f"{users['for_stable']:,}")
    return Card("users who prefer its items", *counts, note)


def latency_card(look: dict, models: dict[str, dict]) -> Card:
    """Return p99 latency of both versions in milliseconds, as their requests logged it."""
    requests = look.get("requests") or {}
    latencies = {
        name: requests.get(models.get(name, {}).get("version", ""), {}).get("latency_p99_ms")
        for name in ("candidate", "baseline")
    }
    return Card("p99 latency, ms", formats.number(latencies["candidate"], 0), formats.number(latencies["baseline"], 0))


def find_warnings(summary: dict, facts: dict, look: dict) -> list[str]:
    """Return one sentence for each thing that a person should look at."""
    warnings = []
    for step in summary.get("steps", []):
        if warning := step.get("facts", {}).get("warning"):
            warnings.append(f"Warning of “{step['title']}”: {warning}")
    warnings += warn_of_teacher(facts.get("qualify teacher", {}))
    warnings += warn_of_plain_student(facts.get("choose candidate", {}))
    for shift in (summary.get("rankings") or {}).get("category_shifts", []):
        places = f"{shift['candidate']} of the top places, {shift['baseline']} before"
        warnings.append(f"What is shown shifts: the category {shift['category']} takes {places}.")
    warnings += warn_of_second_opinion(look.get("preference") or {})
    breaches = ((look.get("figures") or {}).get("guardrails") or {}).get("breaches", [])
    return [*warnings, *(f"Guardrail: {breach}." for breach in breaches)]


def warn_of_teacher(qualification: dict) -> list[str]:
    """Return a warning where the teacher does not qualify, with what follows for the night."""
    if not qualification.get("rationales_refusal"):
        return []
    sentence = qualification["headline"]
    consequence = " No rationale was distilled: the plain student is the candidate." if qualification["refusal"] else ""
    return [f"{sentence[0].upper()}{sentence[1:]}.{consequence}"]


def warn_of_second_opinion(preference: dict) -> list[str]:
    """Return a warning where clicks weighed by ranks speak against what the votes say."""
    if (preference.get("second_opinion") or {}).get("compared") != "disagrees":
        return []
    interval = preference["second_opinion"]["interval"]
    bounds = f"{interval['estimate']:+.3f} ({interval['low']:+.3f} to {interval['high']:+.3f})"
    return [f"Clicks weighed by ranks say the opposite of “{preference['verdict']}”: {bounds}. Look at its queries."]


def warn_of_plain_student(choice: dict) -> list[str]:
    """Return a warning where both students were trained and the plain one was no worse."""
    if choice.get("student") != "plain" or not choice.get("differences"):
        return []
    return [f"{choice['sentence']}."]
