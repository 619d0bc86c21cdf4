"""The store of completions: the first worker to store a key has stored it for good."""

from components.rationales.engine import TOO_LONG, Completion
from tests.components.rationales.scripted_engines import memory_store


def completion(text):
    return Completion(text, 3, 2, "stop", (0.25, 0.25, 0.25, 0.25))


def texts(store):
    return {key: row.text for key, row in store.completions.items()}


def test_the_next_worker_reads_every_field():
    objects = {}
    memory_store(objects).add({"k1": completion("one"), "k2": Completion("", 900, 0, TOO_LONG, None)})
    completions = memory_store(objects).completions
    assert completions["k1"].text == "one"
    assert tuple(completions["k1"].label_probabilities) == (0.25, 0.25, 0.25, 0.25)
    assert completions["k2"] == Completion("", 900, 0, TOO_LONG, None)


def test_the_first_of_two_workers_decides():
    objects = {}
    first = memory_store(objects)
    second = memory_store(objects)
    first.add({"k1": completion("one"), "k2": completion("two")})
    second.add({"k2": completion("another"), "k3": completion("three")})
    assert texts(memory_store(objects)) == texts(second) == {"k1": "one", "k2": "two", "k3": "three"}
    assert (first.stored_count, second.stored_count) == (2, 1)


def test_a_worker_without_new_keys_writes_nothing():
    objects = {}
    first = memory_store(objects)
    second = memory_store(objects)
    first.add({"k1": completion("one")})
    second.add({"k1": completion("another")})
    assert len(objects) == 1 and second.stored_count == 0 and texts(second) == {"k1": "one"}
