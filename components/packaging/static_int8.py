"""Static int8 encoders: the range of every product's input is fixed beforehand, on texts as they are served.

A text's answer then does not depend on what shares its batch. NNCF spreads outliers of inputs over the weights
(SmoothQuant, Xiao et al. 2023) and corrects biases. It is an optional dependency, and writes ONNX.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from components.packaging.export import externalize_weights
from components.scoring.packing import packed_rows, text_arrays
from components.scoring.runtime import ITEM, QUERY
from components.scoring.tokenizer import PairTokenizer, item_text

CALIBRATION_PAIRS = 100  # of train queries


def is_installed() -> bool:
    """Return True where NNCF can be imported."""
    return find_spec("nncf") is not None


def calibration_arrays(rows: Sequence[dict], tokenizer: PairTokenizer) -> list[dict[str, np.ndarray]]:
    """Return the arrays of the rows' queries and items, packed as they are served."""
    texts = {
        QUERY: tokenizer.encode_queries(sorted({row["query"] for row in rows})),
        ITEM: tokenizer.encode_items([item_text(row) for row in rows]),
    }
    arrays = []
    for segment, ids in texts.items():
        arrays += [text_arrays(ids, batch, segment) for batch in packed_rows(list(map(len, ids)))]
    return arrays


def quantise_static(graph: Path, calibration: Sequence[dict[str, np.ndarray]]) -> Path:
    """Write the static int8 graph beside the fp32 one and return its path."""
    os.environ["NNCF_CI"] = "1"  # else it sends usage data to Google Analytics, without asking
    import nncf
    import onnx

    out = static_path(graph)
    options = {"model_type": nncf.ModelType.TRANSFORMER, "subset_size": len(calibration)}
    onnx.save(nncf.quantize(onnx.load(graph), nncf.Dataset(calibration), **options), out)
    externalize_weights(out)
    return out


def static_path(graph: Path) -> Path:
    """Return the path of a graph's static int8 version."""
    return graph.with_suffix(".static.onnx")
