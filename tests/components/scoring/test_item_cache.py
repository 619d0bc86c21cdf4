"""Judged items are encoded when a package is made: no request waits for them, and scores stay the same."""

import numpy as np
import pytest

from components import contracts, package_manifest
from components.packaging.package import make_package
from components.scoring.item_cache import FILE, ItemEmbeddingCache, most_shown_texts, token_digest
from components.scoring.scorer import Scorer
from testing.student_fixtures import training_rows

PAIRS = [("red shoe", f"{title} {query}") for query in range(6) for title in ("red shoe", "garden hose")]


@pytest.mark.slow
def test_a_package_holds_every_judged_item(late_interaction_package):
    folder, details = late_interaction_package
    titles = {row["title"] for row in training_rows()}
    assert details["precomputed_items"] == len(titles) == len(ItemEmbeddingCache(folder).rows)
    assert FILE in package_manifest.verify(folder)
    card = (folder / "model_card.md").read_text()
    assert f"Precomputed items: {len(titles)} of those judged" in card
    assert "tokens are matched one by one" in card and ItemEmbeddingCache(folder).vectors is not None


@pytest.mark.slow
def test_a_precomputed_item_is_not_encoded_again(late_interaction_package, monkeypatch):
    fresh = Scorer(late_interaction_package[0])
    fresh.precomputed_items.rows.clear()
    expected = fresh(PAIRS)
    scorer = Scorer(late_interaction_package[0])
    encoded = []
    encode = scorer.runtime.encode_separately
    monkeypatch.setattr(
        scorer.runtime, "encode_separately", lambda texts, segment: encoded.extend(texts) or encode(texts, segment)
    )
    scores = scorer(PAIRS)
    assert len(encoded) == 1  # the query
    assert np.abs(scores.probabilities - expected.probabilities).max() < 2e-3
    assert np.abs(scores.reasoning - expected.reasoning).max() < 2e-2


@pytest.mark.slow
def test_an_unjudged_item_is_encoded_at_its_request(late_interaction_package):
    scorer = Scorer(late_interaction_package[0])
    unknown = "a kettle that came this morning"
    pairs = scorer.tokenise([("kettle", unknown)])
    assert pairs.items[unknown].states is None
    assert scorer.run(pairs).probabilities.shape == (1, 4)
    assert pairs.items[unknown].states.shape == (1, 32)


@pytest.mark.slow
def test_items_of_an_earlier_attempt_are_removed(trained_student, tables, tmp_path):
    (tmp_path / FILE).write_bytes(b"of another student")
    make_package(trained_student[0], tables[1], tables[0], tmp_path)
    assert FILE not in package_manifest.verify(tmp_path)


def test_most_shown_items_come_first(tmp_path):
    rows = training_rows(2)
    impressions = {"red shoe 0": 3.0, "garden hose 1": 9.0, "blue shoe 0": 5.0}
    rows = [row | {"impressions_30d": impressions.get(row["title"], 0.0)} for row in rows]
    rows.append(rows[0] | {"item_id": "the same text again", "impressions_30d": 20.0})
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    assert most_shown_texts(tmp_path / "rows", 3) == ["red shoe 0", "garden hose 1", "blue shoe 0"]
    assert len(most_shown_texts(tmp_path / "rows", 100)) == 8


def test_an_item_is_looked_up_by_its_tokens():
    assert token_digest([1, 2]) == token_digest(np.array([1, 2])) != token_digest([2, 1])
