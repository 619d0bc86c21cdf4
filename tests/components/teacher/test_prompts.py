"""The prompt that SFT and DPO train on is the unified prompt, rendered by the tuned model's own template."""

import pytest

from components import contracts
from components.teacher.prompts import prompts_of
from testing.rows import judgement

pytestmark = pytest.mark.slow  # loads a tokenizer


def test_a_prompt_shows_the_pair_and_names_no_perspective(llm, judged):
    prompt = prompts_of([("q1", "i3")], judged, llm)["q1", "i3"]
    assert "Query: red running shoes" in prompt and "Acme Sprint" in prompt
    assert not any(name in prompt for name in ("user_intent", "attributes:", "business_rules"))
    assert prompt.endswith("<|im_start|>assistant\n")


def test_only_wanted_pairs_get_a_prompt(llm, judged):
    assert list(prompts_of([("q1", "i3"), ("q1", "i5")], judged, llm)) == [
        ("q1", "i3"), ("q1", "i5"),
    ]  # fmt: skip


def test_a_rationale_of_a_pair_that_is_not_judged_is_an_error(llm, tmp_path):
    contracts.write([judgement()], contracts.JUDGEMENTS, tmp_path / "judgements")
    with pytest.raises(ValueError, match=r"1 rationales are of pairs .* does not hold, \('q1', 'i9'\) among them"):
        prompts_of([("q1", "i9")], tmp_path / "judgements", llm)
