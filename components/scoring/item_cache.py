"""Items whose states are computed when a package is made, so that no request waits for them.

Only for students that store the mean of an item's states and, where tokens are matched, a short vector of each token:
others would take far more room. N items, T tokens of one item, H encoder width, D width of a token's vector.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from components.scoring.runtime import Item, LateInteractionRuntime
from components.scoring.tokenizer import FIELDS, PairTokenizer, item_text
from components.step_result import Progress

FILE = "items.safetensors"
MAX_ITEMS = 50_000  # of a package: 38 MB at a width of 384, and 160 MB where 25 tokens are matched by 64 numbers
BATCH = 512
DIGEST_BYTES = 16
MOST_SHOWN = f"""
    select {", ".join(FIELDS)} from read_parquet(?)
    group by all order by max(impressions_30d) desc nulls last, {", ".join(FIELDS)} limit ?
"""


class ItemEmbeddingCache:
    """A package's precomputed items, if any. They stay on disk until they are looked up."""

    def __init__(self, package: Path):
        self.rows: dict[bytes, int] = {}
        if (package / FILE).is_file():
            file = safe_open(package / FILE, "numpy")
            self.states = file.get_slice("states")  # (N, H)
            self.rows = {digest.tobytes(): row for row, digest in enumerate(file.get_tensor("digests"))}
            has_vectors = "vectors" in set(file.keys())
            self.vectors = file.get_slice("vectors") if has_vectors else None  # of all items: (N T, D)
            self.ends = np.cumsum(file.get_tensor("lengths")).tolist() if self.vectors else []

    def lookup(self, ids: Sequence[int]) -> Item:
        """Return an item by its tokens, with its states if they are precomputed.

        States and vectors are in half precision.
        """
        row = self.rows.get(token_digest(ids)) if self.rows else None
        if row is None:
            return Item(ids)
        vectors = self.vectors[self.ends[row] - len(ids) : self.ends[row]] if self.vectors else None
        return Item(ids, self.states[row : row + 1], vectors)


def precompute_items(
    training_set: str | Path, tokenizer: PairTokenizer, runtime: LateInteractionRuntime, package: Path
) -> int:
    """Write the states of the judged items, the most shown first, and return their number."""
    items: dict[bytes, Item] = {}
    texts = most_shown_texts(training_set, MAX_ITEMS)
    progress = Progress(len(texts), "items")
    for start in range(0, len(texts), BATCH):
        batch = [Item(ids) for ids in tokenizer.encode_items(texts[start : start + BATCH])]
        runtime.encode_items(batch)
        items |= {token_digest(item.ids): item for item in batch}
        progress.advance(len(batch))
    save_file(to_arrays(items), package / FILE)
    return len(items)


def to_arrays(items: dict[bytes, Item]) -> dict[str, np.ndarray]:
    """Concatenate digests, states, and vectors with their lengths, as the file holds them."""
    digests = np.frombuffer(b"".join(items), np.uint8).reshape(-1, DIGEST_BYTES)
    arrays = {"digests": digests, "states": np.concatenate([item.states for item in items.values()])}
    vectors = [item.vectors for item in items.values() if item.vectors is not None]
    if vectors:
        arrays["vectors"] = np.concatenate(vectors)
        arrays["lengths"] = np.array([len(each) for each in vectors])
    return arrays


def most_shown_texts(training_set: str | Path, limit: int) -> list[str]:
    """Return at most `limit` texts of judged items, the most shown in thirty days first."""
    import duckdb

    with duckdb.connect() as database:
        rows = database.sql(MOST_SHOWN, params=[str(training_set), limit]).to_arrow_table().to_pylist()
    return [item_text(row) for row in rows]


def token_digest(ids: Sequence[int]) -> bytes:
    """Hash an item's tokens, on which alone its states depend."""
    return hashlib.blake2b(np.asarray(ids, np.int32).tobytes(), digest_size=DIGEST_BYTES).digest()
