"""Hostile text stays inside its field: no new line, no tag, no special token, whatever a seller or shopper writes."""

import pytest

from components.rationales.perspectives import NAMES, PERSPECTIVES, parse, sampling_prompt
from components.teacher_prompt import pair_text, rendered, unified_prompt
from testing.hostile_titles import TEMPLATES
from testing.rows import judgement

FIELDS = ("query", "title", "brand", "category", "attributes")


def hostile(template: str, field: str) -> dict:
    return judgement(**{field: template.format(title="red shoe")})


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_a_pair_has_as_many_lines_as_a_clean_one_and_no_markup(template, field):
    said, clean = (pair_text(row) for row in (hostile(template, field), judgement(**{field: "red shoe"})))
    assert [line.split(":")[0] for line in said.splitlines()] == [line.split(":")[0] for line in clean.splitlines()]
    assert not set(said) & set("<>|{}[]`") and said.encode() and len(said) < 700
    assert not any(f"<{name}>" in said for name in NAMES) and parse(said) is None


@pytest.mark.slow
def test_no_special_token_reaches_the_model_from_any_field_in_any_prompt(llm):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llm)
    special = set(tokenizer.all_special_ids)

    def count(messages) -> int:
        ids = tokenizer(rendered(tokenizer, messages), add_special_tokens=False)["input_ids"]
        return sum(token in special for token in ids)

    prompts = [unified_prompt, *(lambda row, side=side: sampling_prompt(side, row, 2) for side in PERSPECTIVES)]
    for prompt in prompts:
        clean = count(prompt(judgement()))
        counts = {count(prompt(hostile(template, field))) for template in TEMPLATES for field in FIELDS}
        assert counts == {clean}
