"""Stored states come back nearly as they were, in as many bytes as their precision says."""

import numpy as np
import pytest

from components.scoring.state_precision import FLOAT16, INT4, INT8, PRECISIONS, StateLayout

DRAW = np.random.default_rng(0)
STATES = DRAW.normal(size=(2, 6)).astype(np.float16)
WORDS = DRAW.normal(size=(40, 64))
VECTORS = [(WORDS / np.linalg.norm(WORDS, axis=-1, keepdims=True)).astype(np.float16), np.zeros((1, 64), np.float16)]
COSINES = {FLOAT16: 0.999, INT8: 0.999, INT4: 0.98}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_states_come_back(precision):
    layout = StateLayout(precision, 6, 64)
    contents = layout.pack(STATES, VECTORS)
    assert [len(content) for content in contents] == [
        layout.state_bytes + 40 * layout.vector_bytes,
        layout.state_bytes + layout.vector_bytes,
    ]
    states, vectors = layout.unpack(contents[0])
    assert states.dtype == vectors.dtype == np.float16
    np.testing.assert_allclose(states, STATES[:1], atol=0.02)
    lengths = np.linalg.norm(vectors.astype(float), axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=0.01)
    cosines = (vectors.astype(float) * VECTORS[0]).sum(-1) / lengths
    assert cosines.min() > COSINES[precision]


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_zero_vector_stays_zero(precision):
    layout = StateLayout(precision, 6, 64)
    _, vectors = layout.unpack(layout.pack(STATES, VECTORS)[1])
    assert vectors.shape == (1, 64) and not vectors.any()  # of [SEP], which is no word


def test_bytes_of_a_vector():
    assert [StateLayout(name, 384, 64).vector_bytes for name in (FLOAT16, INT8, INT4)] == [128, 66, 34]
    assert StateLayout(INT8, 384).pack(np.ones((1, 384)), [])[0] == b"\x7f" * 384 + np.float16(1 / 127).tobytes()
