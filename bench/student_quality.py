"""How good each fast path is beside the cross-encoder in full precision: of the students that the ablation trained."""

import json
from pathlib import Path

import numpy as np

from bench.ablation import counted
from bench.ablation_rows import LATE_TITLE, LRKD
from components.teacher.compare import CompareConfig, interval, macro_f1

SEEDS = 3


def of_rows(folder: Path) -> dict:
    """Macro-F1 on ESCI's valid split, mean over seeds; and each path's paired difference to the cross-encoder.

    Empty where the ablation has not trained both students yet.
    """
    full, late = folder / f"esci: {LRKD}", folder / f"esci: {LATE_TITLE}"
    seeds = [seed for seed in range(SEEDS) if all((row / f"{seed}.json").exists() for row in (full, late))]
    if not seeds:
        return {"quality": "not measured: run `make ablation` first"}
    full, late = ([json.loads((row / f"{seed}.json").read_text()) for seed in seeds] for row in (full, late))
    paths = {
        "fp32": counted(full, "predicted_fp32"),
        "int8": counted(full, "predicted_int8"),
        "precomputed": counted(late, "predicted_fp32"),
        "precomputed_int8": counted(late, "predicted_int8"),
    }
    served = "precomputed_int8" if all("int8" in one["served"] for one in late) else "precomputed"
    found: dict = {"quality_seeds": len(seeds), "quality_served": served}
    for name, confusion in paths.items():
        found[f"macro_f1_{name}"] = interval(confusion, over_seeds, CompareConfig())["estimate"]
        if name != "fp32":
            said = interval(confusion, over_seeds, CompareConfig(), paths["fp32"])
            found |= {f"macro_f1_{name}_less_fp32": said["estimate"]}
            found |= {f"macro_f1_{name}_less_fp32_{end}": said[end] for end in ("low", "high")}
    return found | {"macro_f1_served": found[f"macro_f1_{served}"]}


def over_seeds(confusion: np.ndarray) -> np.ndarray:
    """Macro-F1, mean over the seeds."""
    return macro_f1(confusion).mean(-1)
