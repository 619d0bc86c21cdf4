"""The teacher's and the student's training as the report shows them: rationales, perspectives, curves."""

import re

from components import charts
from components.charts import Line

ANSWER = re.compile(r"(?:<\w+> )?(?P<text>.*)\nLabel: (?P<label>\w+)", re.DOTALL)


def list_examples(facts: dict) -> list[dict]:
    """Return pairs with each perspective's text, label and whether it is right, conflicts first."""
    examples = []
    for example in facts.get("examples", []):
        rationales = {name: read_rationale(text, example["label"]) for name, text in example["rationales"].items()}
        verdicts = {rationale["right"] for rationale in rationales.values()}
        examples.append(example | {"rationales": rationales, "conflict": len(verdicts) > 1})
    return sorted(examples, key=lambda example: not example["conflict"])


def read_rationale(text: str, label: str) -> dict:
    """Return a rationale without its tag, its label, and whether that is the judged one."""
    match = ANSWER.fullmatch(text)
    predicted_label = match["label"] if match else ""
    return {"text": match["text"] if match else text, "label": predicted_label, "right": predicted_label == label}


def list_perspectives(facts: dict) -> list[dict]:
    """Return each perspective's number of rationales and share of right ones, sampled and final."""
    stages = {"sampled": facts.get("gather samples", {}), "final": facts.get("gather final rationales", {})}
    names = set()
    for stage in stages.values():
        names |= stage.get("rationales_by_perspective", {}).keys()
    rows = []
    for name in sorted(names):
        row = {"name": name}
        for when, stage in stages.items():
            count = stage.get("rationales_by_perspective", {}).get(name)
            accuracy = stage.get("accuracy_by_perspective", {}).get(name)
            row[when] = {"count": count, "accuracy": accuracy}
        rows.append(row)
    return rows


def list_curves(facts: dict) -> list[dict]:
    """Return the training curves with titles and notes, without a chart where not reached."""
    return [
        loss_curve("Cold start: loss", facts.get("start teacher", {})),
        loss_curve("SFT: loss", facts.get("fine-tune teacher (SFT)", {})),
        loss_curve("DPO: loss", facts.get("optimise teacher (DPO)", {})),
        margin_curve(facts.get("optimise teacher (DPO)", {})),
        student_curve(facts, "cross_entropy", "Student: cross-entropy", "Both students see the same batches."),
        student_curve(
            facts,
            "alignment",
            "Student: distance from the rationales",
            "Only LRKD is trained to lower it. Batches without any rationale are left out.",
        ),
    ]


def loss_curve(title: str, facts: dict) -> dict:
    """Return one stage's loss by step."""
    line = Line.from_entries("loss", "candidate", facts.get("curve", []), "loss")
    return {"title": title, "note": "", "chart": charts.line_chart([line])}


def margin_curve(facts: dict) -> dict:
    """Return DPO's reward margin by step."""
    line = Line.from_entries("margin", "candidate", facts.get("curve", []), "rewards/margins")
    note = "Chosen less rejected: above zero, the teacher prefers the right rationale."
    return {"title": "DPO: reward margin", "note": note, "chart": charts.line_chart([line], zero=True)}


def student_curve(facts: dict, key: str, title: str, note: str) -> dict:
    """Return one term of the loss of both students by step."""
    students = {"LRKD": ("candidate", "distil student (LRKD)"), "plain": ("plain", "train plain student")}
    lines = []
    for name, (colour, step) in students.items():
        history = facts.get(step, {}).get("history", [])
        lines.append(Line.from_entries(name, colour, history, key, zeros=key != "alignment"))
    return {"title": title, "note": note, "chart": charts.line_chart(lines)}
