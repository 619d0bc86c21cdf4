"""Tiny real rows of the contracts, for tests. Give the fields that matter, the rest is filled in."""

from components.contracts import FEATURES


def judgement(**fields) -> dict:
    """Return a JUDGEMENTS row: a shopper searches red running shoes and sees some."""
    row = {
        "query_id": "q1",
        "query": "red running shoes",
        "locale": "us",
        "query_class": "torso",
        "item_id": "i1",
        "title": "Acme Sprint running shoes, red",
        "brand": "Acme",
        "category": "Running Shoes",
        "attributes": "color: red; size: 42",
        "label": "Exact",
        "split": "train",
        "mismatch": None,
    }
    return row | fields


def training_row(**fields) -> dict:
    """Return a TRAINING_SET row: a judgement with its features."""
    return judgement() | dict.fromkeys(FEATURES, 0.0) | fields


def rationale(**fields) -> dict:
    """Return a RATIONALES row whose prediction is right."""
    row = {
        "query_id": "q1",
        "item_id": "i1",
        "label": "Exact",
        "perspective": "attributes",
        "sample": 0,
        "text": "Found red, running, shoes; nothing asked is missing.",
        "predicted_label": "Exact",
        "label_probabilities": [0.7, 0.1, 0.1, 0.1],
        "prompt_version": "test",
        "model_digest": "digest",
        "key": "k1",
        "tokens_in": 40,
        "tokens_out": 12,
        "finish_reason": "stop",
    }
    return row | fields


def click_row(**fields) -> dict:
    """Return a row of judgements from clicks: 1,000 looks, an interval of a tenth about the grade."""
    row = {
        "source": "clicks-position",
        "query_id": "q1",
        "query": "red running shoes",
        "locale": "us",
        "item_id": "i1",
        "grade": 0.4,
        "weight": 0.9,
        "looks": 1000.0,
        "impressions": 2000,
        "clicks": 400,
    }
    row |= fields
    return {"low": 0.9 * row["grade"], "high": 1.1 * row["grade"]} | row
