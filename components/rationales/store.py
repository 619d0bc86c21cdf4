"""Completions on S3, told once: numbered parts, each created whole by one worker; what is there is not asked again."""

import io
from collections.abc import Callable, Mapping
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq

from components import contracts, storage
from components.rationales.engine import Completion


class Store:
    """What is known below a prefix. Several workers may write at once: the first to tell a key has told it for good.

    A worker that finds its part's number taken reads that part, drops what it tells, and creates the next one.
    """

    def __init__(self, prefix: str, get: Callable = storage.get_bytes, create: Callable = storage.create_bytes):
        self.prefix, self.get, self.create = prefix, get, create
        self.parts, self.known = 0, {}
        self.told = 0  # by this worker
        self.refresh()

    def refresh(self) -> None:
        """Read the parts that others have written meanwhile."""
        while (content := self.get(self.part)) is not None:
            table = pq.read_table(io.BytesIO(content), schema=contracts.COMPLETIONS)
            self._told({row.pop("key"): Completion(**row) for row in table.to_pylist()})

    def add(self, completions: Mapping[str, Completion]) -> None:
        """Store completions by key; those of keys that another worker has told meanwhile are dropped."""
        while new := {key: told for key, told in completions.items() if key not in self.known}:
            if self.create(self.part, encoded(new)):
                self._told(new)
                self.told += len(new)
            else:
                self.refresh()

    @property
    def part(self) -> str:
        """The name of the next part."""
        return f"{self.prefix}/{self.parts:06d}.parquet"

    def _told(self, completions: Mapping[str, Completion]) -> None:
        for key, completion in completions.items():
            self.known.setdefault(key, completion)
        self.parts += 1


def encoded(completions: Mapping[str, Completion]) -> bytes:
    """Completions as a Parquet file."""
    rows = [{"key": key} | asdict(told) for key, told in completions.items()]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=contracts.COMPLETIONS), buffer, compression="zstd")
    return buffer.getvalue()
