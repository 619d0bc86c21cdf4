"""Which pairs are asked, under which keys, and that every request ends as a row or in quarantine."""

import re
from itertools import groupby
from pathlib import Path

import pytest

from components.rationales.choose import choose_pairs, divided, pairs_of
from components.rationales.engine import Completion, EngineConfig, shares
from components.rationales.generate import (
    Asking,
    GenerateConfig,
    Request,
    own_buckets,
    rationale,
    refused,
    sampled,
    without_right,
)
from components.rationales.perspectives import NAMES
from components.rationales.store import Store
from components.rationales.summary import Summary
from testing.rows import judgement
from testing.rows import rationale as rationale_row


class Echo:
    """An engine that renders a conversation as its messages in order, and whose tokens are words."""

    name = "echo"

    def tokenizer(self, text, **_):
        return {"offset_mapping": [word.span() for word in re.finditer(r"\S+", text)]}

    def render(self, messages):
        return "\n".join(message["content"] for message in messages)


def asked(digest="m1", **config):
    asking = Asking(Echo(), digest, EngineConfig(), GenerateConfig(**config))
    return list(asking.requests([judgement(title="shoe 1"), judgement(item_id="i2", title="shoe 2")], [0]))


def test_every_pair_is_asked_once_a_perspective():
    said = {(request.perspective, request.row["item_id"]) for request in asked()}
    assert len(asked()) == len(said) == 6


def test_prompts_that_begin_alike_come_in_one_run_so_that_a_cache_serves():
    instructed = [request.perspective for request in asked(prompt="few_shot")]
    assert sorted(name for name, _ in groupby(instructed)) == sorted(NAMES)
    forced = [request.row["item_id"] for request in asked(prompt="tag")]
    assert [name for name, _ in groupby(forced)] == ["i1", "i2"]


def test_a_free_prompt_leaves_the_perspective_to_the_teacher():
    assert [(request.perspective, request.opening) for request in asked(prompt="free")] == [("", "")] * 2


def test_a_key_changes_with_the_model_and_not_with_the_batch_size():
    same, other = asked(), asked(digest="m2")
    assert same[0].key == asked()[0].key
    assert same[0].key != other[0].key
    faster = Asking(Echo(), "m1", EngineConfig(batch_size=1), GenerateConfig()).requests(
        [judgement(title="shoe 1")], [0]
    )
    assert faster[0].key in {request.key for request in same}


def test_pairs_are_taken_equally_of_each_label_and_of_train_alone():
    rows = [judgement(item_id=f"i{n}", label="Exact" if n % 4 else "Complement") for n in range(40)]
    rows += [judgement(item_id="v", label="Irrelevant", split="valid")]
    labels = [row["label"] for row in choose_pairs(rows, 10)]
    assert (labels.count("Exact"), labels.count("Complement"), labels.count("Irrelevant")) == (5, 5, 0)


def test_all_pairs_are_taken_when_more_are_asked_for_than_there_are():
    assert len(choose_pairs([judgement(item_id=f"i{n}") for n in range(3)], 10)) == 3


def test_a_completion_becomes_a_row_or_goes_to_quarantine_with_its_reason():
    request = Request(judgement(), "attributes", 0, "prompt", "key")
    kept = rationale(request, Completion("<attributes> It fits the query.\nLabel: Exact", 9, 5, "stop", None), "m1")
    lost = refused(request, Completion("<attributes> It fits and", 9, 5, "length", None))
    assert (kept["predicted_label"], kept["tokens_in"]) == ("Exact", 9)
    assert lost["reason"] == "cut off at max_new_tokens"


def test_only_pairs_with_no_right_rationale_are_asked_again():
    rows = [judgement(), judgement(item_id="i2")]
    rationales = [rationale_row(), rationale_row(item_id="i2", predicted_label="Irrelevant")]
    assert [row["item_id"] for row in without_right(rows, rationales)] == ["i2"]


def test_label_probabilities_are_shares_of_the_four():
    assert shares([0.0, 0.0, 0.0, 0.0]) == (0.25, 0.25, 0.25, 0.25)


def test_the_summary_counts_conflicts_and_accuracy_by_perspective():
    rows = [rationale_row(), rationale_row(perspective="user_intent", predicted_label="Irrelevant")]
    said = Summary()
    said.add(rows, [], [judgement()])
    assert said.facts()["conflict_pairs"] == said.facts()["pairs"] == 1
    assert said.facts()["accuracy_by_perspective"] == {"attributes": 1.0, "user_intent": 0.0}


