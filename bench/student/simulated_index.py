"""An index of many items with states drawn by chance, and a process that opens it."""

import json
import os
import time
import zlib
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from components.scoring.index_file import IndexFile, IndexHead, digest_numbers
from components.scoring.index_writer import key_table, write_index
from components.scoring.item_cache import token_digest
from components.scoring.item_index import ItemIndex

WIDTH = 384  # of MiniLM-L6
TOKEN_WIDTH = 64
TOKENS = 27  # of an item, as ESCI's titles have
DISTINCT = 1000  # contents that are drawn, and repeated


def item_tokens(number: int) -> list[int]:
    """Return the tokens of an item."""
    return [1000 + number // 30000, *range(TOKENS - 2), number % 30000]


def simulate_index(folder: Path, items: int, precision: str) -> Path:
    """Write an index of items with as many tokens each, and return its file."""
    head = IndexHead("simulated", precision, WIDTH, TOKEN_WIDTH, rows=items)
    digests = digest_numbers([token_digest(item_tokens(number)) for number in range(items)])
    digests = digests[np.lexsort((digests[:, 1], digests[:, 0]))]
    draw = np.random.default_rng(0)
    vectors = [draw.normal(size=(TOKENS, TOKEN_WIDTH)) for _ in range(DISTINCT)]
    contents = head.layout.pack(draw.normal(size=(DISTINCT, WIDTH)), vectors)
    checksums = np.resize([zlib.crc32(content) for content in contents], items)
    table = key_table(digests, len(contents[0]) * np.arange(1, items + 1), checksums)
    path = folder / "items-1-of-1.safetensors"
    write_index(path, head, table, islice(cycle(contents), items))
    return path


def open_and_look_up(path: str, lookups: int) -> str:
    """Open an index, look items up in pages of 50, and return seconds and memory as JSON."""
    memory_before = memory_mb()
    start = time.perf_counter()
    index = ItemIndex([IndexFile(Path(path))])
    open_seconds = time.perf_counter() - start
    memory_open = memory_mb()
    draw = np.random.default_rng(os.getpid()).integers(0, len(index), (lookups // 50, 50))
    pages = [[item_tokens(number) for number in page] for page in draw.tolist()]
    cpu_start = time.process_time()
    for page in pages:
        items = index.lookup(page)
        assert all(item is not None for item in items)
    cpu_seconds = time.process_time() - cpu_start
    after = memory_mb()
    return json.dumps(
        {
            "open_seconds": open_seconds,
            "memory_mb": sum(memory_open.values()) - sum(memory_before.values()),
            "private_memory_mb": memory_open["RssAnon"] - memory_before["RssAnon"],
            "private_memory_mb_after_lookups": after["RssAnon"] - memory_before["RssAnon"],
            "memory_mb_after_lookups": sum(after.values()) - sum(memory_before.values()),
            "lookup_cpu_ms_50": 1000 * cpu_seconds / len(pages),
        }
    )


def memory_mb() -> dict[str, float]:
    """Return this process's private memory and the mapped files' share."""
    fields = {}
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("RssAnon", "RssFile"):
            fields[name] = int(value.split()[0]) / 1024
    return fields
