"""Shared by the tests of teacher and rationales: a tiny language model, judgements, rationales."""

import pytest

from components import contracts
from testing.rows import judgement, rationale
from testing.tiny_llm import save_tiny_llm


@pytest.fixture(scope="session")
def llm(tmp_path_factory):
    """Return the folder of a tiny language model."""
    return save_tiny_llm(tmp_path_factory.mktemp("llm"))


@pytest.fixture(scope="session")
def judgements_path(tmp_path_factory):
    """Return the path of eight judged pairs, two of each label."""
    path = tmp_path_factory.mktemp("judged") / "judgements.parquet"
    rows = [judgement(item_id=f"i{n}", label=contracts.LABELS[n % 4]) for n in range(8)]
    contracts.write(rows, contracts.JUDGEMENTS, path)
    return path


@pytest.fixture(scope="session")
def rationales_path(tmp_path_factory):
    """Return the path of two rationales a pair: one right, one that says Irrelevant."""
    path = tmp_path_factory.mktemp("reasoned") / "rationales.parquet"
    rows = []
    for n in range(8):
        label = contracts.LABELS[n % 4]
        pair = {"item_id": f"i{n}", "label": label}
        rows.append(rationale(**pair, predicted_label=label, perspective="attributes", key=f"i{n}-attributes"))
        rows.append(rationale(**pair, predicted_label="Irrelevant", perspective="user_intent", key=f"i{n}-user_intent"))
    contracts.write(rows, contracts.RATIONALES, path)
    return path
