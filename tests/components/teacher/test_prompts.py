"""The prompt that SFT and DPO train on is the unified prompt, rendered by the tuned model's own template."""

import pytest

from components import contracts
from components.teacher.prompts import render_prompts
from testing.rows import judgement

pytestmark = pytest.mark.slow  # loads a tokenizer


def test_a_prompt_shows_the_pair_alone(llm, judgements_path):
    prompt = render_prompts([("q1", "i3")], judgements_path, llm)["q1", "i3"]
    assert "Query: red running shoes" in prompt and "Acme Sprint" in prompt
    assert not any(name in prompt for name in ("user_intent", "attributes:", "business_rules"))
    assert prompt.endswith("<|im_start|>assistant\n")


def test_only_pairs_asked_for_get_a_prompt(llm, judgements_path):
    assert list(render_prompts([("q1", "i3"), ("q1", "i5")], judgements_path, llm)) == [
        ("q1", "i3"), ("q1", "i5"),
    ]  # fmt: skip


def test_a_rationale_without_judgement_is_an_error(llm, tmp_path):
    contracts.write([judgement()], contracts.JUDGEMENTS, tmp_path / "judgements")
    with pytest.raises(ValueError, match=r"1 rationales are of pairs .* does not hold, \('q1', 'i9'\) among them"):
        render_prompts([("q1", "i9")], tmp_path / "judgements", llm)
