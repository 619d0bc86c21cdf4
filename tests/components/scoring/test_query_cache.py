"""A query is encoded once while it is remembered, and the memory has a limit, whoever asks."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from components.scoring.item import ITEM_BYTES, Item
from components.scoring.query_cache import QueryCache

QUERY_BYTES = ITEM_BYTES + 4 * 2 + 8  # of two tokens, whose states are two numbers


class CountingEncoder:
    def __init__(self):
        self.encoded = []

    def __call__(self, tokens):
        self.encoded.append(tokens)
        return Item(tokens, np.array([tokens], np.float32))


def test_a_repeated_query_is_encoded_once():
    encoder = CountingEncoder()
    queries = QueryCache(encoder)
    first, second = queries((1, 2)), queries((1, 2))
    assert second is first and encoder.encoded == [(1, 2)]
    assert (queries.hits, queries.misses, queries.bytes) == (1, 1, QUERY_BYTES)


def test_the_oldest_query_makes_room():
    encoder = CountingEncoder()
    queries = QueryCache(encoder, max_bytes=2 * QUERY_BYTES)
    for tokens in ((1, 1), (2, 2), (1, 1), (3, 3), (2, 2)):
        queries(tokens)
    assert encoder.encoded == [(1, 1), (2, 2), (3, 3), (2, 2)]
    assert queries.bytes == 2 * QUERY_BYTES


def test_a_query_beyond_the_limit_is_answered():
    queries = QueryCache(CountingEncoder(), max_bytes=QUERY_BYTES - 1)
    assert queries((1, 2)).states.tolist() == [[1, 2]]
    assert len(queries) == 0


def test_threads_get_their_own_queries():
    queries = QueryCache(CountingEncoder(), max_bytes=3 * QUERY_BYTES)
    tokens = [(number % 7, number % 5) for number in range(2000)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(queries, tokens))
    assert [tuple(answer.states[0].astype(int).tolist()) for answer in answers] == tokens
    assert queries.hits + queries.misses == 2000 and queries.bytes == 3 * QUERY_BYTES
