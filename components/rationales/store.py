"""The store of completions on S3: numbered parts, each created whole by one worker and never rewritten."""

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq

from components import contracts, storage
from components.rationales.engine import Completion


class Store:
    """The completions below a prefix.

    Of several workers, the first to store a key has stored it for good. A worker that finds its part's number taken
    reads that part, drops the keys it holds, and creates the next one.
    """

    def __init__(self, prefix: str, get: Callable = storage.get_bytes, create: Callable = storage.create_bytes):
        self.prefix = prefix
        self.get = get
        self.create = create
        self.parts = 0
        self.completions: dict[str, Completion] = {}
        self.stored_count = 0
        self.refresh()

    def refresh(self) -> None:
        """Read the parts that others have written meanwhile."""
        while (content := self.get(self.next_part)) is not None:
            table = pq.read_table(io.BytesIO(content), schema=contracts.COMPLETIONS)
            self._remember({row.pop("key"): Completion(**row) for row in table.to_pylist()})

    def add(self, completions: Mapping[str, Completion]) -> None:
        """Store completions by key, without those that another worker has stored meanwhile."""
        while new := {key: value for key, value in completions.items() if key not in self.completions}:
            if self.create(self.next_part, encode(new)):
                self._remember(new)
                self.stored_count += len(new)
            else:
                self.refresh()

    @property
    def next_part(self) -> str:
        """Return the name of the next part."""
        return f"{self.prefix}/{self.parts:06d}.parquet"

    def _remember(self, completions: Mapping[str, Completion]) -> None:
        for key, completion in completions.items():
            self.completions.setdefault(key, completion)
        self.parts += 1


def encode(completions: Mapping[str, Completion]) -> bytes:
    """Write completions as a Parquet file."""
    rows = [{"key": key} | asdict(completion) for key, completion in completions.items()]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=contracts.COMPLETIONS), buffer, compression="zstd")
    return buffer.getvalue()
