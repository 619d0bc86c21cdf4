"""One file of an item index: a safetensors file that is mapped, never loaded, with a sorted table of keys.

N items in the order of their keys, M tokens of them all, H encoder width, D width of a token's vector.
"""

import json
import mmap
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.scoring.item_cache import DIGEST_BYTES
from components.scoring.state_precision import PRECISIONS, unpack

FORMAT = "1"
KEY_TABLE = ("keys", "checks", "ends", "checksums")
PER_TOKEN = ("vectors", "vector_scales")
DTYPES = {"U64": "<u8", "U32": "<u4", "U8": "u1", "I8": "i1", "F16": "<f2"}  # by safetensors' names
MAX_HEADER = 1_000_000  # bytes


@dataclass(frozen=True)
class IndexHead:
    """What a file says of itself."""

    encoder: str  # digest
    precision: str
    rows: int = 0  # of the catalogue, read for this file
    skipped_rows: int = 0  # of them, without a title or broken
    format: str = FORMAT
    table_checksum: int = 0  # of the key table


class IndexFile:
    """A file's items by their tokens' digest.

    Raises:
        ValueError: it is damaged, or of another format; delete it and read the catalogue again.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            self.head, self.arrays = map_tensors(path)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is damaged ({error}): delete it and read the catalogue again") from error
        if self.head.format != FORMAT or self.head.precision not in PRECISIONS:
            version = f"format {self.head.format} in {self.head.precision}"
            raise ValueError(f"{path} has {version}, and this release reads format {FORMAT}: read the catalogue again")
        if checksum(self.arrays[name] for name in KEY_TABLE) != self.head.table_checksum:
            raise ValueError(f"{path} is damaged (its keys were changed): delete it and read the catalogue again")

    def __len__(self) -> int:
        return len(self.arrays["keys"])

    def find_rows(self, digests: np.ndarray) -> np.ndarray:
        """Return the row of each digest (B, 2): (B,), -1 where the file lacks it."""
        keys = self.arrays["keys"]
        if not len(keys):
            return np.full(len(digests), -1)
        rows = np.searchsorted(keys, digests[:, 0]).clip(max=len(keys) - 1)
        is_present = (keys[rows] == digests[:, 0]) & (self.arrays["checks"][rows] == digests[:, 1])
        return np.where(is_present, rows, -1)

    def token_range(self, row: int) -> tuple[int, int]:
        """Return where the vectors of a row's item begin and end."""
        ends = self.arrays["ends"]
        return (int(ends[row - 1]) if row else 0), int(ends[row])

    def packed_arrays(self, row: int) -> dict[str, np.ndarray]:
        """Return a row's arrays as they are stored.

        Raises:
            ValueError: they are damaged.
        """
        start, end = self.token_range(row)
        arrays = {}
        for name, array in self.arrays.items():
            if name not in KEY_TABLE:
                arrays[name] = array[start:end] if name in PER_TOKEN else array[row : row + 1]
        if checksum(arrays.values()) != self.arrays["checksums"][row]:
            raise ValueError(f"{self.path} is damaged in row {row}: delete it and read the catalogue again")
        return arrays

    def states(self, row: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return a row's states (1, H) and vectors (T, D) in half precision.

        Raises:
            ValueError: they are damaged.
        """
        return unpack(self.head.precision, self.packed_arrays(row))


def digest_numbers(digests: Sequence[bytes]) -> np.ndarray:
    """Return digests as two whole numbers each: (B, 2)."""
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, DIGEST_BYTES // 8)


def checksum(arrays: Iterable[np.ndarray]) -> int:
    """Return the CRC-32 of arrays, one after another."""
    value = 0
    for array in arrays:
        value = zlib.crc32(np.ascontiguousarray(array), value)
    return value


def map_tensors(path: Path) -> tuple[IndexHead, dict[str, np.ndarray]]:
    """Map a file, and return its head and its tensors by name.

    Pages are read where they are looked at, and none ahead.
    """
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 0 < size <= MAX_HEADER:
            raise ValueError("it does not begin as a safetensors file")
        header = json.loads(file.read(size))
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    content.madvise(mmap.MADV_RANDOM)
    values = header.pop("__metadata__")
    numbers = {name: int(values[name]) for name in ("rows", "skipped_rows", "table_checksum")}
    arrays = {}
    for name, entry in header.items():
        count = int(np.prod(entry["shape"]))
        array = np.frombuffer(content, DTYPES[entry["dtype"]], count, 8 + size + entry["data_offsets"][0])
        arrays[name] = array.reshape(entry["shape"])
    return IndexHead(**(values | numbers)), arrays
