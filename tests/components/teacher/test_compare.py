"""The stages of the teacher on held-out pairs: what most rationales say, measures, and intervals over queries."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from components import contracts
from components.contracts import LABELS
from components.teacher.compare import (
    CompareConfig,
    accuracy,
    balanced_accuracy,
    compare,
    confusions,
    interval,
    macro_f1,
    parse_rate,
    predictions,
)
from testing.rows import rationale

FEW = CompareConfig(samples=200)
REFUSED = {**dict.fromkeys(contracts.QUARANTINE.names, ""), "query_id": "q1", "item_id": "i9", "label": "Exact"}


def stage(folder, rows, refused=()):
    folder.mkdir()
    contracts.write_batches(rows, contracts.RATIONALES, folder / "kept")
    contracts.write_batches([row | {"sample": 0} for row in refused], contracts.QUARANTINE, folder / "refused")
    return folder / "kept", folder / "refused"


def rows(predicted, count=8):
    return [
        rationale(query_id=f"q{n // 2}", item_id=f"i{n}", label="Exact", predicted_label=predicted(n))
        for n in range(count)
    ]


def test_a_pair_is_what_most_of_its_rationales_say_and_nothing_where_none_keeps_the_form(tmp_path):
    said = [rationale(item_id="i1", predicted_label=label) for label in ("Exact", "Irrelevant", "Irrelevant")]
    found = predictions(*stage(tmp_path / "s", said, [REFUSED]))
    assert found == {("q1", "i1"): ("Exact", "Irrelevant"), ("q1", "i9"): ("Exact", None)}


def test_measures_are_those_of_the_library_and_a_broken_form_is_wrong():
    draw = np.random.default_rng(0)
    said = {(f"q{n}", "i"): (LABELS[draw.integers(4)], LABELS[draw.integers(4)]) for n in range(60)}
    judged, predicted = zip(*said.values(), strict=True)
    whole = confusions(said).sum(0)
    assert balanced_accuracy(whole) == pytest.approx(balanced_accuracy_score(judged, predicted))
    assert macro_f1(whole) == pytest.approx(f1_score(judged, predicted, average="macro"))
    broken = confusions({("q", "i"): ("Exact", None), ("q", "j"): ("Exact", "Exact")}).sum(0)
    assert (accuracy(broken), balanced_accuracy(broken), parse_rate(broken)) == (0.5, 0.5, 0.5)


def test_a_stage_that_is_right_everywhere_is_surely_better_than_one_that_never_is(tmp_path):
    never = stage(tmp_path / "never", rows(lambda n: "Substitute"))
    always = stage(tmp_path / "always", rows(lambda n: "Exact"))
    found = compare({"before": never, "SFT": always}, FEW)
    assert found["differences"] == {"SFT less before": {"estimate": 1.0, "low": 1.0, "high": 1.0}}
    assert (found["pairs"], found["queries"]) == (8, 4)


def test_an_interval_holds_its_estimate_and_is_the_same_again(tmp_path):
    queries = confusions({(f"q{n // 3}", f"i{n}"): ("Exact", LABELS[n % 2]) for n in range(60)})
    once, again = (interval(queries, accuracy, FEW) for _ in range(2))
    assert once == again and once["low"] < once["estimate"] == 0.5 < once["high"]


def test_one_query_gives_no_interval():
    only = confusions({("q", "i"): ("Exact", "Exact")})
    assert interval(only, accuracy, FEW) == {"estimate": 1.0, "low": None, "high": None}


def test_stages_that_were_asked_other_pairs_are_not_compared(tmp_path):
    one = stage(tmp_path / "one", rows(lambda n: "Exact"))
    other = stage(tmp_path / "other", rows(lambda n: "Exact", 7))
    with pytest.raises(ValueError, match=r"'before' and 'SFT' were asked different held-out pairs, \('q3', 'i7'\)"):
        compare({"before": one, "SFT": other}, FEW)
