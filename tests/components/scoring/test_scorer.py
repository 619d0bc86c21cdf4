"""Scoring needs a package and nothing besides: no torch, no other pair of the batch, no file that was changed."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components import package_manifest
from components.contracts import LABELS
from components.scoring.pairs_file import read_pairs
from components.scoring.scorer import NearestRationale, Scorer, Scores, item_text, main
from testing.tiny_package import write_package

PAIRS = [("red shoe", "red shoe 1"), ("hose", "a very long garden hose " * 9), ("shoe", "laces"), ("red shoe", "")]
ROWS = [{"query": "red", "title": "red hose", "brand": "Acme"}, {"query": "hose", "title": "socks", "brand": ""}]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """A package whose scores a person can check: each word has its label."""
    folder = tmp_path_factory.mktemp("tiny") / "package"
    write_package(folder)
    return folder


def copied(package: Path, folder: Path, **changes) -> Path:
    """A copy of a package whose configuration differs in what is said, with a manifest that says so."""
    shutil.copytree(package, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    package_manifest.write(folder)
    return folder


@pytest.fixture(scope="session", params=["cross_encoder_package", "late_interaction_package"])
def full_precision(request, tmp_path_factory):
    """The folder of a trained package, of either kind, that serves its full-precision graph."""
    package, said = request.getfixturevalue(request.param)
    return copied(package, tmp_path_factory.mktemp("fp32") / "package", served=said["served"].replace(".int8", ""))


@pytest.fixture(scope="session")
def fp32(full_precision):
    """Its scorer."""
    return Scorer(full_precision)


def test_an_item_is_read_title_first_and_without_what_is_not_known():
    row = {"attributes": "color: red", "brand": "Acme", "category": None, "title": "Shoe", "price": 3.0}
    assert item_text(row) == "Shoe ; Acme ; color: red"


def test_the_score_is_the_expected_gain_of_the_labels():
    scores = Scores(LABELS, np.array([[0.5, 0.3, 0.1, 0.1], [0, 0, 0, 1]], np.float32), np.zeros((2, 2)))
    assert scores.labels == ["Exact", "Irrelevant"]
    assert scores.scores.tolist() == pytest.approx([0.5 + 0.03 + 0.001, 0])


@pytest.mark.slow
def test_a_package_of_format_5_is_read(late_interaction_package, tmp_path):
    folder = shutil.copytree(late_interaction_package[0], tmp_path / "package")
    for new, old in (("encoder", "apart"), ("interaction", "together")):
        for suffix in (".onnx", ".int8.onnx"):
            (folder / f"{new}{suffix}").rename(folder / f"{old}{suffix}")
    config = json.loads((folder / "config.json").read_text())
    served = config["served"].replace("interaction", "together")
    (folder / "config.json").write_text(json.dumps(config | {"format": 5, "served": served}))
    package_manifest.write(folder)
    expected = Scorer(late_interaction_package[0])(PAIRS)
    assert np.array_equal(Scorer(folder)(PAIRS).probabilities, expected.probabilities)
    assert np.array_equal(Scorer(folder)(PAIRS).reasoning, expected.reasoning)


@pytest.mark.parametrize("number", [2, 4])
def test_an_older_package_is_refused(tiny, tmp_path, number):
    folder = copied(tiny, tmp_path / "package", format=number)
    with pytest.raises(ValueError, match=f"is a package of format {number}; this release reads 5, 6"):
        Scorer(folder)


def test_pairs_keep_their_order_whatever_their_lengths(tiny):
    titles = ["hose hose hose hose", "red", "socks socks", "red red red"]
    assert Scorer(tiny)([("", title) for title in titles]).labels == ["Irrelevant", "Exact", "Complement", "Exact"]


def test_the_nearest_rationale_comes_with_its_similarity(tiny):
    (found,) = NearestRationale(tiny)(np.array([[1.0, 1.0, 0, 0]], np.float32))
    assert found[0]["predicted_label"] == "Exact" and found[0]["similarity"] == pytest.approx(0.7071, abs=1e-4)
    assert {"perspective", "text", "query_id", "item_id"} <= found[0].keys()


def test_a_flipped_byte_in_any_file_of_a_package_is_refused(tiny, tmp_path):
    files = sorted(path.name for path in tiny.iterdir())
    assert "manifest.json" in files and len(files) == 6
    for name in files:
        shutil.copytree(tiny, tmp_path / name)
        content = bytearray((tmp_path / name / name).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / name / name).write_bytes(content)
        with pytest.raises(ValueError, match=name if name != "manifest.json" else "manifest"):
            Scorer(tmp_path / name)


@pytest.mark.slow
def test_a_flipped_byte_in_any_file_of_a_trained_package_is_refused(cross_encoder_package, tmp_path):
    files = sorted(
        path.relative_to(cross_encoder_package[0]) for path in cross_encoder_package[0].rglob("*") if path.is_file()
    )
    for number, name in enumerate(files):
        folder = shutil.copytree(cross_encoder_package[0], tmp_path / str(number))
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)
        with pytest.raises(ValueError, match="manifest"):
            Scorer(folder)
        shutil.rmtree(folder)


@pytest.mark.slow
def test_the_score_of_a_pair_does_not_depend_on_its_batch(fp32):
    together = fp32(PAIRS)
    alone = [fp32([pair]) for pair in PAIRS]
    for name in ("probabilities", "reasoning"):
        one_by_one = np.concatenate([getattr(scores, name) for scores in alone])
        np.testing.assert_allclose(getattr(together, name), one_by_one, atol=1e-4)


@pytest.mark.slow
def test_nor_does_it_in_int8_where_the_item_is_known(late_interaction_package, tmp_path):
    scorer = Scorer(copied(late_interaction_package[0], tmp_path / "package", served="interaction.int8.onnx"))
    scorer(PAIRS)  # reads its items, whose scales are shared by those that are read at once
    alone = np.concatenate([scorer([pair]).probabilities for pair in PAIRS])
    np.testing.assert_allclose(scorer(PAIRS).probabilities, alone, atol=1e-5)


@pytest.mark.slow
def test_the_reasoning_is_what_pytorchs_extractor_makes(full_precision, fp32):
    import torch

    from components.packaging.package import load
    from components.scoring.tokenizer import padded

    student, _ = load(full_precision)
    queries = fp32.tokenizer.queries([query for query, _ in PAIRS])
    items = fp32.tokenizer.items([text for _, text in PAIRS])
    arrays = padded(queries, items) | {"overlap": fp32.tokenizer.overlaps(queries, items)}
    with torch.inference_mode():
        _, expected = student(**{name: torch.from_numpy(array) for name, array in arrays.items()})
    np.testing.assert_allclose(fp32(PAIRS).reasoning, expected, atol=1e-2)  # items are remembered in half precision


@pytest.mark.slow
def test_an_item_that_is_remembered_scores_as_it_did_at_first(fp32):
    first, again = fp32(PAIRS), fp32(PAIRS[::-1])
    assert set(fp32.items) >= {text for _, text in PAIRS}
    np.testing.assert_allclose(again.probabilities[::-1], first.probabilities, atol=1e-5)


def test_memory_is_bounded_and_the_item_asked_longest_ago_goes_first(tiny):
    scorer = Scorer(tiny, memory_bytes=1000)
    for word in ("red", "socks", "hose", "red hose"):
        scorer([("", word)])
    assert list(scorer.items) == ["socks", "hose", "red hose"] and scorer.items.currsize <= 1000


def test_probabilities_are_the_softmax_of_the_logits_over_the_temperature(tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / "package")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"temperature": 3.0}))
    package_manifest.write(folder)
    (said,) = Scorer(folder)([("", "red")]).probabilities  # logits 9, 0, 0, 0
    assert said.dtype == np.float32 and said[0] == pytest.approx(np.exp(3) / (np.exp(3) + 3))


@pytest.mark.slow
def test_nothing_of_torch_is_loaded_to_score(cross_encoder_package):
    code = "import sys; from components.scoring.scorer import Scorer; "
    code += f"print(Scorer({str(cross_encoder_package[0])!r})([('red shoe', 'red shoe 1')]).labels); "
    code += "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[1] == "[]"


def pairs_file(folder, suffix: str, rows=ROWS):
    """The rows as a file of one of the kinds that are read."""
    path = folder / f"pairs{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_file_of_pairs_is_scored_row_by_row(tiny, tmp_path, capsys, suffix, ending):
    out = tmp_path / f"out{ending}"
    assert main([str(tiny), str(pairs_file(tmp_path, suffix)), str(out)]) == 0
    assert capsys.readouterr().out == "2 pairs scored\n"
    scored = [row for rows in read_pairs(out) for row in rows]
    assert [{name: row[name] for name in ROWS[0]} for row in scored] == ROWS
    expected = Scorer(tiny)([(row["query"], item_text(row)) for row in ROWS]).scores
    assert [float(row["score"]) for row in scored] == pytest.approx(expected.tolist())


def test_a_file_without_a_pair_is_refused_and_nothing_is_written(tiny, tmp_path, capsys):
    (tmp_path / "none.jsonl").write_text("")
    assert main([str(tiny), str(tmp_path / "none.jsonl"), str(tmp_path / "out.parquet")]) == 1
    assert "there is no pair to score" in capsys.readouterr().err and not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize(("line", "why"), [("{", "row 1: is not JSON"), ("[1]", "row 1: is not a JSON object")])
def test_a_line_that_is_no_row_is_refused_with_its_number(tiny, tmp_path, capsys, line, why):
    (tmp_path / "pairs.jsonl").write_text(line + "\n")
    assert main([str(tiny), str(tmp_path / "pairs.jsonl"), str(tmp_path / "out.csv")]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_row_without_a_title_is_refused_with_its_file_and_number(tiny, tmp_path, capsys, suffix):
    pairs = pairs_file(tmp_path, suffix, [ROWS[0], ROWS[1] | {"title": ""}])
    assert main([str(tiny), str(pairs), str(tmp_path / "out.jsonl")]) == 1
    assert f"pairs{suffix}, row 2: needs a query and a title" in capsys.readouterr().err


def test_another_kind_of_file_is_refused_with_those_that_are_read(tiny, tmp_path, capsys):
    assert main([str(tiny), str(tmp_path / "pairs.xlsx"), str(tmp_path / "out.jsonl")]) == 1
    assert "pairs.xlsx is neither .parquet, nor .csv, nor .jsonl" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command_scores_a_file_with_a_trained_package(cross_encoder_package, tmp_path):
    command = [sys.executable, "-m", "components.scoring.scorer", str(cross_encoder_package[0])]
    command += [str(pairs_file(tmp_path, ".csv")), str(tmp_path / "out.jsonl")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "2 pairs scored\n"
