"""The measurements of known items: a simulated index is a real one, and equal answers lose nothing."""

import json

import numpy as np
import pytest

from bench.student.precision_loss import measure_losses
from bench.student.simulated_index import TOKENS, item_tokens, open_and_look_up, simulate_index
from components.scoring.index_file import IndexFile
from components.scoring.item_index import ItemIndex
from components.scoring.state_precision import FLOAT16, INT4, INT8


@pytest.mark.parametrize("precision", [INT8, INT4])
def test_a_simulated_index_holds_its_items(tmp_path, precision):
    path = simulate_index(tmp_path, 2500, precision)
    index = ItemIndex([IndexFile(path)])
    items = index.lookup([item_tokens(number) for number in (0, 2499, 2500)])
    assert [item is None for item in items] == [False, False, True]
    assert items[0].states.shape == (1, 384) and items[0].vectors.shape == (TOKENS, 64)
    measures = json.loads(open_and_look_up(str(path), 100))
    assert measures["open_seconds"] < 1 and measures["lookup_cpu_ms_50"] > 0


def test_the_loss_is_of_ndcg_and_labels():
    rows = [{"label": "Exact"}, {"label": "Irrelevant"}]
    right = (np.array([1.0, np.nan]), ["Exact", "Irrelevant"])
    wrong = (np.array([0.75, np.nan]), ["Exact", "Exact"])
    figures = measure_losses([{FLOAT16: right, INT8: right, INT4: wrong}], rows)
    assert figures["ndcg_queries"] == 1 and figures["ndcg_float16"] == 1
    assert (figures["ndcg_loss_int8"], figures["label_agreement_int8"]) == (0, 1)
    assert (figures["ndcg_loss_int4"], figures["label_agreement_int4"]) == (0.25, 0.5)
