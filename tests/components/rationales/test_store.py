"""The store of completions: told once is told for good, whoever tells it."""

from components.rationales.engine import Completion
from components.rationales.store import Store


def told(text):
    return Completion(text, 3, 2, "stop", (0.25, 0.25, 0.25, 0.25))


def store(objects):
    return Store("s", objects.get, lambda name, content: objects.setdefault(name, content) is content)


def test_what_was_stored_is_known_to_the_next_worker_in_every_field():
    objects = {}
    store(objects).add({"k1": told("one"), "k2": Completion("", 900, 0, "too long", None)})
    known = store(objects).known
    assert known["k1"].text == "one" and tuple(known["k1"].label_probabilities) == (0.25, 0.25, 0.25, 0.25)
    assert known["k2"] == Completion("", 900, 0, "too long", None)


def test_of_two_workers_the_first_to_tell_a_key_has_told_it_for_both():
    objects = {}
    first, second = store(objects), store(objects)
    first.add({"k1": told("one"), "k2": told("two")})
    second.add({"k2": told("another"), "k3": told("three")})
    third = store(objects)
    assert {key: row.text for key, row in third.known.items()} == {"k1": "one", "k2": "two", "k3": "three"}
    assert {key: row.text for key, row in second.known.items()} == {"k1": "one", "k2": "two", "k3": "three"}
    assert (first.told, second.told) == (2, 1)


def test_a_worker_whose_every_key_was_told_by_another_writes_nothing():
    objects = {}
    first, second = store(objects), store(objects)
    first.add({"k1": told("one")})
    second.add({"k1": told("another")})
    assert len(objects) == 1 and second.told == 0 and second.known["k1"].text == "one"
