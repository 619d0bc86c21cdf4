"""How good each fast path is beside the cross-encoder in full precision: of the students that the ablation trained."""

from pathlib import Path

import numpy as np

from bench.ablation.measure import answers, counted
from bench.ablation.rows import CROSS_ENCODER, LRKD
from components.metrics import BootstrapConfig, bootstrap_interval, macro_f1

SEEDS = 3


def of_rows(folder: Path) -> dict:
    """Macro-F1 on ESCI's valid split, mean over seeds: of what is served, of int8 beside it, of a cross-encoder.

    Says what is missing where the ablation has not trained a student yet.
    """
    mine, cross = ([*answers(folder / f"esci: {title}", SEEDS).values()] for title in (LRKD, CROSS_ENCODER))
    if not mine:
        return {"quality": "not measured: run `make ablation` first"}
    paths = {"fp32": counted(mine, "predicted_fp32"), "int8": counted(mine, "predicted_int8")}
    if len(cross) >= len(mine):
        paths["cross_encoder"] = counted(cross[: len(mine)], "predicted_fp32")
    served = "int8" if all("int8" in one["served"] for one in mine) else "fp32"
    found: dict = {"quality_seeds": len(mine), "quality_served": served}
    for name, confusion in paths.items():
        found[f"macro_f1_{name}"] = bootstrap_interval(confusion, over_seeds, BootstrapConfig()).estimate
        if name != "fp32":
            said = bootstrap_interval(confusion, over_seeds, BootstrapConfig(), paths["fp32"])
            found |= {f"macro_f1_{name}_less_fp32": said.estimate}
            found |= {f"macro_f1_{name}_less_fp32_low": said.low, f"macro_f1_{name}_less_fp32_high": said.high}
    return found | {"macro_f1_served": found[f"macro_f1_{served}"]}


def over_seeds(confusion: np.ndarray) -> np.ndarray:
    """Macro-F1, mean over the seeds."""
    return macro_f1(confusion).mean(-1)
