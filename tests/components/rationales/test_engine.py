"""The engines complete prompts in order, count tokens, and keep the grammar where it is asked for."""

import pytest

from components.contracts import LABELS
from components.rationales.engine import EngineConfig, label_tokens
from components.rationales.engines import start
from components.rationales.perspectives import parse
from components.rationales.transformers_engine import shared_prefix
from components.teacher_prompt import unified_prompt
from testing.rows import judgement

pytestmark = pytest.mark.slow  # loads a model
CONFIG = EngineConfig(engine="transformers", max_new_tokens=40, structured=True, characters=30, batch_size=2)


@pytest.fixture(scope="module")
def engine(llm):
    return start(llm, CONFIG)


def completions(engine, openings):
    texts = [engine.render(unified_prompt(judgement(query=f"shoe {n}"))) + o for n, o in enumerate(openings)]
    return engine.complete(texts, openings)


def test_structured_output_of_a_random_model_keeps_the_grammar(engine):
    said = completions(engine, ["<attributes>", "<user_intent>", "<attributes>"])
    assert [parse(each.text)[0] for each in said] == ["attributes", "user_intent", "attributes"]


def test_a_free_opening_leaves_the_perspective_to_the_model(engine):
    (said,) = completions(engine, [""])
    assert parse(said.text) is not None


def test_tokens_are_counted_in_and_out(engine):
    (said,) = completions(engine, ["<attributes>"])
    assert said.tokens_in > 30 and 0 < said.tokens_out <= CONFIG.max_new_tokens


def test_a_completion_that_is_cut_off_says_so(llm):
    (said,) = completions(start(llm, EngineConfig(engine="transformers", max_new_tokens=3)), ["<attributes>"])
    assert (said.finish_reason, said.tokens_out) == ("length", 3)


def test_the_four_labels_begin_with_different_tokens(engine):
    assert len(set(label_tokens(engine.tokenizer))) == len(LABELS)


def test_an_engine_that_does_not_exist_is_an_error_that_lists_them(llm):
    with pytest.raises(ValueError, match="engine is 'gpt'; it is one of auto, vllm, transformers"):
        start(llm, EngineConfig(engine="gpt"))


def test_a_shared_prefix_changes_no_answer_whatever_the_lengths(llm):
    greedy = EngineConfig(engine="transformers", max_new_tokens=12, temperature=0.0)
    engine = start(llm, greedy)
    system = {"role": "system", "content": "You judge whether an item is relevant to a query. " * 4}
    asked = [[system, {"role": "user", "content": "shoe " * (3 * n + 1)}] for n in range(5)]
    texts = [engine.render(messages) for messages in asked]
    alone = [engine.complete([text], [""])[0] for text in texts]
    together = engine.complete(texts, [""] * 5)
    assert engine.prefix and [said.text for said in together] == [said.text for said in alone]
    assert [said.tokens_in for said in together] == [said.tokens_in for said in alone]


def test_what_prompts_share_ends_before_the_last_token_of_the_shortest():
    long = list(range(50))
    assert shared_prefix([long, [*long, 7]]) == long[:-1]
    assert shared_prefix([[1, 2, 3], [1, 2, 4]]) == shared_prefix([long]) == []


def test_a_prompt_without_room_for_an_answer_is_not_asked(engine):
    said = engine.complete(["shoe " * 2000, "shoe"], ["", ""])
    assert (said[0].finish_reason, said[0].tokens_out) == ("too long", 0) and said[1].tokens_out > 0
