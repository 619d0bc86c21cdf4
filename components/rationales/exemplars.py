"""Exemplar rationales by rule, from a pair's fields: what teaches a small model the form and the comparison.

They start the teacher (cold start) and never become a distillation target.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from components import contracts
from components.rationales.choose import choose_pairs
from components.rationales.perspectives import NAMES, VERSION

MODEL_DIGEST = "exemplars-by-rule"
WORD = re.compile(r"[a-z0-9]+")
STOP = {"for", "with", "the", "and", "of", "a", "to", "in", "on", "without"}
REASON = {
    "Exact": (
        "everything that was asked is there",
        "it is the thing that was asked for",
        "nothing that was asked is missing",
    ),
    "Substitute": (
        "it serves the same use but is not quite what was asked",
        "it could replace what was asked",
        "a near miss",
    ),
    "Complement": (
        "it only goes with what was asked",
        "it is an accessory, not the thing itself",
        "it is used together with it",
    ),
    "Irrelevant": ("it is something else", "it serves another use", "it has nothing to do with what was asked"),
}
DIFFERENCE = {
    "category": "another kind of item",
    "brand": "the brand differs",
    "model": "the model differs",
    "attribute": "an attribute differs",
    "accessory": "an accessory of it",
}


def exemplars(judgements: Iterable[Mapping]) -> Iterator[dict]:
    """Yield one RATIONALES row a pair and perspective; wording varies with the pair, the label is the judged one."""
    for row in judgements:
        for perspective in NAMES:
            text = f"{comparison(row, perspective)}: {reason(row, perspective)}."
            yield {
                **{name: row[name] for name in ("query_id", "item_id", "label")},
                "perspective": perspective,
                "sample": 0,
                "text": text,
                "predicted_label": row["label"],
                "label_probabilities": None,
                "prompt_version": VERSION,
                "model_digest": MODEL_DIGEST,
                "key": hashlib.sha256(
                    f"{perspective}\n{row['query_id']}\n{row['item_id']}\n{text}".encode()
                ).hexdigest(),
                "tokens_in": 0,
                "tokens_out": 0,
                "finish_reason": "rule",
            }


def words(text: str | None) -> list[str]:
    """Lower-case words of a text, in order, without the commonest."""
    return [word for word in WORD.findall((text or "").lower()) if word not in STOP]


def comparison(row: Mapping, perspective: str) -> str:
    """What the query asks against what the item offers, as the perspective sees it."""
    asked = words(row["query"])
    offered = set(words(" ".join(filter(None, (row["title"], row["brand"], row["category"], row["attributes"])))))
    found, missing = [w for w in asked if w in offered], [w for w in asked if w not in offered]
    if perspective == "user_intent":
        return f"Wanted {' '.join(asked)}, offered {kind(row)}"
    if perspective == "attributes":
        return (
            f"Found {', '.join(found) or 'nothing'}; not found {', '.join(missing) or 'nothing'}; item is {kind(row)}"
        )
    return f"Asked {' '.join(asked)}, item is {' '.join(filter(None, (row['brand'], kind(row))))}"


def kind(row: Mapping) -> str:
    """The kind of item, in the words of its category, or of its title where there is none."""
    return (row["category"] or "").split(">")[-1].strip().lower() or " ".join(words(row["title"])[:4])


def reason(row: Mapping, perspective: str) -> str:
    """Why the label follows, one of several wordings; the mismatch is named where it is known."""
    wordings = REASON[row["label"]]
    index = int.from_bytes(
        hashlib.sha256(f"{perspective}{row['query_id']}{row['item_id']}".encode()).digest()[:2], "big"
    )
    difference = DIFFERENCE.get(row["mismatch"] or "")
    wording = wordings[index % len(wordings)]
    return f"{difference}, {wording}" if difference else wording


def write_exemplars(judgements: str | Path, pairs: int, out: str | Path) -> dict:
    """Write exemplars of `pairs` train pairs, equally of each label; 0 writes none. Rows in: pairs x perspectives."""
    chosen = choose_pairs(contracts.read_batches(contracts.JUDGEMENTS, judgements), pairs) if pairs else []
    written = contracts.write_batches(exemplars(chosen), contracts.RATIONALES, out)
    asked = len(chosen) * len(NAMES)
    return {
        "rows_in": asked,
        "rows_out": written,
        "set_aside": asked - written,
        "figure": f"{len(chosen)} pairs x {len(NAMES)}",
    }
