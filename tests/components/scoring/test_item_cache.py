"""Judged items are read ahead when a package is made: no request waits for their reading, and answers stay the same."""

import numpy as np
import pytest

from components import contracts, package_manifest
from components.packaging.package import package
from components.scoring.item_cache import FILE, Catalogue, digest, shown
from components.scoring.scorer import Scorer
from testing.student_fixtures import training_rows

PAIRS = [("red shoe", f"{title} {query}") for query in range(6) for title in ("red shoe", "garden hose")]


@pytest.mark.slow
def test_a_package_carries_the_states_of_every_judged_item(late_interaction_package):
    folder, said = late_interaction_package
    titles = {row["title"] for row in training_rows()}
    assert said["items_read_ahead"] == len(titles) == len(Catalogue(folder).rows)
    assert FILE in package_manifest.verify(folder)
    card = (folder / "model_card.md").read_text()
    assert f"Items read ahead: {len(titles)} of those judged" in card
    assert "tokens are matched one by one" in card and Catalogue(folder).vectors is not None


@pytest.mark.slow
def test_an_item_that_was_read_ahead_is_not_read_again_and_scores_as_if_it_were(late_interaction_package, monkeypatch):
    reading, knowing = (Scorer(late_interaction_package[0]) for _ in range(2))
    reading.read_ahead.rows.clear()
    expected = reading(PAIRS)
    read = []
    reads = knowing.model.read
    monkeypatch.setattr(knowing.model, "read", lambda texts, arrays: read.extend(texts) or reads(texts, arrays))
    found = knowing(PAIRS)
    assert len(read) == 1  # the query
    assert np.abs(found.probabilities - expected.probabilities).max() < 2e-3
    assert np.abs(found.reasoning - expected.reasoning).max() < 2e-2


@pytest.mark.slow
def test_an_item_that_nobody_judged_is_read_when_it_is_asked_about(late_interaction_package):
    scorer = Scorer(late_interaction_package[0])
    unknown = "a kettle that came this morning"
    queries, items, texts = scorer.tokenise([("kettle", unknown)])
    assert items[unknown].states is None
    assert scorer.run((queries, items, texts)).probabilities.shape == (1, 4)
    assert items[unknown].states.shape == (1, 32)


@pytest.mark.slow
def test_what_an_earlier_attempt_left_in_the_folder_is_not_taken_for_this_package(trained_student, tables, tmp_path):
    (tmp_path / FILE).write_bytes(b"of another student")
    package(trained_student[0], tables[1], tables[0], tmp_path)
    assert FILE not in package_manifest.verify(tmp_path)


def test_the_items_that_were_shown_most_of_late_are_read_first(tmp_path):
    rows = training_rows(2)
    seen = {"red shoe 0": 3.0, "garden hose 1": 9.0, "blue shoe 0": 5.0}
    rows = [row | {"impressions_30d": seen.get(row["title"], 0.0)} for row in rows]
    rows.append(rows[0] | {"item_id": "the same text again", "impressions_30d": 20.0})
    contracts.write(rows, contracts.TRAINING_SET, tmp_path / "rows")
    assert shown(tmp_path / "rows", 3) == ["red shoe 0", "garden hose 1", "blue shoe 0"]
    assert len(shown(tmp_path / "rows", 100)) == 8


def test_an_item_is_found_by_its_tokens_alone():
    assert digest([1, 2]) == digest(np.array([1, 2])) != digest([2, 1])
