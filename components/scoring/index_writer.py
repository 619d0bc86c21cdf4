"""Writing the files of an item index: parts while a catalogue is read, and one file of them all at its end."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from components.scoring.index_file import (
    DTYPES,
    KEY_TABLE,
    PER_TOKEN,
    IndexFile,
    IndexHead,
    checksum,
    digest_numbers,
)
from components.scoring.runtime import Item
from components.scoring.state_precision import pack

UNFINISHED = ".unfinished"
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
CHUNK = 1024  # items that are held at a time


@dataclass(frozen=True)
class Tensor:
    """A tensor to be written: its type and shape, and its content in pieces."""

    dtype: np.dtype
    shape: tuple[int, ...]
    pieces: Iterable[np.ndarray]


def write_part(path: Path, head: IndexHead, items: Mapping[bytes, Item]) -> None:
    """Write items by their digests, with states in the head's precision."""
    digests = sorted(items, key=sort_key)
    sorted_items = [items[digest] for digest in digests]
    vectors = [item.vectors for item in sorted_items if item.vectors is not None]
    states = np.concatenate([item.states for item in sorted_items])
    arrays = pack(head.precision, states, np.concatenate(vectors) if vectors else None)
    ends = np.cumsum([0 if item.vectors is None else len(item.vectors) for item in sorted_items])
    checksums = []
    for row, end in enumerate(ends.tolist()):
        start = int(ends[row - 1]) if row else 0
        checksums.append(
            checksum(array[start:end] if name in PER_TOKEN else array[row : row + 1] for name, array in arrays.items())
        )
    table = key_table(digest_numbers(digests), ends, np.array(checksums))
    tensors = {name: Tensor(array.dtype, array.shape, [array]) for name, array in (table | arrays).items()}
    write_tensors(path, replace(head, table_checksum=checksum(table.values())), tensors)


def merge_files(path: Path, head: IndexHead, files: Sequence[IndexFile], places: np.ndarray) -> None:
    """Write one file of others' items.

    Their places (file, row) are ordered by their keys: (N, 2).
    """
    numbers = np.empty((len(places), 2), "<u8")
    lengths = np.empty(len(places), np.int64)
    checksums = np.empty(len(places), "<u4")
    for position, (number, row) in enumerate(places.tolist()):
        arrays = files[number].arrays
        numbers[position] = arrays["keys"][row], arrays["checks"][row]
        start, end = files[number].token_range(row)
        lengths[position] = end - start
        checksums[position] = arrays["checksums"][row]
    table = key_table(numbers, np.cumsum(lengths), checksums)
    tensors = {name: Tensor(array.dtype, array.shape, [array]) for name, array in table.items()}
    for name, array in files[0].arrays.items():
        if name not in KEY_TABLE:
            rows = int(lengths.sum()) if name in PER_TOKEN else len(places)
            tensors[name] = Tensor(array.dtype, (rows, *array.shape[1:]), gather(files, name, places))
    write_tensors(path, replace(head, table_checksum=checksum(table.values())), tensors)


def key_table(numbers: np.ndarray, ends: np.ndarray, checksums: np.ndarray) -> dict[str, np.ndarray]:
    """Return the table that a server searches, of digests in two halves (N, 2)."""
    columns = (numbers[:, 0], numbers[:, 1], ends, checksums)
    dtypes = ("<u8", "<u8", "<u8", "<u4")
    return {name: column.astype(dtype) for name, column, dtype in zip(KEY_TABLE, columns, dtypes, strict=True)}


def sort_key(digest: bytes) -> int:
    """Return the number by which digests are ordered."""
    return int.from_bytes(digest[:8], "little")


def gather(files: Sequence[IndexFile], name: str, places: np.ndarray) -> Iterator[np.ndarray]:
    """Yield a tensor's rows of items at places (file, row), some items at a time."""
    for start in range(0, len(places), CHUNK):
        pieces = []
        for number, row in places[start : start + CHUNK].tolist():
            first, last = files[number].token_range(row) if name in PER_TOKEN else (row, row + 1)
            pieces.append(files[number].arrays[name][first:last])
        yield np.concatenate(pieces)


def write_tensors(path: Path, head: IndexHead, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file piece by piece, which appears whole or not at all."""
    header: dict = {"__metadata__": {name: str(value) for name, value in asdict(head).items()}}
    end = 0
    for name, tensor in tensors.items():
        start = end
        end += tensor.dtype.itemsize * int(np.prod(tensor.shape))
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": tensor.shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(path.name + UNFINISHED)
    with open(part, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors.values():
            for piece in tensor.pieces:
                file.write(np.ascontiguousarray(piece))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
