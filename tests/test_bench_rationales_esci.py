"""Pairs that nobody judged, and the figures of ESCI's folds."""

import numpy as np
import pytest

from bench.rationales.esci import COSINE, PLAIN, summarise
from bench.rationales.esci_folds import RETRIEVED, EsciFolds, nearest_unjudged
from components import contracts
from components.contracts import LABELS, UNJUDGED


def judged_row(query, item):
    empty = dict.fromkeys(contracts.JUDGEMENTS.names)
    return empty | {"query_id": query, "query": query, "locale": "us", "item_id": item, "title": item}


def test_nearest_items_are_those_nobody_judged():
    items = [f"item {number}" for number in range(10)]
    vectors = {item: np.array([1 - number / 10, 0.0]) for number, item in enumerate(items)}
    vectors |= {"shoes": np.array([1.0, 0.0]), "socks": np.array([-1.0, 0.0])}
    rows = [judged_row("shoes", items[0])] + [judged_row("socks", item) for item in items]
    pairs = nearest_unjudged(rows, vectors)
    assert [pair["item_id"] for pair in pairs] == items[1 : 1 + RETRIEVED]
    assert {pair["query_id"] for pair in pairs} == {"shoes"}
    assert list(pairs[0]) == UNJUDGED.names


def test_an_ensemble_s_label_weighs_its_probability(tmp_path):
    folds = EsciFolds(tmp_path, tmp_path)
    pairs = nearest_unjudged(
        [judged_row("shoes", "boots"), judged_row("socks", "wool")],
        {name: np.ones(2) for name in ("shoes", "socks", "boots", "wool")},
    )
    contracts.write(pairs, contracts.UNJUDGED, tmp_path / "unjudged-2.parquet")
    chances = np.array([[0.7, 0.1, 0.1, 0.1], [0.2, 0.2, 0.2, 0.4]])
    labels = contracts.read(contracts.TEACHER_LABELS, folds.write_labels(2, chances))
    assert [row["label"] for row in labels] == [LABELS[0], LABELS[3]]
    assert [row["weight"] for row in labels] == pytest.approx([0.7, 0.4])


def test_a_right_student_is_above_a_wrong_cosine():
    queries = ["a"] * 3 + ["b"] * 3
    labels = [0, 1, 3] * 2
    plain = {"queries": queries, "labels": labels, "predicted": labels, "scores": [1.0, 0.1, 0.0] * 2}
    cosine = {"queries": queries, "labels": labels, "predicted": [], "scores": [0.0, 0.1, 1.0] * 2}
    figures = summarise({PLAIN: plain, COSINE: cosine})
    assert (figures["esci_pairs"], figures["esci_queries"]) == (6, 2)
    assert figures["esci_plain_accuracy"] == figures["esci_plain_auc_exact"] == figures["esci_plain_ndcg10"] == 1.0
    assert figures["esci_cosine_auc_exact"] == 0.0
    assert figures["esci_plain_ndcg10_over_cosine"] == pytest.approx(1 - figures["esci_cosine_ndcg10"], abs=1e-3)
