"""The engines complete prompts in order, count tokens, and keep the grammar where it is asked for."""

import pytest

from components.contracts import LABELS
from components.rationales.engine import EngineConfig, label_tokens, start
from components.rationales.perspectives import parse
from components.teacher_prompt import unified_prompt
from tests.rows import judgement

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
