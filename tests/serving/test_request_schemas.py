"""Valid requests, and the sentence for each invalid one."""

import math

import pytest

from serving.request_schemas import InvalidRequest, parse

GOOD = {"query": "shoes", "item_ids": ["i1", "i2"]}


def test_a_page_shows_all_items_or_page_size():
    assert parse(GOOD).ids == ["i1", "i2"]
    assert parse(GOOD).page_length == 2
    assert parse(GOOD | {"page_size": 1}).page_length == 1
    assert parse(GOOD | {"page_size": 9}).page_length == 2


def test_bytes_are_read_as_json():
    assert parse(b'{"query": "shoes", "instances": [{"title": "red"}]}').items[0]["title"] == "red"


def test_instances_without_id_get_their_index():
    items = [{"title": "a"}, {"title": "b", "item_id": "x"}]
    assert parse({"query": "shoes", "instances": items}).ids == ["0", "x"]


def test_instances_may_repeat_the_same_query():
    items = [{"query": "shoes", "title": "a"}, {"query": "shoes", "title": "b"}]
    assert parse({"instances": items}).query == "shoes"
    with pytest.raises(InvalidRequest, match="the instances name different queries; send a request for each"):
        parse({"query": "socks", "instances": items})


WRONG = [
    (b"{", "the body is not JSON"),
    (b"\xff", "the body is not JSON"),
    (b'{"query": "\\ud800", "item_ids": ["a"]}', "the body is not JSON"),
    ([], "the body is no JSON object"),
    (None, "the body is no JSON object; give one"),
    ({"item_ids": ["a"]}, "query is missing"),
    ({"query": " ", "item_ids": ["a"]}, "query is blank"),
    ({"query": 5, "item_ids": ["a"]}, "query is a number"),
    ({"query": "x" * 10_001, "item_ids": ["a"]}, "query has 10001 characters"),
    ({"query": "a\ud800", "item_ids": ["a"]}, "query holds a lone surrogate; send valid Unicode"),
    ({"query": "a"}, "neither of item_ids and instances"),
    (GOOD | {"instances": [{"title": "a"}]}, "both of item_ids and instances"),
    ({"query": "a", "item_ids": []}, "item_ids has 0 entries; give at least 1"),
    ({"query": "a", "item_ids": ["a"] * 1001}, "item_ids has 1001 entries"),
    ({"query": "a", "item_ids": "a"}, "item_ids is a string"),
    ({"query": "a", "item_ids": ["a", None]}, "item_ids[1] is null; give a string"),
    ({"query": "a", "item_ids": [3]}, "item_ids[0] is a number"),
    ({"query": "a", "item_ids": ["a", "a"]}, "item_ids names the item 'a' twice"),
    ({"query": "a", "instances": ["a"]}, "instances[0] is a string"),
    ({"query": "a", "instances": [{"brand": "a"}]}, "instances[0].title is missing"),
    ({"query": "a", "instances": [{"title": "a", "brand": 1}]}, "instances[0].brand is a number"),
    ({"query": "a", "instances": [{"title": "a", "price": math.nan}]}, "instances[0].price is nan"),
    ({"query": "a", "instances": [{"title": "a", "price": "1"}]}, "instances[0].price is a string"),
    ({"query": "a", "instances": [{"title": "a", "rating": True}]}, "instances[0].rating is a boolean"),
    (GOOD | {"pagesize": 3}, "pagesize is not known here"),
    (GOOD | {"page_size": 0}, "page_size is 0"),
    (GOOD | {"page_size": 1.5}, "page_size is a number"),
    (GOOD | {"query_class": "belly"}, "query_class is 'belly'"),
    (GOOD | {"user_id": "u" * 257}, "user_id has 257 characters"),
    (GOOD | {"request_id": {}}, "request_id is an object"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_request_is_refused_by_field(body, sentence):
    with pytest.raises(InvalidRequest) as refusal:
        parse(body)
    assert sentence in str(refusal.value)
