"""What may be asked, and the sentence for what may not."""

import math

import pytest

from serving.requests import Refused, parse

GOOD = {"query": "shoes", "item_ids": ["i1", "i2"]}


def test_a_query_with_item_ids_shows_all_of_them_unless_a_page_size_says_fewer():
    assert parse(GOOD).item_ids == ("i1", "i2")
    assert parse(GOOD).page_size == 2
    assert parse(GOOD | {"page_size": 1}).page_size == 1
    assert parse(GOOD | {"page_size": 9}).page_size == 2


def test_a_body_is_read_as_json_whatever_its_content_type_said():
    assert parse(b'{"query": "shoes", "instances": [{"title": "red"}]}').instances[0]["title"] == "red"


def test_instances_without_an_id_are_named_by_their_place():
    assert parse({"query": "shoes", "instances": [{"title": "a"}, {"title": "b", "item_id": "x"}]}).item_ids == (
        "0",
        "x",
    )


WRONG = [
    (b"{", "the body is not JSON"),
    (b"\xff", "the body is not JSON"),
    (b'{"query": "\\ud800", "item_ids": ["a"]}', "the body is not JSON"),
    ([], "the body is a list"),
    (None, "the body is null"),
    ({"item_ids": ["a"]}, "query is missing"),
    ({"query": " ", "item_ids": ["a"]}, "query is blank"),
    ({"query": 5, "item_ids": ["a"]}, "query is a number"),
    ({"query": "x" * 10_001, "item_ids": ["a"]}, "query has 10001 characters"),
    ({"query": "a\ud800", "item_ids": ["a"]}, "query holds a lone surrogate at character 1"),
    ({"query": "a"}, "neither of item_ids and instances"),
    (GOOD | {"instances": [{"title": "a"}]}, "both of item_ids and instances"),
    ({"query": "a", "item_ids": []}, "item_ids has 0 entries; give 1 to 1000"),
    ({"query": "a", "item_ids": ["a"] * 1001}, "item_ids has 1001 entries"),
    ({"query": "a", "item_ids": "a"}, "item_ids is a string"),
    ({"query": "a", "item_ids": ["a", None]}, "item_ids[1] is missing"),
    ({"query": "a", "item_ids": [3]}, "item_ids[0] is a number"),
    ({"query": "a", "item_ids": ["a", "a"]}, "item_ids names the item 'a' twice"),
    ({"query": "a", "instances": ["a"]}, "instances[0] is a string"),
    ({"query": "a", "instances": [{"brand": "a"}]}, "instances[0].title is missing"),
    ({"query": "a", "instances": [{"title": "a", "brand": 1}]}, "instances[0].brand is a number"),
    ({"query": "a", "instances": [{"title": "a", "price": math.nan}]}, "instances[0].price is nan"),
    ({"query": "a", "instances": [{"title": "a", "price": "1"}]}, "instances[0].price is a string"),
    ({"query": "a", "instances": [{"title": "a", "rating": True}]}, "instances[0].rating is a boolean"),
    (GOOD | {"page_size": 0}, "page_size is 0"),
    (GOOD | {"page_size": 1.5}, "page_size is a number"),
    (GOOD | {"query_class": "belly"}, "query_class is 'belly'"),
    (GOOD | {"user_id": "u" * 257}, "user_id has 257 characters"),
    (GOOD | {"request_id": {}}, "request_id is an object"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_wrong_request_is_refused_in_a_sentence_that_names_the_field(body, sentence):
    with pytest.raises(Refused) as refusal:
        parse(body)
    assert sentence in str(refusal.value)
