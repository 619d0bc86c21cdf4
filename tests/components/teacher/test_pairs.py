"""Preference pairs: a right rationale chosen over a wrong one of the same query and item."""

from components import contracts
from components.teacher.pairs import preference_pairs
from testing.rows import rationale

PROMPTS = {("q1", "i1"): "prompt one", ("q1", "i2"): "prompt two"}


def test_right_is_chosen_over_wrong_across_perspectives():
    wrong = rationale(perspective="user_intent", predicted_label="Irrelevant", key="k2")
    (pair,) = preference_pairs([rationale(), wrong], PROMPTS)
    assert (pair["chosen_perspective"], pair["rejected_perspective"]) == ("attributes", "user_intent")
    assert pair["chosen"].endswith("Label: Exact") and pair["rejected"].endswith("Label: Irrelevant")
    assert pair["prompt"] == "prompt one"


def test_samples_that_agree_yield_no_pair():
    assert not list(preference_pairs([rationale(predicted_label="Substitute")] * 2, PROMPTS))


def test_rationales_of_different_items_are_never_paired():
    rows = [rationale(), rationale(item_id="i2", predicted_label="Irrelevant")]
    assert not list(preference_pairs(rows, PROMPTS))


def test_pairs_keep_their_contract(tmp_path):
    rows = [rationale(), rationale(predicted_label="Complement", key="k3")]
    assert contracts.write_batches(preference_pairs(rows, PROMPTS), contracts.PREFERENCE_PAIRS, tmp_path / "pairs") == 1
