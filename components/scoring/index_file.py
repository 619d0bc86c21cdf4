"""One file of an item index: a safetensors file with a sorted table of keys, which is mapped and never loaded.

N items in the order of their keys, T tokens of one, H encoder width, D width of a token's vector.
"""

import json
import mmap
import os
import weakref
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.scoring.item_cache import DIGEST_BYTES
from components.scoring.state_precision import PRECISIONS, StateLayout

FORMAT = 1
KEY_TABLE = ("keys", "checks", "ends", "checksums")
ITEMS = "items"  # the tensor of their bytes
DTYPES = {"U64": np.dtype("<u8"), "U32": np.dtype("<u4"), "U8": np.dtype("u1")}  # by safetensors' names
MAX_HEADER = 1_000_000  # bytes


@dataclass(frozen=True)
class IndexHead:
    """What a file says of itself."""

    encoder: str  # digest
    precision: str
    width: int  # of an item's mean
    token_width: int  # of its tokens' vectors
    rows: int = 0  # of the catalogue, read for this file
    skipped_rows: int = 0  # of them, without a title or broken
    table_checksum: int = 0  # of the key table
    format: int = FORMAT

    @property
    def layout(self) -> StateLayout:
        """Return how an item's states lie in its bytes."""
        return StateLayout(self.precision, self.width, self.token_width)


class IndexFile:
    """A file's items by their tokens' digest.

    Its keys are mapped, and an item's bytes are read when it is asked for.

    Raises:
        ValueError: it is damaged, or of another format; delete it and read the catalogue again.
    """

    def __init__(self, path: Path):
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)  # for as long as the index is used
        weakref.finalize(self, os.close, self.descriptor)
        try:
            self.head, self.table, self.items_offset = read_header(self.descriptor)
        except (ValueError, KeyError, TypeError) as error:
            raise self.damage(error) from error
        if self.head.format != FORMAT or self.head.precision not in PRECISIONS:
            version = f"format {self.head.format} in {self.head.precision}"
            raise ValueError(f"{path} has {version}, and this release reads format {FORMAT}: read the catalogue again")
        if checksum(self.table.values()) != self.head.table_checksum:
            raise self.damage("its keys were changed")

    def damage(self, reason) -> ValueError:
        """Return the error that names the file, what is wrong and the remedy."""
        return ValueError(f"{self.path} is damaged ({reason}): delete it and read the catalogue again")

    def __len__(self) -> int:
        return len(self.table["keys"])

    def find_rows(self, digests: np.ndarray) -> np.ndarray:
        """Return the row of each digest (B, 2): (B,), -1 where the file lacks it."""
        keys = self.table["keys"]
        if not len(keys):
            return np.full(len(digests), -1)
        rows = np.searchsorted(keys, digests[:, 0]).clip(max=len(keys) - 1)
        is_present = (keys[rows] == digests[:, 0]) & (self.table["checks"][rows] == digests[:, 1])
        return np.where(is_present, rows, -1)

    def read(self, row: int) -> bytes:
        """Return an item's bytes.

        Raises:
            ValueError: they are damaged.
        """
        ends = self.table["ends"]
        start = int(ends[row - 1]) if row else 0
        content = os.pread(self.descriptor, int(ends[row]) - start, self.items_offset + start)
        if zlib.crc32(content) != self.table["checksums"][row]:
            raise self.damage(f"row {row} was changed")
        return content

    def states(self, row: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return an item's states (1, H) and vectors (T, D) in half precision.

        Raises:
            ValueError: they are damaged.
        """
        return self.head.layout.unpack(self.read(row))


def digest_numbers(digests: Sequence[bytes]) -> np.ndarray:
    """Return digests as two whole numbers each: (B, 2)."""
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, DIGEST_BYTES // 8)


def checksum(arrays: Iterable[np.ndarray]) -> int:
    """Return the CRC-32 of arrays, one after another."""
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array), value)
    return value


def read_header(descriptor: int) -> tuple[IndexHead, dict[str, np.ndarray], int]:
    """Return a file's head, its table of keys, mapped, and where its items begin.

    Raises:
        ValueError: it is no safetensors file, or is cut short.
    """
    size = int.from_bytes(os.pread(descriptor, 8, 0), "little")
    if not 0 < size <= MAX_HEADER:
        raise ValueError("it does not begin as a safetensors file")
    header = json.loads(os.pread(descriptor, size, 8))
    values = header.pop("__metadata__")
    texts = {name: values.pop(name) for name in ("encoder", "precision")}
    head = IndexHead(**texts, **{name: int(value) for name, value in values.items()})
    length = os.fstat(descriptor).st_size
    if length != 8 + size + header[ITEMS]["data_offsets"][1]:
        raise ValueError(f"its {length:,} bytes are not as many as its header says")
    content = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    table = {}
    for name in KEY_TABLE:
        offset = 8 + size + header[name]["data_offsets"][0]
        table[name] = np.frombuffer(content, DTYPES[header[name]["dtype"]], header[name]["shape"][0], offset)
    return head, table, 8 + size + header[ITEMS]["data_offsets"][0]
