"""The items of a catalogue that were read ahead, on disk: files of one encoder, which a server maps.

`components.scoring.index` writes them to a folder that all versions share. Each encoder's files lie in a folder of
their own, so that no package gets the states of another encoder.
"""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from components import package_manifest
from components.scoring.index_file import IndexFile, digest_numbers
from components.scoring.item_cache import token_digest
from components.scoring.package_config import PackageConfig, read_config
from components.scoring.runtime import Ids, Item, encoder_name

SHARD_NAME = re.compile(r"items-(\d+)-of-(\d+)\.safetensors")
FOLDER_NAME = "encoder-*"
MISSING = -1
FOLDER_DIGITS = 16  # of an encoder's digest
REMEDY = "python -m components.scoring.index PACKAGE ITEMS OUT reads the catalogue for it"

logger = logging.getLogger(__name__)


class ItemIndex:
    """Items by their tokens, in any number of files."""

    def __init__(self, files: Sequence[IndexFile] = ()):
        self.files = list(files)
        self.hits = 0
        self.misses = 0
        self.guard = Lock()

    def __len__(self) -> int:
        return sum(map(len, self.files))

    def lookup(self, texts: Sequence[Ids]) -> list[Item | None]:
        """Return each tokenised text's item with its states, or None where no file has it.

        An item whose bytes are damaged is missing, and the log says so.
        """
        items: list[Item | None] = [None] * len(texts)
        if not self.files or not texts:
            return items
        places = self.locate(digest_numbers([token_digest(ids) for ids in texts]))
        for position, (number, row) in enumerate(places.tolist()):
            if number == MISSING:
                continue
            try:
                items[position] = Item(texts[position], *self.files[number].states(row))
            except ValueError as error:
                logger.warning("%s. The item is read anew.", error)
        hits = sum(item is not None for item in items)
        with self.guard:
            self.hits += hits
            self.misses += len(items) - hits
        return items

    def locate(self, digests: np.ndarray) -> np.ndarray:
        """Return file and row of each digest (B, 2), -1 where none has it."""
        places = np.full((len(digests), 2), MISSING)
        for number, file in enumerate(self.files):
            rows = file.find_rows(digests)
            places[rows >= 0, 0] = number
            places[rows >= 0, 1] = rows[rows >= 0]
        return places


def open_index(root: str | Path, package: str | Path) -> ItemIndex:
    """Map the items that were read ahead for a package's encoder.

    Raises:
        ValueError: there are none, they are of other encoders, or a file is damaged; with the remedy.
    """
    digest = encoder_digest(package)
    folder = encoder_folder(root, digest)
    if not Path(root).is_dir():
        raise ValueError(f"{root} is no folder: {REMEDY}")
    files = [IndexFile(path) for path in shard_paths(folder)]
    if not files:
        others = ", ".join(sorted(path.name for path in Path(root).glob(FOLDER_NAME))) or "nothing"
        raise ValueError(f"{root} holds {others}, and no items for this package's encoder, {folder.name}: {REMEDY}")
    for file in files:
        if file.head.encoder != digest:
            raise ValueError(f"{file.path} is of another encoder, {file.head.encoder[:FOLDER_DIGITS]}: {REMEDY}")
    for count, numbers in sorted(shard_numbers(folder).items()):
        if missing_numbers := set(range(1, count + 1)) - numbers:
            missing_text = ", ".join(map(str, sorted(missing_numbers)))
            logger.warning(
                "%s lacks the shards %s of %s: their items are read at requests", folder, missing_text, count
            )
    return ItemIndex(files)


def shard_paths(folder: Path) -> list[Path]:
    """List the finished files of a folder."""
    return sorted(path for path in folder.glob("items-*") if SHARD_NAME.fullmatch(path.name))


def shard_numbers(folder: Path) -> dict[int, set[int]]:
    """Return the numbers of the finished shards, by how many there are to be."""
    numbers: dict[int, set[int]] = {}
    for path in shard_paths(folder):
        number, count = map(int, SHARD_NAME.fullmatch(path.name).groups())
        numbers.setdefault(count, set()).add(number)
    return numbers


def encoder_folder(root: str | Path, digest: str) -> Path:
    """Return the folder of an encoder's files."""
    return Path(root) / FOLDER_NAME.replace("*", digest[:FOLDER_DIGITS])


def encoder_digest(package: str | Path) -> str:
    """Hash all that an item's states depend on besides its text: sha256, in hex.

    The files' digests are those of the package's manifest.
    """
    config = read_config(package)
    manifest = json.loads((Path(package) / package_manifest.NAME).read_text())
    encoder = encoder_name(config.served_graph)
    names = [name for name in manifest if name in ("tokenizer.json", encoder, f"{encoder}_data")]
    parts = {name: manifest[name] for name in sorted(names)} | state_settings(config)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def state_settings(config: PackageConfig) -> dict:
    """Return the settings that an item's states depend on."""
    return {
        "item_length": config.max_length - config.query_length,
        "item_states": config.item_states,
        "runtime": config.runtime,
        "precision": config.precision,
    }
