"""The teacher's unified prompt and its answers, as SFT, DPO and the final rationales use them.

Text from sellers and shoppers is hostile: it is stripped of markup and special tokens, cut to its characters and
tokens, and stays on a line of its own.
"""

import re
import unicodedata
from collections.abc import Mapping

SYSTEM = "You judge whether an item of an online shop is relevant to a query."
FIELD_CHARACTERS = {"query": 120, "title": 160, "brand": 40, "category": 60, "attributes": 120}
FIELD_TOKENS = {"query": 40, "title": 64, "brand": 16, "category": 24, "attributes": 56}
MARKUP = re.compile(r"<\|?[^<>]{0,40}\|?>|[<>|{}\[\]`]")


def clean(text: str | None, limit: int) -> str:
    """Return one line of at most `limit` characters, without markup and special tokens."""
    text = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in (text or "")[: 20 * limit])
    return " ".join(MARKUP.sub(" ", text).split())[:limit].strip()


def cap_fields(row: Mapping, tokenizer) -> dict:
    """Return the row with each field cleaned and cut to its tokens."""
    fields = {name: clean(row[name], limit) for name, limit in FIELD_CHARACTERS.items()}
    short_fields = {name: cut_to_tokens(text, FIELD_TOKENS[name], tokenizer) for name, text in fields.items()}
    return dict(row) | short_fields


def cut_to_tokens(text: str, tokens: int, tokenizer) -> str:
    """Return the beginning of a text, at most `tokens` of it."""
    if len(text.encode()) <= tokens:
        return text  # no token is shorter than a byte
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return text[: spans[tokens][0]].strip() if len(spans) > tokens else text


def pair_text(row: Mapping) -> str:
    """Format query and item, each field cleaned and on a line of its own."""
    fields = {name: clean(row[name], limit) for name, limit in FIELD_CHARACTERS.items()}
    details = "; ".join(fields[name] for name in ("brand", "category", "attributes") if fields[name])
    return f"Query: {fields['query']}\nItem: {fields['title']}" + (f"\nDetails: {details}" if details else "")


def unified_prompt(row: Mapping) -> list[dict]:
    """Return chat messages that show the pair and name no perspective (method.md, SFT)."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": pair_text(row)}]


def answer(rationale: Mapping) -> str:
    """Format a rationale's completion: its perspective's tag, the reasoning, the label it ends in."""
    return f"<{rationale['perspective']}> {rationale['text']}\nLabel: {rationale['predicted_label']}"


def render_chat(tokenizer, messages: list[dict]) -> str:
    """Render messages up to where the model's answer begins, without a thinking part."""
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False)
