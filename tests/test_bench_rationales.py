"""The stand-in teacher and the placebos of the rationales' bench."""

from dataclasses import replace

import pytest
import typer

from bench.rationales.arms import BOTH, CROSS_ENTROPY, CROSS_ENTROPY_SHORT, LABELS, LRKD, Arm
from bench.rationales.measure import select_arms
from bench.rationales.night import Night, select_queries
from bench.rationales.stage import Stage, shuffle_pairs, write_placebo
from components import contracts
from simulation.knowledge.marketplace import Sizes


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"), Sizes(items=600, queries=30, unjudged_queries=30), test_queries=10)


def test_without_errors_the_label_is_the_true_one(stage):
    truth = {(row["query_id"], row["item_id"]): row["true_label"] for row in stage.rows("truth")}
    assert {pair: answer.label for pair, answer in stage.answers(1.0).items()} == truth


def test_facts_are_right_as_often_as_stated(stage):
    pairs = [(stage.truth[pair].facts, answer.facts) for pair, answer in stage.answers(0.8).items()]
    right = [
        fact == truth
        for true_facts, facts in pairs
        for perspective in facts
        for truth, fact in zip(true_facts[perspective], facts[perspective], strict=True)
    ]
    assert sum(right) / len(right) == pytest.approx(0.8, abs=0.03)


def test_a_placebo_gives_each_facts_once(stage):
    answers = stage.answers(0.8)
    for is_within in (False, True):
        assert sorted(shuffle_pairs(answers, is_within).values()) == sorted(answers)


def test_a_placebo_within_groups_keeps_label_and_kind(stage):
    answers = stage.answers(0.8)
    for pair, donor in shuffle_pairs(answers, is_within=True).items():
        assert answers[pair].label == answers[donor].label
        assert answers[pair].item_kind == answers[donor].item_kind


def test_a_placebo_is_the_donor_s_embedding(tmp_path):
    empty = dict.fromkeys(contracts.RATIONALE_EMBEDDINGS.names)
    rows = [empty | {"query_id": "q", "item_id": item, "embedding": [index, 1.0]} for index, item in enumerate("ab")]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, tmp_path / "facts")
    write_placebo(tmp_path / "facts", {("q", "a"): ("q", "b"), ("q", "b"): ("q", "a")}, tmp_path / "placebo")
    placebo = contracts.read(contracts.RATIONALE_EMBEDDINGS, tmp_path / "placebo")
    assert [(row["item_id"], row["embedding"][0]) for row in placebo] == [("a", 1.0), ("b", 0.0)]


def test_each_arm_trains_on_its_own_pairs(stage):
    def labels(title):
        rows = contracts.read(contracts.TRAINING_SET, stage.training_set(Arm(title, 20, 0.8)))
        judged = [row for row in rows if row["query_id"] in stage.judged_queries]
        unjudged = [row["label"] for row in rows if row["query_id"] not in stage.judged_queries]
        assert {row["split"] for row in judged} == {"train", "valid"}
        return {label is None for label in unjudged}

    assert labels(LRKD) == labels(CROSS_ENTROPY) == {True}
    assert labels(LABELS) == labels(BOTH) == {False}


def test_all_arms_have_as_many_updates():
    arms = (Arm(CROSS_ENTROPY, 30), Arm(CROSS_ENTROPY_SHORT, 30), Arm(LRKD, 30, 0.8), Arm(LABELS, 30, 0.8))
    plain, short, lrkd, labels = (arm.config(500, 9500) for arm in arms)
    assert lrkd.epochs * 2 * 9500 == plain.epochs * 500 == 4 * short.epochs * 500 == labels.epochs * 10000
    assert Arm(LRKD, 355, 0.8).config(4000, 7000).epochs * 11000 == pytest.approx(14000, rel=0.01)
    assert (plain.align_weight, short.align_weight, lrkd.align_weight) == (0.0, 0.0, 3.0)


def test_settings_are_chosen_without_the_test_queries(stage):
    fold = replace(stage, test_queries=10, skipped_queries=10)
    tested = {
        row["query_id"]
        for row in contracts.read(contracts.TRAINING_SET, stage.training_set(Arm(LRKD, 20, 0.8)))
        if row["split"] == "valid"
    }
    rows = contracts.read(contracts.TRAINING_SET, fold.training_set(Arm(LRKD, 10, 0.8)))
    assert tested and tested.isdisjoint(row["query_id"] for row in rows)


@pytest.mark.parametrize("accuracy", [0.6, 0.95])
def test_wrong_facts_come_to_a_label_too(stage, accuracy):
    assert {answer.label for answer in stage.answers(accuracy).values()} == set(contracts.LABELS)


def test_arms_are_selected_with_their_baselines():
    names = [arm.name for arm in select_arms(["355 queries", "LRKD,", "80%"])]
    assert names == [
        "355 queries: cross-entropy",
        "355 queries: cross-entropy, a quarter of the updates",
        "355 queries: LRKD, facts 80% right",
        "355 queries: LRKD, with values, facts 80% right",
    ]
    with pytest.raises(typer.BadParameter, match="no arm's name has '31 queries' in it"):
        select_arms(["31 queries"])


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return a night of twelve judged queries, four of which decide."""
    small = Sizes(items=600, queries=330, unjudged_queries=20)
    night = Night(Stage(tmp_path_factory.mktemp("night"), small), queries=12)
    night.answer()
    return night


def test_queries_that_decide_are_not_tested_on(night):
    rows = contracts.read(contracts.JUDGEMENTS, night.judgements)
    train = {row["query_id"] for row in rows if row["split"] == "train"}
    assert (len(train), len(night.held_out), len(night.tested)) == (12, 4, 200)
    assert not train & night.held_out and not (train | night.held_out) & night.tested


def test_each_perspective_ends_in_the_stand_ins_label(night):
    rows = contracts.read(contracts.RATIONALES, night.said("unjudged"))
    pairs = {(row["query_id"], row["item_id"]) for row in rows}
    assert len(rows) == 3 * len(pairs) == 3 * contracts.count(night.unjudged_pairs)
    labels = contracts.read(contracts.TEACHER_LABELS, night.labels(0.25))
    assert len(labels) == len(pairs) and {(row["confidence"], row["weight"]) for row in labels} == {(1.0, 0.25)}


def test_a_right_plain_student_refuses_the_labels(night):
    rows = contracts.read(contracts.JUDGEMENTS, night.judgements)
    rows = [row for row in rows if row["query_id"] in night.held_out]
    answers = {"queries": [row["query_id"] for row in rows], "items": [row["item_id"] for row in rows]}
    answers["labels"] = [contracts.LABELS.index(row["label"]) for row in rows]
    result, refusal = night.qualify(answers | {"predicted": answers["labels"]})
    assert result.rows_in == len(rows) and refusal and "over tonight's plain student" in result.headline
    always_exact = answers | {"predicted": [0] * len(rows)}
    assert night.qualify(always_exact)[1] == ""
    assert len(select_queries(always_exact, night.tested)["queries"]) == 0
