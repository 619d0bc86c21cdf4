"""What the teacher's and the rationales' tests share: a tiny language model, and rationales of it."""

import pytest

from components import contracts
from testing.rows import judgement, rationale
from testing.tiny_llm import save_tiny_llm


@pytest.fixture(scope="session")
def llm(tmp_path_factory):
    """The folder of a tiny language model."""
    return save_tiny_llm(tmp_path_factory.mktemp("llm"))


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """The path of eight judged pairs, two of each label."""
    path = tmp_path_factory.mktemp("judged") / "judgements.parquet"
    rows = [judgement(item_id=f"i{n}", label=contracts.LABELS[n % 4]) for n in range(8)]
    contracts.write(rows, contracts.JUDGEMENTS, path)
    return path


@pytest.fixture(scope="session")
def reasoned(tmp_path_factory):
    """The path of two rationales a pair: one right, one that says Irrelevant; two pairs agree."""
    path = tmp_path_factory.mktemp("reasoned") / "rationales.parquet"
    labels = [(f"i{n}", contracts.LABELS[n % 4]) for n in range(8)]
    rows = [
        rationale(item_id=item, label=label, predicted_label=said, perspective=perspective, key=f"{item}-{perspective}")
        for item, label in labels
        for perspective, said in (("attributes", label), ("user_intent", "Irrelevant"))
    ]
    contracts.write(rows, contracts.RATIONALES, path)
    return path
