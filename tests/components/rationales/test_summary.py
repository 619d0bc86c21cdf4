"""Figures of rationales: agreement, repairs, the share that keeps the form; and that shards add up."""

import json

from components.label_shares import label_shares
from components.rationales.summary import Summary
from testing.rows import judgement, rationale

PAIR = judgement(label="Substitute", mismatch="brand")
RIGHT = rationale(perspective="business_rules", label="Substitute", predicted_label="Substitute")
WRONG = rationale(perspective="user_intent", label="Substitute", predicted_label="Exact")
QUARANTINED = {"perspective": "attributes"}


def summary(*rows, quarantine=(), pair=PAIR):
    result = Summary()
    result.add(rows, quarantine, [pair])
    return result


def test_repairs_name_who_was_right_by_mismatch():
    details = summary(RIGHT, WRONG).details()
    assert details["repairs"] == {"brand": {"business_rules": 1.0}}
    assert details["split_pairs_by_mismatch"] == {"brand": 1}


def test_perspectives_that_are_all_right_repair_nothing():
    assert summary(RIGHT, RIGHT | {"perspective": "user_intent"}).details()["repairs"] == {}


def test_agreement_counts_first_answers_of_both_perspectives():
    result = summary(RIGHT, WRONG, RIGHT | {"perspective": "user_intent", "sample": 1})
    assert result.details()["agreement"] == {"business_rules": {"user_intent": 0.0}}


def test_the_parse_rate_counts_quarantined_answers():
    assert summary(RIGHT, WRONG, RIGHT, quarantine=[QUARANTINED]).details()["parse_rate"] == 0.75


def test_summaries_of_two_shards_add_up():
    total = summary(RIGHT, WRONG)
    total.merge(Summary(**json.loads(json.dumps(summary(RIGHT, quarantine=[QUARANTINED]).state()))))
    details = total.details()
    assert (details["pairs"], details["conflict_pairs"], details["conflict_rate"]) == (2, 1, 0.5)
    assert details["rationales_by_perspective"] == {"business_rules": 2, "user_intent": 1}
    assert len(details["examples"]) == 2


def test_an_example_holds_each_perspectives_first_answer():
    (example,) = summary(RIGHT, WRONG).details()["examples"]
    assert set(example["rationales"]) == {"business_rules", "user_intent"} and example["label"] == "Substitute"


def test_conflicts_and_accuracy_are_counted_by_perspective():
    rows = [rationale(), rationale(perspective="user_intent", predicted_label="Irrelevant")]
    details = summary(*rows, pair=judgement()).details()
    assert details["conflict_pairs"] == details["pairs"] == 1
    assert details["accuracy_by_perspective"] == {"attributes": 1.0, "user_intent": 0.0}


def test_equal_logprobs_are_equal_shares():
    assert label_shares([0.0] * 4) == (0.25,) * 4


def test_unjudged_pairs_are_neither_right_nor_wrong():
    unjudged = judgement(item_id="i2", label=None)
    result = summary(RIGHT)
    result.add([rationale(item_id="i2", label=None)], [], [unjudged])
    details = result.details()
    assert result.headline() == "100% right of 1, 1 of unjudged pairs"
    assert (details["pairs"], details["unjudged_pairs"], len(details["examples"])) == (2, 1, 1)
    assert details["accuracy_by_perspective"] == {"business_rules": 1.0}
