"""The report of a run: one self-contained page, from the run's summary; what a run did not reach is said, too."""

import re
from pathlib import Path

from jinja2 import ChainableUndefined, Environment, FileSystemLoader

from components.contracts import LABELS
from pipelines.local.kfp_output import title
from pipelines.report import charts, formats
from pipelines.report.charts import Line

DECISIONS = {
    "promote": "Promoted: the candidate now serves everybody",
    "roll back": "Rolled back: the version from before serves everybody",
    "inconclusive": "No answer: the experiment ended without one, and the version from before serves everybody",
    "ramp": "Under way: the experiment goes on with a larger share",
    "continue": "Under way: the experiment has no answer yet",
    "none": "No experiment is running",
    "hold": "Held: the gate did not let the candidate through",
    "reject": "Rejected: the gate turned the candidate away",
    "release": "Passed the gate, but no experiment was started",
}
NOT_DECIDED = "The run ended before a decision"
ANSWER = re.compile(r"(?:<\w+> )?(?P<text>.*)\nLabel: (?P<label>\w+)", re.DOTALL)
MODELS = (
    ("candidate", "score candidate", "distil student (LRKD)", "package candidate"),
    ("plain", "score plain student", "train plain student", "package plain student"),
    ("baseline", "score baseline", "", "baseline package"),
)
METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "ndcg_at_10": "NDCG@10",
    "calibration_error": "calibration error",
    "auc_exact": "AUC of Exact",
}
LOWER_IS_BETTER = METRICS["calibration_error"]


def write_report(summary: dict, path: Path) -> None:
    """Write the page; every part of the summary may be missing, as after a step that failed."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= formats.FILTERS
    page = environment.get_template("report.html.j2").render(view(summary))
    path.write_text(page, encoding="utf-8", errors="replace")


def view(summary: dict) -> dict:
    """Everything that the template shows."""
    facts = facts_by_title(summary)
    looks = [entry["decide-experiment"]["look"] for entry in summary.get("experiment", [])]
    return {
        "headline": DECISIONS.get(summary.get("decision"), NOT_DECIDED),
        "summary": summary,
        "steps": summary.get("steps", []),
        "facts": facts,
        "examples": {name: examples(facts.get(name, {})) for name in ("gather samples", "gather final rationales")},
        "perspectives": perspectives(facts),
        "curves": curves(facts),
        "models": models(facts),
        "labels": LABELS,
        "lower_is_better": LOWER_IS_BETTER,
        "gate": gate(facts.get("gate candidate", {})),
        "looks": looks,
        "experiment": experiment(looks),
    }


def facts_by_title(summary: dict) -> dict[str, dict]:
    """What each step said, by its title: finished steps are known even where the pipeline did not end."""
    facts = {title(name): said for name, said in summary.get("retrain", {}).items()}
    return facts | {step["title"]: step.get("facts", {}) for step in summary.get("steps", [])}


def examples(said: dict) -> list[dict]:
    """Pairs with each perspective's text, its label and whether that is right; where they disagree comes first."""
    shown = []
    for example in said.get("examples", []):
        rationales = {name: judged(text, example["label"]) for name, text in example["rationales"].items()}
        verdicts = {rationale["right"] for rationale in rationales.values()}
        shown.append(example | {"rationales": rationales, "conflict": len(verdicts) > 1})
    return sorted(shown, key=lambda example: not example["conflict"])


def judged(text: str, label: str) -> dict:
    """A rationale without its tag, the label it ends in, and whether that is the judged one."""
    match = ANSWER.fullmatch(text)
    said = match["label"] if match else ""
    return {"text": match["text"] if match else text, "label": said, "right": said == label}


def perspectives(facts: dict) -> list[dict]:
    """By perspective, how many rationales there are and how many of them are right: sampled, and final."""
    sampled, final = (facts.get(name, {}) for name in ("gather samples", "gather final rationales"))
    names = sampled.get("rationales_by_perspective", {}) | final.get("rationales_by_perspective", {})
    counted = {"count": "rationales_by_perspective", "accuracy": "accuracy_by_perspective"}
    return [
        {"name": name}
        | {
            when: {key: said.get(fact, {}).get(name) for key, fact in counted.items()}
            for when, said in (("sampled", sampled), ("final", final))
        }
        for name in sorted(names)
    ]


def curves(facts: dict) -> list[dict]:
    """The training curves, each with what it shows; without a chart where training was not reached."""
    cold, sft, dpo = (
        facts.get(name, {}).get("curve", [])
        for name in ("start teacher", "fine-tune teacher (SFT)", "optimise teacher (DPO)")
    )
    students = [
        (name, colour, facts.get(step, {}).get("history", []))
        for name, colour, step in (
            ("LRKD", "candidate", "distil student (LRKD)"),
            ("plain", "plain", "train plain student"),
        )
    ]
    entropy = [Line.of(*student, "cross_entropy") for student in students]
    aligned = [Line.of(*student, "alignment", zeros=False) for student in students]
    drawn = [
        ("Cold start: loss", "", charts.lines([Line.of("loss", "candidate", cold, "loss")])),
        ("SFT: loss", "", charts.lines([Line.of("loss", "candidate", sft, "loss")])),
        ("DPO: loss", "", charts.lines([Line.of("loss", "candidate", dpo, "loss")])),
        (
            "DPO: reward margin",
            "Chosen less rejected: above zero, the teacher prefers the right rationale.",
            charts.lines([Line.of("margin", "candidate", dpo, "rewards/margins")], zero=True),
        ),
        ("Student: cross-entropy", "Both students see the same batches.", charts.lines(entropy)),
        (
            "Student: distance from the rationales",
            "Only LRKD is trained to lower it; batches without any rationale are left out.",
            charts.lines(aligned),
        ),
    ]
    return [{"title": name, "note": note, "chart": chart} for name, note, chart in drawn]


def models(facts: dict) -> list[dict]:
    """Candidate, plain and baseline side by side; what the gate measured besides is known of two of them."""
    measured = facts.get("gate candidate", {}).get("metrics", {})
    rows = []
    for name, scored, trained, packaged in MODELS:
        package = facts.get(packaged, {})
        training = facts.get(trained) or package.get("trained", {})
        if score := facts.get(scored):
            rows.append({"name": name} | measured.get(name, {}) | score | {"training": training, "package": package})
    return rows


def gate(said: dict) -> dict:
    """The gate's facts with every difference placed on one scale, in percent of the scale's width."""
    overall = [
        {"slice": "", "value": METRICS[name], "rows": said["rows"]}
        | {model: values[name] for model, values in said["metrics"].items()}
        | found
        for name, found in said.get("differences", {}).items()
    ]
    parts = [*overall, *said.get("slices", [])]
    reach = max((abs(part[side]) for part in parts for side in ("low", "high")), default=0) or 1.0
    return said | {"parts": [placed(part, reach) for part in parts], "reach": reach}


def placed(part: dict, reach: float) -> dict:
    """A difference with its places on the scale, and whether it is surely better or worse."""
    at = {f"{name}_at": 50 + 48 * part[name] / reach for name in ("low", "difference", "high")}
    above = (part["low"] > 0) - (part["high"] < 0)
    sign = -above if not part["slice"] and part["value"] == LOWER_IS_BETTER else above
    return part | at | {"side": ("unclear", "better", "worse")[sign]}


def experiment(looks: list[dict]) -> dict:
    """The last look that has figures, with its interval over time; nothing where no look was taken."""
    seen = [look for look in looks if look.get("figures")]
    if not seen:
        return {}
    return seen[-1] | {"chart": charts.intervals(seen[-1]["figures"].get("over_time", []))}
