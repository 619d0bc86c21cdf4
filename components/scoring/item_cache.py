"""Items read ahead: their states are computed when a package is made, so that no shopper waits for a first reading.

Of a student that reads of an item the mean of its tokens' states and, where they are matched, a narrow vector of each;
of others an item would take far more room. N items, T tokens of one, H encoder width, D of a narrow vector.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from components.scoring.onnx_runtime import Item, LateJoin
from components.scoring.tokenizer import FIELDS, PairTokenizer, item_text
from components.step_result import Progress

FILE = "items.safetensors"
ITEMS = 50_000  # of a package at most: 38 MB at a width of 384, and 160 MB where 25 tokens are matched by 64 numbers
AT_ONCE = 512
DIGEST = 16  # bytes
SHOWN = f"""
    select {", ".join(FIELDS)} from read_parquet(?)
    group by all order by max(impressions_30d) desc nulls last, {", ".join(FIELDS)} limit ?
"""


class Catalogue:
    """A package's items that were read ahead, on disk until they are asked for; none where the package has none."""

    def __init__(self, package: Path):
        self.rows: dict[bytes, int] = {}
        if (package / FILE).is_file():
            file = safe_open(package / FILE, "numpy")
            self.states = file.get_slice("states")  # (N, H)
            self.rows = {digest.tobytes(): row for row, digest in enumerate(file.get_tensor("digests"))}
            self.vectors = file.get_slice("vectors") if "vectors" in [*file.keys()] else None  # of all items: (N T, D)
            self.ends = np.cumsum(file.get_tensor("lengths")).tolist() if self.vectors else []

    def __call__(self, ids: Sequence[int]) -> Item:
        """An item by its tokens, with what was read ahead of it: half precision, nothing where it was not."""
        row = self.rows.get(digest(ids)) if self.rows else None
        if row is None:
            return Item(ids)
        vectors = self.vectors[self.ends[row] - len(ids) : self.ends[row]] if self.vectors else None
        return Item(ids, self.states[row : row + 1], vectors)


def read_ahead(training_set: str | Path, tokenizer: PairTokenizer, model: LateJoin, package: Path) -> int:
    """Write the states of the judged items, those first that were shown most of late; how many they are."""
    found: dict[bytes, Item] = {}
    texts = shown(training_set, ITEMS)
    progress = Progress(len(texts), "items")
    for first in range(0, len(texts), AT_ONCE):
        items = [Item(ids) for ids in tokenizer.items(texts[first : first + AT_ONCE])]
        model.prepare(items)
        found |= {digest(item.ids): item for item in items}
        progress.advance(len(items))
    digests = np.frombuffer(b"".join(found), np.uint8).reshape(-1, DIGEST)
    kept = {"digests": digests, "states": np.concatenate([item.states for item in found.values()])}
    vectors = [item.vectors for item in found.values() if item.vectors is not None]
    if vectors:
        kept |= {"vectors": np.concatenate(vectors), "lengths": np.array([*map(len, vectors)])}
    save_file(kept, package / FILE)
    return len(found)


def shown(training_set: str | Path, most: int) -> list[str]:
    """At most so many texts of judged items, those first that were shown most in the last thirty days."""
    import duckdb

    with duckdb.connect() as database:
        rows = database.sql(SHOWN, params=[str(training_set), most]).to_arrow_table().to_pylist()
    return [item_text(row) for row in rows]


def digest(ids: Sequence[int]) -> bytes:
    """What an item is found by: its states depend on its tokens alone."""
    return hashlib.blake2b(np.asarray(ids, np.int32).tobytes(), digest_size=DIGEST).digest()
