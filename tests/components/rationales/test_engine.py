"""The transformers engine completes prompts in order, counts tokens, and keeps the grammar."""

import json
import shutil
from dataclasses import asdict, replace
from typing import ClassVar

import pytest

from components.contracts import LABELS
from components.perspectives import NAMES, parse
from components.rationales.decoding import Sampling
from components.rationales.engine import EngineConfig, label_tokens
from components.rationales.engines import start
from components.rationales.prompt_groups import shared_prefix
from components.teacher_prompt import unified_prompt
from testing.rows import judgement

pytestmark = pytest.mark.slow  # loads a model
CONFIG = EngineConfig(engine="transformers", max_new_tokens=40, use_grammar=True, characters=30, batch_size=2)


@pytest.fixture(scope="module")
def engine(llm):
    return start(llm, CONFIG)


def complete(engine, *prefixes):
    prompts = [unified_prompt(judgement(query=f"shoe {n}")) for n in range(len(prefixes))]
    texts = [engine.render(prompt) + prefix for prompt, prefix in zip(prompts, prefixes, strict=True)]
    return engine.complete(texts, prefixes)


def test_a_random_model_keeps_the_grammar(engine):
    completions = complete(engine, "<attributes>", "<user_intent>", "<attributes>")
    assert [parse(completion.text)[0] for completion in completions] == ["attributes", "user_intent", "attributes"]


def test_without_prefix_the_model_names_a_perspective(engine):
    (completion,) = complete(engine, "")
    assert parse(completion.text) is not None


def test_tokens_are_counted_in_and_out(engine):
    (completion,) = complete(engine, "<attributes>")
    assert completion.tokens_in > 30 and 0 < completion.tokens_out <= CONFIG.max_new_tokens


def test_a_cut_off_completion_says_so(llm):
    engine = start(llm, EngineConfig(engine="transformers", max_new_tokens=3))
    (completion,) = complete(engine, "<attributes>")
    assert (completion.finish_reason, completion.tokens_out) == ("length", 3)


def test_the_four_labels_begin_with_different_tokens(engine):
    assert len(set(label_tokens(engine.tokenizer))) == len(LABELS)


def test_an_unknown_engine_lists_the_known_ones(llm):
    with pytest.raises(ValueError, match="engine is 'gpt'; it is one of auto, vllm, transformers"):
        start(llm, EngineConfig(engine="gpt"))


class RankingSampling(Sampling):
    """Keeps how many tokens were likelier than each one drawn."""

    ranks: ClassVar[list[int]] = []

    def draw(self, scores):
        tokens = super().draw(scores)
        self.ranks += [int((row > row[token]).sum()) for row, token in zip(scores, tokens, strict=True)]
        return tokens


def ranks(model, **sampling):
    config = EngineConfig(engine="transformers", max_new_tokens=40, temperature=1.0, top_p=1.0, **sampling)
    engine = start(model, config)
    engine.decoding = replace(engine.decoding, sampling=RankingSampling(**asdict(engine.decoding.sampling)))
    RankingSampling.ranks.clear()
    complete(engine, "")
    return list(RankingSampling.ranks)


def test_top_k_bounds_what_is_drawn(llm):
    assert max(ranks(llm, top_k=0)) > 50  # of 49,152 tokens that are about equally likely
    assert 0 < max(ranks(llm, top_k=5)) < 5
    assert set(ranks(llm, top_k=1)) == {0}


def test_the_models_generation_config_changes_nothing(llm, tmp_path):
    shutil.copytree(llm, tmp_path / "model")
    model_defaults = {"do_sample": True, "top_k": 1, "repetition_penalty": 5.0, "min_p": 0.9}
    (tmp_path / "model" / "generation_config.json").write_text(json.dumps(model_defaults))
    assert ranks(tmp_path / "model", top_k=0) == ranks(llm, top_k=0)


def test_a_shared_prefix_changes_no_answer(llm):
    greedy = EngineConfig(engine="transformers", max_new_tokens=12, temperature=0.0)
    engine = start(llm, greedy)
    system = {"role": "system", "content": "You judge whether an item is relevant to a query. " * 4}
    texts = [engine.render([system, {"role": "user", "content": "shoe " * (3 * n + 1)}]) for n in range(5)]
    alone = [engine.complete([text], [""])[0] for text in texts]
    together = engine.complete(texts, [""] * 5)
    assert engine.prefix
    assert [row.text for row in together] == [row.text for row in alone]
    assert [row.tokens_in for row in together] == [row.tokens_in for row in alone]


def test_a_shared_prefix_leaves_the_last_token():
    long = list(range(50))
    assert shared_prefix([long, [*long, 7]]) == long[:-1]
    assert shared_prefix([[1, 2, 3], [1, 2, 4]]) == shared_prefix([long]) == []


def test_a_prompt_without_room_is_not_asked(engine):
    long, short = engine.complete(["shoe " * 2000, "shoe"], ["", ""])
    assert (long.finish_reason, long.tokens_out) == ("too long", 0) and short.tokens_out > 0


def test_prompts_of_a_pair_are_answered_as_alone(llm):
    greedy = EngineConfig(engine="transformers", max_new_tokens=12, temperature=0.0, batch_size=7)
    engine = start(llm, greedy)
    tags = [f"<{name}>" for name in NAMES]
    stems = [engine.render(unified_prompt(judgement(query="shoe " * (n + 1)))) for n in range(4)]
    texts = [stem + tag for stem in stems for tag in tags]
    alone = [engine.complete([text], [tag])[0] for text, tag in zip(texts, tags * 4, strict=True)]
    together = engine.complete(texts, tags * 4)
    assert [row.text for row in together] == [row.text for row in alone]
    for row, single in zip(together, alone, strict=True):
        assert row.label_probabilities == pytest.approx(single.label_probabilities, abs=1e-4)


def test_a_batch_may_mix_grammars(engine):
    pair = engine.render(unified_prompt(judgement()))
    completions = engine.complete([f"{pair}<{name}>" for name in NAMES], [f"<{name}>" for name in NAMES])
    assert [parse(completion.text)[0] for completion in completions] == list(NAMES)
