"""Which pairs are asked, under which keys, and that every request ends as a row or in quarantine."""

from itertools import groupby

from components.rationales.choose import choose_pairs
from components.rationales.engine import Completion, EngineConfig, shares
from components.rationales.generate import Asking, GenerateConfig, Request, rationale, refused, without_right
from components.rationales.perspectives import NAMES
from components.rationales.summary import summary
from tests.rows import judgement
from tests.rows import rationale as rationale_row


class Echo:
    """An engine that renders a conversation as its messages in order."""

    name = "echo"

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
    said = summary(rows, [judgement()])
    assert said["conflict_pairs"] == 1
    assert said["accuracy_by_perspective"] == {"attributes": 1.0, "user_intent": 0.0}
