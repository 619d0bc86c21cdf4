"""A catalogue that is read ahead: its items are encoded once, and never taken for others."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from components.scoring.index import index_catalogue, main
from components.scoring.index_builder import IndexOptions
from components.scoring.item_index import encoder_digest, encoder_folder, open_index, shard_paths
from components.scoring.scorer import Scorer
from components.scoring.state_precision import FLOAT16, INT4, INT8, PRECISIONS
from testing.tiny_package import copy_package
from tests.components.scoring.conftest import write_file

pytestmark = pytest.mark.slow
COLOURS = ("red", "blue", "green", "white")
ITEMS = [
    {"item_id": str(number), "title": f"{COLOURS[number % 4]} {'garden ' * (number % 3)}hose {number}", "brand": "nan"}
    for number in range(60)
]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def package(late_interaction_package):
    return late_interaction_package[0]


@pytest.fixture
def read_ahead(package, tmp_path):
    """Return a function that reads items ahead into one folder, and returns the counts."""

    def run(items: list[dict] = ITEMS, package: Path = package, **options):
        path = write_file(tmp_path / "items.parquet", items)
        return index_catalogue(package, path, tmp_path / "index", IndexOptions(**options))

    return run


def scorer_with_index(package: Path, root: Path) -> tuple[Scorer, list]:
    """Return a scorer with an index and no items of its package, and a list of the texts that it encodes."""
    scorer = Scorer(package)
    scorer.item_index = open_index(root, package)
    scorer.precomputed_items.rows.clear()
    texts: list = []
    encode = scorer.runtime.encode_separately
    scorer.runtime.encode_separately = lambda ids, segment: texts.extend(ids) or encode(ids, segment)
    return scorer, texts


def flip_byte(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("precision", "tolerance"), list(zip(PRECISIONS, (2e-3, 0.05, 0.3), strict=True)))
def test_an_indexed_item_is_not_encoded(package, read_ahead, tmp_path, precision, tolerance):
    counts = read_ahead(precision=precision)
    assert (counts.rows, counts.items, counts.encoded_items) == (60, 60, 60)
    scorer, texts = scorer_with_index(package, tmp_path / "index")
    pairs = [("red hose", item["title"]) for item in ITEMS]
    scores = scorer(pairs)
    assert len(texts) == 1  # the query
    assert (scorer.item_index.hits, scorer.item_index.misses) == (60, 0)
    expected = Scorer(package)(pairs)
    assert np.abs(scores.probabilities - expected.probabilities).max() < tolerance
    assert np.mean(np.array(scores.labels) == np.array(expected.labels)) > 0.9


def test_lower_precision_takes_less_room(read_ahead, package, tmp_path):
    sizes = {}
    for precision in PRECISIONS:
        read_ahead(precision=precision)
        (path,) = shard_paths(encoder_folder(tmp_path / "index", encoder_digest(package)))
        sizes[precision] = path.stat().st_size
    assert sizes[FLOAT16] > 1.5 * sizes[INT8] and sizes[INT8] > 1.2 * sizes[INT4]


def test_another_tool_reads_the_file(read_ahead, package, tmp_path):
    read_ahead(precision=FLOAT16)
    (path,) = shard_paths(encoder_folder(tmp_path / "index", encoder_digest(package)))
    with safe_open(path, "numpy") as file:
        keys = file.get_tensor("keys")
        assert len(keys) == 60 and (keys[1:] > keys[:-1]).all()
        assert len(file.get_tensor("items")) == file.get_tensor("ends")[-1] and file.metadata()["rows"] == "60"


def test_a_killed_command_goes_on(package, tmp_path):
    many = [{"title": f"{item['title']} {number}"} for number in range(50) for item in ITEMS]
    catalogue = write_file(tmp_path / "items.jsonl", many)
    code = "import sys; from pathlib import Path; from components.scoring.index import *; "
    code += "index_catalogue(*map(Path, sys.argv[1:]), IndexOptions(part_items=50))"
    command = [sys.executable, "-c", code, str(package), str(catalogue), str(tmp_path / "index")]
    folder = encoder_folder(tmp_path / "index", encoder_digest(package))
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while len(list(folder.glob("part-*.safetensors"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -9 and not shard_paths(folder)
    counts = index_catalogue(package, catalogue, tmp_path / "index", IndexOptions())
    assert counts.items == 3000 and 0 < counts.encoded_items <= 2950
    assert len(open_index(tmp_path / "index", package)) == 3000
    assert [path.name for path in folder.iterdir()] == ["items-1-of-1.safetensors"]


def test_only_a_changed_title_is_read_again(package, read_ahead, tmp_path):
    read_ahead()
    changed = [*ITEMS[1:], {"item_id": "0", "title": "a yellow hose", "brand": "nan"}]
    counts = read_ahead(changed)
    assert (counts.items, counts.encoded_items) == (60, 1)
    scorer, texts = scorer_with_index(package, tmp_path / "index")
    scorer([("hose", "a yellow hose"), ("hose", ITEMS[0]["title"])])
    assert scorer.item_index.hits == scorer.item_index.misses == 1 and len(texts) == 2  # the query, and the old title


def test_another_precision_is_read_anew(read_ahead):
    read_ahead(precision=INT8)
    assert read_ahead(precision=INT4).encoded_items == 60
    assert read_ahead(precision=INT4).encoded_items == 0


def test_another_encoder_has_no_items(package, read_ahead, tmp_path):
    read_ahead()
    other = copy_package(package, tmp_path / "other", max_length=28)
    with pytest.raises(ValueError, match=r"holds encoder-\w+, and no items for this package's encoder"):
        open_index(tmp_path / "index", other)
    (path,) = shard_paths(encoder_folder(tmp_path / "index", encoder_digest(package)))
    folder = encoder_folder(tmp_path / "index", encoder_digest(other))
    folder.mkdir()
    shutil.copy(path, folder)
    with pytest.raises(ValueError, match="is of another encoder"):
        open_index(tmp_path / "index", other)


def test_another_head_keeps_the_items(package, read_ahead, tmp_path):
    read_ahead()
    other = copy_package(package, tmp_path / "other", temperature=2.0)
    assert len(open_index(tmp_path / "index", other)) == 60


def test_shards_add_up(package, read_ahead, tmp_path, caplog):
    items = [*ITEMS, ITEMS[0], {"item_id": "x", "title": " "}]
    counts = [read_ahead(items, number=number, count=3) for number in (1, 2)]
    assert len(open_index(tmp_path / "index", package)) == counts[0].items + counts[1].items
    assert "lacks the shards 3 of 3" in caplog.text
    counts.append(read_ahead(items, number=3, count=3))
    index = open_index(tmp_path / "index", package)
    assert sum(each.rows for each in counts) == sum(file.head.rows for file in index.files) == 62
    assert sum(file.head.skipped_rows for file in index.files) == 1
    assert sum(each.items for each in counts) == 60 == len(index)
    counts = read_ahead(items)  # by one worker: nothing is encoded, and the three files go
    assert counts.encoded_items == 0 and len(open_index(tmp_path / "index", package).files) == 1


def test_a_shard_may_be_empty(read_ahead, package, tmp_path):
    for number in (1, 2, 3):
        read_ahead(ITEMS[:2], number=number, count=3)
    assert len(open_index(tmp_path / "index", package)) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "key", "header"])
def test_a_damaged_file_is_refused(package, read_ahead, tmp_path, damage):
    read_ahead()
    (path,) = shard_paths(encoder_folder(tmp_path / "index", encoder_digest(package)))
    size = int.from_bytes(path.read_bytes()[:8], "little")
    if damage in ("cut", "empty"):
        path.write_bytes(path.read_bytes()[: 0 if damage == "empty" else -100])
    else:
        flip_byte(path, 8 + size + 9 if damage == "key" else 8)
    with pytest.raises(ValueError, match=r"items-1-of-1.safetensors is damaged .*: delete it and read the catalogue"):
        open_index(tmp_path / "index", package)


def test_damaged_states_are_read_anew(package, read_ahead, tmp_path, caplog):
    read_ahead()
    (path,) = shard_paths(encoder_folder(tmp_path / "index", encoder_digest(package)))
    flip_byte(path, path.stat().st_size - 1)  # of the last item's vectors
    scorer, texts = scorer_with_index(package, tmp_path / "index")
    scores = scorer([("hose", item["title"]) for item in ITEMS])
    assert scorer.item_index.misses == 1 and len(texts) == 2
    assert np.isfinite(scores.probabilities).all() and "row 59 was changed" in caplog.text


def test_the_command_says_what_became_of_rows(package, tmp_path, capsys):
    rows = "item_id;title;brand\n1;red hose;\n2;;\n3;red hose;\n4;blue hose;Acme\n"
    arguments = [str(package), str(write_file(tmp_path / "items.csv", rows)), str(tmp_path / "index")]
    assert main([*arguments, "--precision", "int4"]) == 3
    output = capsys.readouterr()
    assert output.out == "4 rows = 2 items + 1 repeated + 1 skipped; 2 items were read now\n"
    assert "items.csv, line 3: title is empty (the first of the skipped rows)" in output.err


def test_a_cross_encoder_is_refused(cross_encoder_package, tmp_path, capsys):
    items = write_file(tmp_path / "items.csv", "title\nred hose\n")
    assert main([str(cross_encoder_package[0]), str(items), str(tmp_path / "index")]) == 1
    assert "reads query and item together" in capsys.readouterr().err


def test_a_catalogue_without_titles_is_refused(package, tmp_path, capsys):
    items = write_file(tmp_path / "items.csv", "id,words\n1,red hose\n")
    assert main([str(package), str(items), str(tmp_path / "index")]) == 1
    assert "items.csv has none of the columns title" in capsys.readouterr().err
