"""States of the queries that were read last: shoppers repeat queries, and half of a page's time is reading one.

A package's runtime has one of its own, so that no version serves states of another's encoder.
"""

from collections.abc import Callable
from threading import Lock

from cachetools import LRUCache

from components.scoring.item import Item

MAX_BYTES = 8 * 2**20  # of all queries: two thousand of eight tokens, at a width of 384 and 64 numbers a token

Tokens = tuple[int, ...]  # of a query, which are all that its encoder reads


class QueryCache:
    """Encodes queries, and remembers those that came last, for any number of threads."""

    def __init__(self, encode: Callable[[Tokens], Item], max_bytes: int = MAX_BYTES):
        self.encode = encode
        self.queries: LRUCache[Tokens, Item] = LRUCache(max_bytes, getsizeof=lambda query: query.bytes)
        self.lock = Lock()
        self.hits = 0
        self.misses = 0

    def __call__(self, tokens: Tokens) -> Item:
        """Return a query's states.

        Threads that miss the same query at once each encode it, and none waits for another.
        """
        with self.lock:
            query = self.queries.get(tokens)
            self.hits += query is not None
            self.misses += query is None
        if query is None:
            query = self.encode(tokens)
            with self.lock:
                if query.bytes <= self.queries.maxsize:
                    self.queries[tokens] = query
        return query

    def __len__(self) -> int:
        """Return the number of queries that are remembered."""
        return len(self.queries)

    @property
    def bytes(self) -> int:
        """Return the memory that they take."""
        return self.queries.currsize
