"""Every request ends as a row or in quarantine, and only missing answers are asked for."""

from pathlib import Path

import pytest

from components.rationales.engine import TOO_LONG, Completion
from components.rationales.generate import quarantine_row, rationale_row, shard_buckets, without_right
from components.rationales.sampler import Request
from testing.rows import judgement, rationale
from tests.components.rationales.scripted_engines import RIGHT, ListEngine, sample

PAIRS = [judgement(item_id=f"i{n}", title=f"shoe {n}") for n in range(4)]
REQUEST = Request(judgement(), "attributes", 0, "prompt", "key")


def test_a_completion_becomes_a_row():
    row = rationale_row(REQUEST, Completion("<attributes> It fits the query.\nLabel: Exact", 9, 5, "stop", None), "m1")
    assert (row["predicted_label"], row["tokens_in"]) == ("Exact", 9)


@pytest.mark.parametrize(
    ("finish_reason", "reason"),
    [
        ("length", "cut off at max_new_tokens"),
        (TOO_LONG, "the prompt is too long"),
        ("stop", "does not keep the grammar"),
    ],
)
def test_quarantined_answers_name_their_reason(finish_reason, reason):
    completion = Completion("<attributes> It fits and", 9, 5, finish_reason, None)
    assert quarantine_row(REQUEST, completion)["reason"] == reason


def test_only_pairs_without_a_right_rationale_remain():
    rows = [judgement(), judgement(item_id="i2")]
    rationales = [rationale(), rationale(item_id="i2", predicted_label="Irrelevant")]
    assert [row["item_id"] for row in without_right(rows, rationales)] == ["i2"]


def test_a_second_night_asks_for_new_pairs_alone():
    objects = {}
    sample(ListEngine(), PAIRS[:3], objects, max_samples=1)
    engine = ListEngine()
    samples = sample(engine, PAIRS, objects, max_samples=1)
    assert (samples.requests, len(samples.rationales), len(engine.prompts)) == (12, 12, 3)
    assert all("shoe 3" in text for text in engine.prompts)


def test_pairs_that_left_the_judgements_leave_the_rationales():
    objects = {}
    sample(ListEngine(), PAIRS, objects, max_samples=1)
    samples = sample(ListEngine(), PAIRS[:1], objects, max_samples=1)
    assert {row["item_id"] for row in samples.rationales} == {"i0"}


def test_a_broken_answer_is_asked_for_again():
    engine = ListEngine("nonsense", RIGHT, RIGHT, " At last it fits.\nLabel: Exact")
    samples = sample(engine, PAIRS[:1], {}, max_samples=1, attempts=2)
    assert (len(samples.rationales), len(samples.quarantine), samples.requests) == (3, 0, 3)
    assert len(engine.prompts) == 4


def test_broken_answers_are_quarantined_for_good():
    objects = {}
    engine = ListEngine(*["nonsense"] * 9)
    for _ in range(2):
        samples = sample(engine, PAIRS[:1], objects, max_samples=1, attempts=3)
        assert (len(samples.rationales), len(samples.quarantine), samples.requests) == (0, 3, 3)
        assert len(engine.prompts) == 9


def test_more_samples_come_only_where_none_is_right():
    wrong = " It is something else.\nLabel: Irrelevant"
    samples = sample(ListEngine(wrong, wrong, wrong), PAIRS[:1], {}, max_samples=5)
    assert samples.requests == 6 and [row["sample"] for row in samples.rationales] == [0, 1, 0, 1, 0, 1]


UNJUDGED_PAIRS = [pair | {"label": None} for pair in PAIRS]


def test_an_unjudged_pair_is_asked_once():
    wrong = " It is something else.\nLabel: Irrelevant"
    engine = ListEngine(*[wrong] * 30)
    samples = sample(engine, [PAIRS[0], *UNJUDGED_PAIRS[1:]], {}, max_samples=5)
    assert samples.requests == 3 * 5 + 3 * 3
    assert {row["sample"] for row in samples.rationales if row["label"] is None} == {0}


def test_a_killed_worker_asks_no_unjudged_pair_twice():
    objects = {}
    first = DyingEngine()
    with pytest.raises(KeyboardInterrupt):
        sample(first, UNJUDGED_PAIRS, objects, max_samples=1, shard_requests=3)
    second = ListEngine()
    samples = sample(second, UNJUDGED_PAIRS, objects, max_samples=1, shard_requests=3)
    assert len(samples.rationales) == 12 and len(second.prompts) == 6
    assert {row["label"] for row in samples.rationales} == {None}


class DyingEngine(ListEngine):
    """Dies after six prompts."""

    def complete(self, texts, forced_prefixes):
        if len(self.prompts) == 6:
            raise KeyboardInterrupt
        return super().complete(texts, forced_prefixes)


def test_a_killed_worker_goes_on_where_it_was():
    objects = {}
    first = DyingEngine()
    with pytest.raises(KeyboardInterrupt):
        sample(first, PAIRS, objects, max_samples=1, shard_requests=3)
    second = ListEngine()
    samples = sample(second, PAIRS, objects, max_samples=1, shard_requests=3)
    assert len(samples.rationales) == 12 and len(second.prompts) == 6
    assert not set(second.prompts) & set(first.prompts)


def test_workers_shards_cover_each_bucket_once():
    buckets = [Path(str(n)) for n in range(7)]
    paths = [path for n in range(3) for path in shard_buckets(buckets, f"{n}/3")]
    assert sorted(paths) == buckets


@pytest.mark.parametrize("shard", ["3/3", "0/8", "0", "a/b", "0/0"])
def test_an_impossible_shard_names_the_possible_ones(shard):
    with pytest.raises(ValueError, match="give I/N with I from 0 to N - 1, and N at most the 7 buckets"):
        shard_buckets([Path()] * 7, shard)
