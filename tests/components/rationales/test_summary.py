"""What is said of rationales: agreement, repairs, the share that keeps the form; and that shards add up."""

import json

from components.rationales.summary import Summary
from testing.rows import judgement, rationale

PAIR = judgement(label="Substitute", mismatch="brand")
RIGHT = rationale(perspective="business_rules", label="Substitute", predicted_label="Substitute")
WRONG = rationale(perspective="user_intent", label="Substitute", predicted_label="Exact")
REFUSED = {"perspective": "attributes"}


def summary(*rows, refused=(), pair=PAIR):
    said = Summary()
    said.add(rows, refused, [pair])
    return said


def test_where_perspectives_are_split_it_is_said_who_was_right_by_mismatch():
    facts = summary(RIGHT, WRONG).facts()
    assert facts["repairs"] == {"brand": {"business_rules": 1.0}}
    assert facts["split_pairs_by_mismatch"] == {"brand": 1}


def test_perspectives_that_are_all_right_repair_nothing():
    assert summary(RIGHT, RIGHT | {"perspective": "user_intent"}).facts()["repairs"] == {}


def test_agreement_is_counted_on_pairs_that_both_perspectives_answered_first():
    said = summary(RIGHT, WRONG, RIGHT | {"perspective": "user_intent", "sample": 1})
    assert said.facts()["agreement"] == {"business_rules": {"user_intent": 0.0}}


def test_the_parse_rate_counts_what_was_refused():
    assert summary(RIGHT, WRONG, RIGHT, refused=[REFUSED]).facts()["parse_rate"] == 0.75


def test_summaries_of_two_shards_add_up_also_by_way_of_json():
    one, other = summary(RIGHT, WRONG), summary(RIGHT, refused=[REFUSED])
    one.merge(Summary(**json.loads(json.dumps(other.state()))))
    facts = one.facts()
    assert (facts["pairs"], facts["conflict_pairs"], facts["conflict_rate"]) == (2, 1, 0.5)
    assert facts["rationales_by_perspective"] == {"business_rules": 2, "user_intent": 1}
    assert len(facts["examples"]) == 2


def test_a_pair_is_shown_with_what_each_perspective_wrote_first():
    (shown,) = summary(RIGHT, WRONG).facts()["examples"]
    assert set(shown["rationales"]) == {"business_rules", "user_intent"} and shown["label"] == "Substitute"
