"""An encoder in OpenVINO reads packed rows, and gives what ONNX Runtime gives."""

import threading

import numpy as np
import pytest

from components.packaging.export import encoder_graph, write_graph
from components.scoring.onnx_runtime import Graph
from components.scoring.openvino_runtime import OpenVinoGraph
from components.scoring.runtime import ITEM, Item, LateInteractionRuntime
from components.student.config import LrkdConfig
from components.student.model import new_student

pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")

LENGTHS = (3, 60, 7, 12, 25, 1, 30, 9, 40, 18)


@pytest.fixture(scope="module")
def graph(encoder, tmp_path_factory):
    """A tiny encoder's graph, as packages have it."""
    path = tmp_path_factory.mktemp("graph") / "encoder.onnx"
    write_graph(encoder_graph(new_student(LrkdConfig(encoder=encoder, architecture="late_interaction"), 6)), path)
    return path


@pytest.fixture(scope="module")
def items() -> list[list[int]]:
    generator = np.random.default_rng(0)
    return [generator.integers(5, 900, length).tolist() for length in LENGTHS]


def encode(encoder, items) -> list[Item]:
    return LateInteractionRuntime(encoder, None, None, mean_only=True).encode_separately(items, ITEM)


@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 1e-5), ("bf16", 0.1)])
def test_both_runtimes_give_the_same_states(graph, items, precision, tolerance):
    expected = encode(Graph(graph, 1), items)
    answers = encode(OpenVinoGraph(graph, precision), items)
    for answer, reference in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.states, reference.states, atol=tolerance)
        np.testing.assert_allclose(answer.vectors, reference.vectors, atol=tolerance)
        assert answer.vectors.shape[0] == len(reference.ids)


def test_a_text_does_not_depend_on_its_row(graph, items):
    encoder = OpenVinoGraph(graph, "f32")
    together = encode(encoder, items)
    for ids, packed in zip(items, together, strict=True):
        np.testing.assert_allclose(encode(encoder, [ids])[0].states, packed.states, atol=1e-5)


def test_two_threads_share_a_graph(graph, items):
    encoder = OpenVinoGraph(graph, "f32")
    expected = [item.states for item in encode(encoder, items)]
    answers: dict[int, list[np.ndarray]] = {}

    def work(number: int) -> None:
        for _ in range(5):
            answers[number] = [item.states for item in encode(encoder, items)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(2):
        np.testing.assert_allclose(np.concatenate(answers[number]), np.concatenate(expected), atol=1e-6)
