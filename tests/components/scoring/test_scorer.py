"""Scores depend on the package and the pair alone: not on torch, on the batch, or on a changed file."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from components.contracts import LABELS
from components.scoring.scorer import Scorer, Scores
from testing.all_graphs import add_all_graphs, write_package_of_format_6
from testing.tiny_package import copy_package

PAIRS = [("red shoe", "red shoe 1"), ("hose", "a very long garden hose " * 9), ("shoe", "laces"), ("red shoe", "")]


@pytest.fixture(scope="session", params=["cross_encoder", "late_interaction"])
def trained(request):
    """Return the folders of a trained student, of either kind, and of its package."""
    package, _ = request.getfixturevalue(f"{request.param}_package")
    student = "late_interaction_student" if request.param == "late_interaction" else "trained_student"
    folder = request.getfixturevalue(student)
    return (folder if request.param == "late_interaction" else folder[0]), package


@pytest.fixture(scope="session")
def fp32_scorer(trained, tmp_path_factory):
    """Load a copy of a package that serves its full-precision graph."""
    student, package = trained
    served = json.loads((package / "config.json").read_text())["served"].replace(".int8", "")
    folder = copy_package(package, tmp_path_factory.mktemp("fp32") / "package", served=served)
    scorer = Scorer(add_all_graphs(folder, student))
    scorer.precomputed_items.rows.clear()  # these are of the graph that the package served
    return scorer


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_score_is_the_expected_gain():
    scores = Scores(LABELS, np.array([[0.5, 0.3, 0.1, 0.1], [0, 0, 0, 1]], np.float32), np.zeros((2, 2)))
    assert scores.labels == ["Exact", "Irrelevant"]
    assert scores.scores.tolist() == pytest.approx([0.5 + 0.03 + 0.001, 0])


@pytest.mark.slow
def test_a_package_of_format_6_answers_alike(trained, tmp_path):
    student, package = trained
    expected = Scorer(package)(PAIRS)
    before = Scorer(write_package_of_format_6(package, student, tmp_path / "package"))(PAIRS)
    assert np.array_equal(before.probabilities, expected.probabilities)
    assert np.array_equal(before.reasoning, expected.reasoning)


@pytest.mark.parametrize("number", [2, 5])
def test_an_older_package_is_refused(tiny_package, tmp_path, number):
    folder = copy_package(tiny_package, tmp_path / "package", format=number)
    with pytest.raises(ValueError, match=f"is a package of format {number}; this release reads 6, 7"):
        Scorer(folder)


def test_pairs_keep_their_order(tiny_package):
    titles = ["hose hose hose hose", "red", "socks socks", "red red red"]
    scores = Scorer(tiny_package)([("", title) for title in titles])
    assert scores.labels == ["Irrelevant", "Exact", "Complement", "Exact"]


def test_a_flipped_byte_in_any_file_is_refused(tiny_package, tmp_path):
    files = sorted(path.name for path in tiny_package.iterdir())
    assert "manifest.json" in files and len(files) == 6
    for name in files:
        folder = shutil.copytree(tiny_package, tmp_path / name)
        flip_byte(folder / name)
        with pytest.raises(ValueError, match=name if name != "manifest.json" else "manifest"):
            Scorer(folder)


@pytest.mark.slow
def test_any_changed_file_of_training_is_refused(cross_encoder_package, tmp_path):
    package = cross_encoder_package[0]
    files = sorted(path.relative_to(package) for path in package.rglob("*") if path.is_file())
    for number, name in enumerate(files):
        folder = shutil.copytree(package, tmp_path / str(number))
        flip_byte(folder / name)
        with pytest.raises(ValueError, match="manifest"):
            Scorer(folder)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_a_score_does_not_depend_on_its_batch(fp32_scorer):
    batch = fp32_scorer(PAIRS)
    singles = [fp32_scorer([pair]) for pair in PAIRS]
    for name in ("probabilities", "reasoning"):
        rows = np.concatenate([getattr(scores, name) for scores in singles])
        np.testing.assert_allclose(getattr(batch, name), rows, atol=1e-4)


@pytest.mark.slow
def test_a_known_item_scores_alike_in_int8(late_interaction_package, late_interaction_student, tmp_path):
    folder = copy_package(late_interaction_package[0], tmp_path / "package", served="interaction.int8.onnx")
    scorer = Scorer(add_all_graphs(folder, late_interaction_student))
    scorer(PAIRS)  # encodes its items, whose batch shares one scale
    singles = np.concatenate([scorer([pair]).probabilities for pair in PAIRS])
    np.testing.assert_allclose(scorer(PAIRS).probabilities, singles, atol=1e-5)


@pytest.mark.slow
def test_reasoning_is_what_the_extractor_computes(trained, fp32_scorer):
    import torch

    from components.packaging.package import load_student
    from components.scoring.tokenizer import pad_pairs

    student, _ = load_student(trained[0])
    queries = fp32_scorer.tokenizer.encode_queries([query for query, _ in PAIRS])
    items = fp32_scorer.tokenizer.encode_items([text for _, text in PAIRS])
    arrays = pad_pairs(queries, items) | {"overlap": fp32_scorer.tokenizer.lexical_features(queries, items)}
    with torch.inference_mode():
        _, expected = student(**{name: torch.from_numpy(arrays[name]) for name in student.inputs})
    np.testing.assert_allclose(fp32_scorer(PAIRS).reasoning, expected, atol=1e-2)  # items are in half precision


@pytest.mark.slow
def test_a_remembered_item_scores_as_at_first(fp32_scorer):
    first = fp32_scorer(PAIRS)
    again = fp32_scorer(PAIRS[::-1])
    assert set(fp32_scorer.items) >= {text for _, text in PAIRS}
    np.testing.assert_allclose(again.probabilities[::-1], first.probabilities, atol=1e-5)


def test_memory_drops_the_least_recent_item(tiny_package):
    scorer = Scorer(tiny_package, memory_bytes=1300)
    for word in ("red", "socks", "hose", "red hose"):
        scorer([("", word)])
    assert list(scorer.items) == ["socks", "hose", "red hose"] and scorer.items.currsize <= 1300


def test_temperature_divides_the_logits(tiny_package, tmp_path):
    folder = copy_package(tiny_package, tmp_path / "package", temperature=3.0)
    (probabilities,) = Scorer(folder)([("", "red")]).probabilities  # logits 9, 0, 0, 0
    assert probabilities.dtype == np.float32
    assert probabilities[0] == pytest.approx(np.exp(3) / (np.exp(3) + 3))


@pytest.mark.slow
def test_scoring_imports_no_torch(cross_encoder_package):
    code = "import sys; from components.scoring.scorer import Scorer; "
    code += f"print(Scorer({str(cross_encoder_package[0])!r})([('red shoe', 'red shoe 1')]).labels); "
    code += "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[1] == "[]"


@pytest.mark.slow
def test_a_query_is_encoded_once(late_interaction_package, monkeypatch):
    scorer = Scorer(late_interaction_package[0])
    first = scorer(PAIRS)
    texts = []
    encode = scorer.runtime.encode_separately
    monkeypatch.setattr(
        scorer.runtime, "encode_separately", lambda ids, segment: texts.extend(ids) or encode(ids, segment)
    )
    again = scorer([*PAIRS, ("red shoe", "red shoe 2")])
    assert len(texts) <= 1  # the new item, if the package lacks it
    np.testing.assert_allclose(again.probabilities[:-1], first.probabilities, atol=1e-5)
