"""Reading items of a catalogue with a package's encoder into the files of an index."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from components import package_manifest
from components.scoring.index_file import IndexFile, IndexHead, digest_numbers
from components.scoring.index_writer import merge_files, write_part
from components.scoring.item_cache import token_digest
from components.scoring.item_index import (
    MISSING,
    SHARD_NAME,
    ItemIndex,
    encoder_digest,
    encoder_folder,
    shard_numbers,
    shard_paths,
)
from components.scoring.package_config import read_config
from components.scoring.runtime import Item, load_runtime
from components.scoring.scorer import load_tokenizer
from components.scoring.state_precision import INT8

ENCODE_ITEMS = 512  # at a time
PART_ITEMS = 8192  # at most so many are read again after a kill


@dataclass(frozen=True)
class IndexOptions:
    """Which share of a catalogue's rows is read, and how states are stored."""

    number: int = 1  # of the shard, from 1
    count: int = 1
    precision: str = INT8
    part_items: int = PART_ITEMS

    @property
    def shard(self) -> str:
        """Return the part of a file's name that says which shard it is."""
        return f"{self.number}-of-{self.count}"


@dataclass
class IndexCounts:
    """What became of a shard's rows: rows = items + repeated rows + skipped rows."""

    rows: int = 0
    skipped_rows: int = 0  # without a title, or broken
    items: int = 0  # distinct
    encoded_items: int = 0  # by this command
    first_fault: str = ""  # of a skipped row

    @property
    def sentence(self) -> str:
        """Say the counts in one line."""
        repeated_rows = self.rows - self.items - self.skipped_rows
        shares = f"{self.items:,} items + {repeated_rows:,} repeated + {self.skipped_rows:,} skipped"
        return f"{self.rows:,} rows = {shares}; {self.encoded_items:,} items were read now"


class IndexBuilder:
    """Encodes the items that an index lacks, a part at a time.

    Raises:
        ValueError: the package is damaged or stores no states, or a file of the index is damaged.
    """

    def __init__(self, package: Path, out: Path, options: IndexOptions):
        package_manifest.verify(package)
        config = read_config(package)
        if config.item_states != "mean":
            raise ValueError(f"{package} reads query and item together: there is nothing that it could read ahead")
        self.options = options
        self.counts = IndexCounts()
        self.tokenizer = load_tokenizer(package, config)
        self.runtime = load_runtime(package, config, self.tokenizer)
        sample = self.runtime.encode_query((0, 0))
        token_width = 0 if sample.vectors is None else sample.vectors.shape[1]
        self.head = IndexHead(encoder_digest(package), options.precision, sample.states.shape[1], token_width)
        self.folder = encoder_folder(out, self.head.encoder)
        self.folder.mkdir(parents=True, exist_ok=True)
        files = [IndexFile(path) for path in [*shard_paths(self.folder), *self.part_paths()]]
        same_files = [file for file in files if file.head.encoder == self.head.encoder]
        self.index = ItemIndex([file for file in same_files if file.head.precision == options.precision])
        self.fresh: dict[bytes, Item] = {}  # not encoded yet
        self.digests = bytearray()  # of every item of the shard

    def part_paths(self) -> list[Path]:
        """List the shard's parts."""
        return sorted(self.folder.glob(f"part-{self.options.shard}-*.safetensors"))

    def add(self, texts: list[str]) -> None:
        """Take items, and encode those that the index lacks once they fill a part."""
        tokens = self.tokenizer.encode_items(texts)
        digests = [token_digest(ids) for ids in tokens]
        self.digests += b"".join(digests)
        file_numbers = self.index.locate(digest_numbers(digests))[:, 0]
        for digest, ids, file_number in zip(digests, tokens, file_numbers.tolist(), strict=True):
            if file_number == MISSING:
                self.fresh.setdefault(digest, Item(ids))
        if len(self.fresh) >= self.options.part_items:
            self.write_part()

    def write_part(self) -> None:
        """Encode the items that wait, those alike in length side by side, and write them."""
        items = sorted(self.fresh.values(), key=lambda item: len(item.ids))
        for start in range(0, len(items), ENCODE_ITEMS):
            self.runtime.encode_items(items[start : start + ENCODE_ITEMS])
        numbers = [int(path.stem.rsplit("-", 1)[1]) for path in self.part_paths()]
        path = self.folder / f"part-{self.options.shard}-{max(numbers, default=0) + 1}.safetensors"
        write_part(path, self.head, self.fresh)
        self.index.files.append(IndexFile(path))
        self.counts.encoded_items += len(self.fresh)
        self.fresh = {}

    def finish(self) -> None:
        """Write the shard's file, and remove what it replaces.

        It holds the catalogue's items and no others.
        """
        if self.fresh:
            self.write_part()
        digests = np.unique(np.frombuffer(self.digests, "<u8").reshape(-1, 2), axis=0)
        places = self.index.locate(digests)
        places = places[places[:, 0] != MISSING]  # of two digests with the same first half, one is left to the server
        self.counts.items = len(digests)
        head = replace(self.head, rows=self.counts.rows, skipped_rows=self.counts.skipped_rows)
        merge_files(self.folder / f"items-{self.options.shard}.safetensors", head, self.index.files, places)
        for part in self.folder.glob(f"part-{self.options.shard}-*"):
            part.unlink()
        if len(shard_numbers(self.folder)[self.options.count]) == self.options.count:
            self.remove_other_splits()

    def remove_other_splits(self) -> None:
        """Remove the files of an earlier command with another number of shards."""
        for path in shard_paths(self.folder):
            if int(SHARD_NAME.fullmatch(path.name)[2]) != self.options.count:
                path.unlink(missing_ok=True)
