"""A tiny random encoder with a real tokenizer, a tiny training set, and what is trained and packaged of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from components import contracts
from components.step_result import StepResult
from components.student.config import LrkdConfig
from testing.rows import rationale, training_row
from testing.tiny_encoder import save_tiny_encoder

EMBEDDING = 6
TITLES = {"Exact": "red shoe", "Substitute": "blue shoe", "Complement": "shoe laces", "Irrelevant": "garden hose"}
SPLITS = ("train", "train", "train", "valid")


@pytest.fixture(scope="session")
def encoder(tmp_path_factory) -> str:
    """Write a two-layer encoder that AutoModel and AutoTokenizer load, and return its folder."""
    return str(save_tiny_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="session")
def config(encoder) -> LrkdConfig:
    """Configure a few steps with a high learning rate."""
    rates = {"learning_rate": 3e-3, "head_learning_rate": 1e-2, "align_weight": 1.0}
    return LrkdConfig(encoder=encoder, max_length=30, epochs=6, batch_size=8, **rates)


def training_rows(queries: int = 24) -> list[dict]:
    """Return four items a query, one of each label; three queries in four are to train on."""
    return [
        training_row(query_id=f"q{number}", item_id=f"i{number}-{label}", label=label, split=SPLITS[number % 4])
        | {"query": "really " * (number % 5) + "red shoe", "title": f"{title} {number}"}
        | dict.fromkeys(("brand", "category", "attributes"))
        for number in range(queries)
        for label, title in TITLES.items()
    ]


def embedding_rows(rows: list[dict]) -> list[dict]:
    """Return an embedding for every third train pair, which is its label's direction."""
    names = [name for name in contracts.RATIONALE_EMBEDDINGS.names if name != "embedding"]
    rows_with_rationale = [row for row in rows if row["split"] == "train"][::3]
    embeddings = []
    for row in rows_with_rationale:
        values = rationale(query_id=row["query_id"], item_id=row["item_id"], label=row["label"])
        embeddings.append({name: values[name] for name in names} | {"embedding": direction(row["label"])})
    return embeddings


def direction(label: str) -> list[float]:
    """Return the unit vector of a label."""
    vector = [0.0] * EMBEDDING
    vector[contracts.LABELS.index(label)] = 1.0
    return vector


@pytest.fixture(scope="session")
def tables(tmp_path_factory) -> tuple[Path, Path]:
    """Write the training set and the rationale embeddings, and return their paths."""
    folder = tmp_path_factory.mktemp("tables")
    rows = training_rows()
    contracts.write(rows, contracts.TRAINING_SET, folder / "training_set.parquet")
    contracts.write(embedding_rows(rows), contracts.RATIONALE_EMBEDDINGS, folder / "embeddings.parquet")
    return folder / "training_set.parquet", folder / "embeddings.parquet"


@pytest.fixture(scope="session")
def trained_student(tables, config, tmp_path_factory) -> tuple[Path, StepResult]:
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
def late_interaction_student(tables, config, tmp_path_factory) -> Path:
    """Train a student of late interaction and return its folder."""
    from components.student.train import train

    folder = tmp_path_factory.mktemp("late_interaction_student")
    train(*tables, replace(config, architecture="late_interaction"), folder)
    return folder


@pytest.fixture(scope="session")
def late_interaction_package(late_interaction_student, tables, tmp_path_factory) -> tuple[Path, dict]:
    """Package a student of late interaction and return the package's folder with the result.

    OpenVINO is left out: which runtime is faster for a tiny encoder changes from run to run.
    """
    from components.packaging.package import make_package
    from components.scoring import openvino_runtime

    folder = tmp_path_factory.mktemp("late_interaction_package")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openvino_runtime, "is_installed", lambda: False)
        return folder, make_package(late_interaction_student, tables[1], tables[0], folder).details
