"""Hostile text stays inside its field: no new line, no tag, no special token."""

import pytest

from components.perspectives import NAMES, PERSPECTIVES, parse, sampling_prompt
from components.teacher_prompt import pair_text, render_chat, unified_prompt
from testing.hostile_titles import TEMPLATES
from testing.rows import judgement

FIELDS = ("query", "title", "brand", "category", "attributes")


def hostile(template: str, field: str) -> dict:
    return judgement(**{field: template.format(title="red shoe")})


def line_names(text: str) -> list[str]:
    return [line.split(":")[0] for line in text.splitlines()]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_hostile_pairs_keep_their_lines_without_markup(template, field):
    text = pair_text(hostile(template, field))
    clean_text = pair_text(judgement(**{field: "red shoe"}))
    assert line_names(text) == line_names(clean_text)
    assert not set(text) & set("<>|{}[]`") and text.encode() and len(text) < 700
    assert not any(f"<{name}>" in text for name in NAMES) and parse(text) is None


@pytest.mark.slow
def test_no_special_token_reaches_the_model(llm):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llm)
    special = set(tokenizer.all_special_ids)

    def count(messages) -> int:
        ids = tokenizer(render_chat(tokenizer, messages), add_special_tokens=False)["input_ids"]
        return sum(token in special for token in ids)

    prompts = [unified_prompt, *(lambda row, side=side: sampling_prompt(side, row, 2) for side in PERSPECTIVES)]
    for prompt in prompts:
        clean = count(prompt(judgement()))
        counts = {count(prompt(hostile(template, field))) for template in TEMPLATES for field in FIELDS}
        assert counts == {clean}
