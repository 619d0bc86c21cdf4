"""The model behind :predict and :explain, called as KServe calls it."""

import asyncio

import pytest

from tests.serving.conftest import WordOverlap, nearest
from tests.serving.test_recorder import on_s3

pytestmark = pytest.mark.slow  # imports Feast and KServe


@pytest.fixture
def model(night, recorder):
    from serving.cache import CachedScorer
    from serving.explain import Explainer
    from serving.features import OnlineFeatures
    from serving.server import RelevanceModel

    scorer = CachedScorer(WordOverlap())
    model = RelevanceModel(scorer, OnlineFeatures(night), Explainer(nearest), recorder, lambda user: b"h" * 16)
    yield model
    model.workers.shutdown()


def ask(model, body, headers=None) -> dict:
    return asyncio.run(model.predict(body, headers or {}, {}))


BODY = {"query": "red shoes", "item_ids": ["i3", "i2", "i1"], "request_id": "r7"}


def test_items_come_back_by_falling_score(model):
    answer = ask(model, BODY)
    first = answer["predictions"][0]
    assert [row["item_id"] for row in answer["predictions"]] == ["i1", "i3", "i2"]
    assert (first["position"], first["label"], first["score"]) == (1, "Exact", 1.0)
    assert list(first["probabilities"]) == ["Exact", "Substitute", "Complement", "Irrelevant"]
    assert (answer["version"], answer["request_id"]) == ("student-overlap", "r7")


def test_a_header_names_the_version(model):
    headers = {}
    asyncio.run(model.predict(BODY, {}, headers))
    assert headers["x-model-version"] == "student-overlap" and "model;dur=" in headers["server-timing"]


def test_a_page_that_nobody_interleaved_is_a_fallback(model, recorder, objects):
    ask(model, BODY | {"user_id": "anna"}, {"x-arm": "interleave", "x-experiment-id": "e1"})
    recorder.flush()
    rows = on_s3(objects, "exposures")
    assert {(row["page_kind"], row["assigned_arm"], row["team"]) for row in rows} == {("fallback", None, None)}


def test_the_page_is_logged_with_a_hashed_user(model, recorder, objects):
    headers = {"x-arm": "treatment", "x-experiment-id": "e1"}
    ask(model, BODY | {"user_id": "anna", "page_size": 2, "query_class": "head"}, headers)
    recorder.flush()
    rows = on_s3(objects, "exposures")
    (request,) = on_s3(objects, "requests")
    assert [(row["position"], row["item_id"], row["user_hash"]) for row in rows] == [
        (1, "i1", b"h" * 16),
        (2, "i3", b"h" * 16),
    ]
    assert {(row["assigned_arm"], row["experiment_id"], row["category"]) for row in rows} == {
        ("treatment", "e1", "Sport")
    }
    assert (request["status"], request["items"], request["version"]) == (200, 3, "student-overlap")
    assert not any(b"anna" in content for content in objects.values())


def test_an_unknown_item_is_refused_by_name(model):
    from kserve.errors import InvalidInput

    with pytest.raises(InvalidInput, match="item_ids names an unknown item, 'zz' and 1 more"):
        ask(model, BODY | {"item_ids": ["i1", "zz", "yy"]})


def test_an_arm_that_does_not_exist_is_refused(model):
    from kserve.errors import InvalidInput

    with pytest.raises(InvalidInput, match="x-arm is 'left'; give control or treatment"):
        ask(model, BODY, {"x-arm": "left"})


def test_inline_items_are_scored_from_their_texts(model, recorder, objects):
    answer = ask(model, b'{"query": "garden hose", "instances": [{"title": "garden hose", "price": 9}]}')
    recorder.flush()
    assert answer["predictions"][0]["score"] == 1.0
    assert on_s3(objects, "requests")[0]["missing_features"] == 12


def test_nothing_is_shown_that_cannot_be_recorded(model, recorder):
    from kserve.errors import ServerNotReady

    recorder.record(outcomes=[{"time": "2026-01-31T00:00:00+00:00"}] * 19)
    with pytest.raises(ServerNotReady, match="cannot be recorded"):
        ask(model, BODY)


def test_a_full_spool_does_not_stop_search(model, recorder):
    recorder.drops_when_full = True
    recorder.record(outcomes=[{"time": "2026-01-31T00:00:00+00:00"}] * 19)
    assert len(ask(model, BODY)["predictions"]) == 3
    assert recorder.spooled_rows == 19 and recorder.dropped_rows.gap.rows == {"requests": 1, "exposures": 3}
    recorder.dropped_rows.gap = None


def test_an_explanation_has_numbers_and_nearest_rationales(model):
    headers = {"authorization": "secret", "x-arm": "control"}
    answer = asyncio.run(model.explain(BODY | {"query_id": "q1"}, headers))
    first = answer["explanations"][0]
    assert first["item_id"] == "i3" and first["rationales"][0]["text"] == "shares the words"
    assert first["rationales"][0]["predicted_label"] == first["label"] and first["reason"] is None
    assert first["features"]["price"] == 20.0 and first["features"]["price_ratio"] == 1.0
    assert headers.keys() == {"x-model-version", "server-timing"}
