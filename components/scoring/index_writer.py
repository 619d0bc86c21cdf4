"""Writing the files of an item index: parts while a catalogue is read, and one file of them all at its end."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from components.scoring.index_file import DTYPES, ITEMS, KEY_TABLE, IndexFile, IndexHead, checksum, digest_numbers
from components.scoring.runtime import Item

UNFINISHED = ".unfinished"
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def write_part(path: Path, head: IndexHead, items: Mapping[bytes, Item]) -> None:
    """Write items by their digests, with states in the head's precision."""
    digests = sorted(items, key=sort_key)
    states = np.concatenate([items[digest].states for digest in digests])
    contents = head.layout.pack(states, [items[digest].vectors for digest in digests])
    ends = np.cumsum([len(content) for content in contents])
    checksums = np.array([zlib.crc32(content) for content in contents])
    write_index(path, head, key_table(digest_numbers(digests), ends, checksums), contents)


def merge_files(path: Path, head: IndexHead, files: Sequence[IndexFile], places: np.ndarray) -> None:
    """Write one file of others' items.

    Their places (file, row) are ordered by their keys: (N, 2).
    """
    numbers = np.empty((len(places), 2), "<u8")
    lengths = np.empty(len(places), np.int64)
    checksums = np.empty(len(places), "<u4")
    for position, (number, row) in enumerate(places.tolist()):
        source = files[number].table
        numbers[position] = source["keys"][row], source["checks"][row]
        lengths[position] = source["ends"][row] - (source["ends"][row - 1] if row else 0)
        checksums[position] = source["checksums"][row]
    contents = (files[number].read(row) for number, row in places.tolist())
    write_index(path, head, key_table(numbers, np.cumsum(lengths), checksums), contents)


def key_table(numbers: np.ndarray, ends: np.ndarray, checksums: np.ndarray) -> dict[str, np.ndarray]:
    """Return the table that a server searches, of digests in two halves (N, 2)."""
    columns = (numbers[:, 0], numbers[:, 1], ends, checksums)
    dtypes = ("<u8", "<u8", "<u8", "<u4")
    return {name: column.astype(dtype) for name, column, dtype in zip(KEY_TABLE, columns, dtypes, strict=True)}


def sort_key(digest: bytes) -> int:
    """Return the number by which digests are ordered."""
    return int.from_bytes(digest[:8], "little")


def write_index(path: Path, head: IndexHead, table: Mapping[str, np.ndarray], contents: Iterable[bytes]) -> None:
    """Write a file with keys and items, which appears whole or not at all."""
    size = int(table["ends"][-1]) if len(table["ends"]) else 0
    head = replace(head, table_checksum=checksum(table.values()))
    part = path.with_name(path.name + UNFINISHED)
    with open(part, "wb") as file:
        file.write(encode_header(head, table, size))
        for array in table.values():
            file.write(array)
        file.writelines(contents)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def encode_header(head: IndexHead, table: Mapping[str, np.ndarray], size: int) -> bytes:
    """Return a safetensors header of the table and of `size` bytes of items."""
    header: dict = {"__metadata__": {name: str(value) for name, value in asdict(head).items()}}
    end = 0
    for name, dtype, count in tensor_shapes(table, size):
        start = end
        end += dtype.itemsize * count
        header[name] = {"dtype": NAMES[dtype], "shape": [count], "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def tensor_shapes(table: Mapping[str, np.ndarray], size: int) -> Iterator[tuple[str, np.dtype, int]]:
    """Yield name, type and length of each tensor."""
    for name, array in table.items():
        yield name, array.dtype, len(array)
    yield ITEMS, np.dtype("u1"), size