class Scripted(Echo):
    """An engine that answers from a list, in turn, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def complete(self, texts, openings):
        self.asked += texts
        said = [self.answers.pop(0) if self.answers else " It fits the query.\nLabel: Exact" for _ in texts]
        return [Completion(f"{o}{text}", 9, 5, "stop", None) for o, text in zip(openings, said, strict=True)]


def work(engine, rows, objects, **config):
    asking = Asking(engine, "m1", EngineConfig(), GenerateConfig(prompt="tag", **config))
    return sampled(rows, asking, store_of(objects))


def store_of(objects):
    return Store("s", objects.get, lambda name, content: objects.setdefault(name, content) is content)


PAIRS = [judgement(item_id=f"i{n}", title=f"shoe {n}") for n in range(4)]


def test_a_second_night_asks_only_for_the_pairs_that_are_new():
    objects, engine = {}, Scripted()
    work(engine, PAIRS[:3], objects, max_samples=1)
    engine.asked.clear()
    kept, _, asked = work(engine, PAIRS, objects, max_samples=1)
    assert (asked, len(kept), len(engine.asked)) == (12, 12, 3)
    assert all("shoe 3" in text for text in engine.asked)


def test_pairs_that_left_the_judgements_leave_the_rationales():
    objects, engine = {}, Scripted()
    work(engine, PAIRS, objects, max_samples=1)
    kept, _, _ = work(engine, PAIRS[:1], objects, max_samples=1)
    assert {row["item_id"] for row in kept} == {"i0"}


def test_what_breaks_the_grammar_is_tried_again_and_then_set_aside_for_good():
    objects, engine = (
        {},
        Scripted("nonsense", *[" It fits the query.\nLabel: Exact"] * 2, " At last it fits.\nLabel: Exact"),
    )
    kept, lost, asked = work(engine, PAIRS[:1], objects, max_samples=1, attempts=2)
    assert (len(kept), len(lost), asked, len(engine.asked)) == (3, 0, 3, 4)
    hopeless, objects = Scripted(*["nonsense"] * 9), {}
    for _ in range(2):
        kept, lost, asked = work(hopeless, PAIRS[:1], objects, max_samples=1, attempts=3)
        assert (len(kept), len(lost), asked, len(hopeless.asked)) == (0, 3, 3, 9)


def test_more_samples_are_drawn_only_where_none_is_right():
    wrong = " It is something else.\nLabel: Irrelevant"
    kept, _, asked = work(Scripted(wrong, wrong, wrong), PAIRS[:1], {}, max_samples=5)
    assert asked == 6 and [row["sample"] for row in kept] == [0, 1, 0, 1, 0, 1]


def test_a_worker_that_died_between_shards_goes_on_where_it_was():
    class Dying(Scripted):
        def complete(self, texts, openings):
            if len(self.asked) == 6:
                raise KeyboardInterrupt
            return super().complete(texts, openings)

    objects, engine = {}, Dying()
    with pytest.raises(KeyboardInterrupt):
        work(engine, PAIRS, objects, max_samples=1, shard_requests=3)
    after = Scripted()
    kept, _, _ = work(after, PAIRS, objects, max_samples=1, shard_requests=3)
    assert len(kept) == 12 and not set(after.asked) & set(engine.asked) and len(after.asked) == 6


def test_a_prompt_that_is_too_long_is_set_aside_with_that_reason():
    request = Request(judgement(), "attributes", 0, "prompt", "key")
    assert refused(request, Completion("", 9000, 0, "too long", None))["reason"] == "the prompt is too long"


def test_buckets_hold_every_pair_once_and_a_pair_stays_in_its_bucket(tmp_path):
    rows = [judgement(item_id=f"i{n}") for n in range(200)]
    paths = divided(rows, 8, tmp_path)
    lines = [path.read_text().splitlines() for path in paths]
    assert sum(map(len, lines)) == len({line for part in lines for line in part}) == 200 and all(lines)
    again = divided(rows[::2], 8, tmp_path)
    assert all(set(path.read_text().splitlines()) <= set(part) for path, part in zip(again, lines, strict=True))


def test_without_a_train_pair_there_is_nothing_to_do():
    with pytest.raises(ValueError, match="no judged pair is in the train split"):
        list(pairs_of([judgement(split="valid")], "train", 0))


def test_held_out_pairs_are_spread_over_all_queries():
    rows = [judgement(query_id=f"q{n // 4}", item_id=f"i{n}", split="valid") for n in range(16)]
    chosen = list(pairs_of([*rows, judgement()], "valid", 6))
    assert len({row["query_id"] for row in chosen}) == 4 and len({row["item_id"] for row in chosen}) == 6


def test_the_buckets_of_all_workers_are_each_bucket_once():
    buckets = [Path(str(n)) for n in range(7)]
    shares = [own_buckets(buckets, f"{n}/3") for n in range(3)]
    assert sorted(path for share in shares for path in share) == buckets


@pytest.mark.parametrize("shard", ["3/3", "0/8", "0", "a/b", "0/0"])
def test_a_shard_that_cannot_be_is_refused_with_what_can(shard):
    with pytest.raises(ValueError, match="give I/N with I from 0 to N - 1, and N at most the 7 buckets"):
        own_buckets([Path()] * 7, shard)
