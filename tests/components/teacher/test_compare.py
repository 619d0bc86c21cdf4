"""The stages of the teacher on held-out pairs: majority labels, measures, intervals over queries."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from components import contracts
from components.contracts import LABELS
from components.metrics import BootstrapConfig, Interval, accuracy, balanced_accuracy, bootstrap_interval, macro_f1
from components.teacher.compare import compare, confusions, parse_rate, predictions
from testing.rows import rationale

FEW = BootstrapConfig(samples=200)
QUARANTINED = {**dict.fromkeys(contracts.QUARANTINE.names, ""), "query_id": "q1", "item_id": "i9", "label": "Exact"}


def write_stage(folder, rows, quarantined_rows=()):
    folder.mkdir()
    contracts.write_batches(rows, contracts.RATIONALES, folder / "rationales")
    contracts.write_batches(
        [row | {"sample": 0} for row in quarantined_rows], contracts.QUARANTINE, folder / "quarantine"
    )
    return folder / "rationales", folder / "quarantine"


def rows(predicted_label, count=8):
    return [
        rationale(query_id=f"q{n // 2}", item_id=f"i{n}", label="Exact", predicted_label=predicted_label)
        for n in range(count)
    ]


def test_a_pair_takes_the_majority_label(tmp_path):
    votes = [rationale(item_id="i1", predicted_label=label) for label in ("Exact", "Irrelevant", "Irrelevant")]
    labels = predictions(*write_stage(tmp_path / "s", votes, [QUARANTINED]))
    assert labels == {("q1", "i1"): ("Exact", "Irrelevant"), ("q1", "i9"): ("Exact", None)}


def test_measures_are_those_of_the_library():
    draw = np.random.default_rng(0)
    answers = {(f"q{n}", "i"): (LABELS[draw.integers(4)], LABELS[draw.integers(4)]) for n in range(60)}
    labels, predicted_labels = zip(*answers.values(), strict=True)
    whole = confusions(answers).sum(0)
    assert balanced_accuracy(whole) == pytest.approx(balanced_accuracy_score(labels, predicted_labels))
    assert macro_f1(whole) == pytest.approx(f1_score(labels, predicted_labels, average="macro"))


def test_a_broken_form_counts_as_wrong():
    confusion = confusions({("q", "i"): ("Exact", None), ("q", "j"): ("Exact", "Exact")}).sum(0)
    assert (accuracy(confusion), balanced_accuracy(confusion), parse_rate(confusion)) == (0.5, 0.5, 0.5)


def test_right_everywhere_beats_right_nowhere_surely(tmp_path):
    never = write_stage(tmp_path / "never", rows("Substitute"))
    always = write_stage(tmp_path / "always", rows("Exact"))
    evaluation = compare({"before": never, "SFT": always}, FEW)
    assert evaluation.differences == {"SFT less before": Interval(1.0, 1.0, 1.0)}
    assert (evaluation.pairs, evaluation.queries) == (8, 4)


def test_an_interval_holds_its_estimate_and_repeats():
    queries = confusions({(f"q{n // 3}", f"i{n}"): ("Exact", LABELS[n % 2]) for n in range(60)})
    first = bootstrap_interval(queries, accuracy, FEW)
    assert first == bootstrap_interval(queries, accuracy, FEW)
    assert first.low < first.estimate == 0.5 < first.high


def test_one_query_gives_no_interval():
    only = confusions({("q", "i"): ("Exact", "Exact")})
    assert bootstrap_interval(only, accuracy, FEW) == Interval(1.0, None, None)


def test_stages_with_different_pairs_are_not_compared(tmp_path):
    before = write_stage(tmp_path / "before", rows("Exact"))
    sft = write_stage(tmp_path / "sft", rows("Exact", 7))
    with pytest.raises(ValueError, match=r"'before' and 'SFT' were asked different held-out pairs, \('q3', 'i7'\)"):
        compare({"before": before, "SFT": sft}, FEW)
