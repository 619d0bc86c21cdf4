"""Quality of each fast path beside a cross-encoder in full precision, from the students that the ablation trained."""

from pathlib import Path

from bench.ablation.results import confusions_by_query, interval_figures, read_answers
from bench.ablation.rows import CROSS_ENCODER, LRKD
from components.metrics import macro_f1

SEEDS = 3


def measure_quality(folder: Path) -> dict:
    """Return macro-F1 on ESCI's valid split of what is served, of int8 and of a cross-encoder.

    Figures are means over seeds. Without a student of the ablation, they say which command is missing.
    """
    answers = list(read_answers(folder / f"esci: {LRKD}", SEEDS).values())
    cross_encoder = list(read_answers(folder / f"esci: {CROSS_ENCODER}", SEEDS).values())
    if not answers:
        return {"quality": "not measured: run `make ablation` first"}
    fp32 = confusions_by_query(answers, "predicted_fp32")
    paths = {"fp32": fp32, "int8": confusions_by_query(answers, "predicted_int8")}
    if len(cross_encoder) >= len(answers):
        paths["cross_encoder"] = confusions_by_query(cross_encoder[: len(answers)], "predicted_fp32")
    serves_int8 = all("int8" in answer["served"] for answer in answers)
    served = "int8" if serves_int8 else "fp32"
    figures: dict = {"quality_seeds": len(answers), "quality_served": served}
    for name, confusion in paths.items():
        macro_f1_name = f"macro_f1_{name}"
        figures[macro_f1_name] = interval_figures(macro_f1_name, confusion, macro_f1)[macro_f1_name]
        if name != "fp32":
            figures |= interval_figures(f"{macro_f1_name}_less_fp32", confusion, macro_f1, fp32)
    return figures | {"macro_f1_served": figures[f"macro_f1_{served}"]}
