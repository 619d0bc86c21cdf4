"""Clicks tell what is liked once positions are accounted for, and the hidden truth says how well."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from components import contracts
from components.judgements.click_counts import count_clicks
from components.judgements.click_models import cascade, coec, position_based
from components.judgements.clicks import main
from tests.components.formats.test_ubi import CLICK, SHOWN

LOOKS = 1 / np.log2(1 + np.arange(1, 5))


def write_logs(folder, exposures, outcomes):
    contracts.write(exposures, contracts.EXPOSURES, folder / "e.parquet")
    contracts.write(outcomes, contracts.OUTCOMES, folder / "o.parquet")
    return folder / "e.parquet", folder / "o.parquet"


def visits(pages, clicks):
    """Return the logs of pages of one query, each a list of items, and the items that are clicked on each."""
    exposures = []
    outcomes = []
    for number, (page, clicked) in enumerate(zip(pages, clicks, strict=True)):
        row = {"request_id": f"r{number}", "page_kind": "interleaved"}
        exposures += [SHOWN | row | {"item_id": item, "position": rank} for rank, item in enumerate(page, 1)]
        outcomes += [CLICK | row | {"item_id": item} for item in clicked]
    return exposures, [{name: row[name] for name in contracts.OUTCOMES.names} for row in outcomes]


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory):
    """Logs of four items in random orders: looked at by position, clicked by liking."""
    rng = np.random.default_rng(5)
    liking = {"i0": 0.6, "i1": 0.4, "i2": 0.2, "i3": 0.1}
    pages = [[f"i{number}" for number in rng.permutation(4)] for _ in range(3000)]
    clicks = [[item for rank, item in enumerate(page) if rng.random() < LOOKS[rank] * liking[item]] for page in pages]
    return count_clicks(*write_logs(tmp_path_factory.mktemp("logs"), *visits(pages, clicks))), liking


def test_propensities_and_liking_are_those_of_the_users(shuffled):
    counts, liking = shuffled
    estimate = position_based(counts)
    assert estimate.propensities == pytest.approx(LOOKS, rel=0.1)
    for pair, value, low, high in zip(counts.pairs, estimate.value, estimate.low, estimate.high, strict=True):
        assert value == pytest.approx(liking[pair["item_id"]], rel=0.12)
        assert low < liking[pair["item_id"]] < high
    assert "from interleaved pages" in estimate.note


def test_little_evidence_has_a_wide_interval(tmp_path):
    pages = [["a", "b"], ["b", "a"]]
    few = count_clicks(*write_logs(tmp_path, *visits(pages, [["a"], ["a"]])))
    estimate = position_based(few)
    assert (estimate.high - estimate.low).min() > 1
    assert "all pages" in estimate.note


def test_users_who_stop_are_read_by_the_cascade(tmp_path):
    rng = np.random.default_rng(6)
    pages = [["a", "b", "c"]] * 2000
    liking = {"a": 0.5, "b": 0.3, "c": 0.4}
    clicks = [next(([item] for item in page if rng.random() < liking[item]), []) for page in pages]
    counts = count_clicks(*write_logs(tmp_path, *visits(pages, clicks)))
    assert cascade(counts).value == pytest.approx(list(liking.values()), rel=0.12)
    with pytest.raises(ValueError, match="position 2 shares no item with position 1.*interleave"):
        position_based(counts)


def test_an_impression_is_credited_to_its_own_position(tmp_path):
    # b is shown once at position 1 and three times at 2, where it is clicked as often as its neighbours are
    pages = [["b", "a"], ["a", "b"], ["a", "b"], ["a", "b"]]
    clicks = [["b"], ["a"], ["a", "b"], []]
    counts = count_clicks(*write_logs(tmp_path, *visits(pages, clicks)))
    rates = {1: 3 / 4, 2: 1 / 4}
    by_item = dict(zip([pair["item_id"] for pair in counts.pairs], coec(counts).value, strict=True))
    assert by_item["b"] == pytest.approx(2 / (rates[1] + 3 * rates[2]))
    credited_to_best_position = 2 / (4 * rates[1])  # the Search Relevance Workbench's rating, lower by half
    assert by_item["b"] == pytest.approx(2 * credited_to_best_position)


def test_every_row_of_the_logs_is_counted(tmp_path):
    exposures = [SHOWN, SHOWN, SHOWN | {"item_id": "i2", "position": None}, SHOWN | {"item_id": "i3", "position": 2}]
    outcomes = [CLICK, CLICK, CLICK | {"item_id": "i9"}, CLICK | {"kind": "grade", "grade": 0.5}]
    account = count_clicks(*write_logs(tmp_path, exposures, outcomes)).account
    assert account == {
        "exposures": 4,
        "exposures_used": 2,
        "exposures_copies": 1,
        "exposures_incomplete": 1,
        "clicks": 3,
        "clicks_used": 1,
        "clicks_copies": 1,
        "clicks_without_exposure": 1,
    }


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (None, "o.parquet: .*No files found.*; give Parquet files of EXPOSURES and OUTCOMES"),
        ([], "e.parquet: no exposure has query, item and position"),
    ],
)
def test_logs_without_use_say_why(tmp_path, capsys, rows, error):
    exposures, outcomes = write_logs(tmp_path, [], [])
    if rows is None:
        outcomes.unlink()
    assert main([str(exposures), str(outcomes), str(tmp_path / "out.parquet")]) == 1
    assert re.search(error, capsys.readouterr().err)


def test_judgements_of_clicks_name_their_source(tmp_path, capsys):
    paths = write_logs(tmp_path, *visits([["a", "b"]] * 30, [["a"]] * 30))
    assert main([*map(str, paths), str(tmp_path / "out.parquet"), "--model", "cascade"]) == 0
    (row,) = pq.read_table(tmp_path / "out.parquet").to_pylist()  # nobody came to b
    assert (row["source"], row["item_id"], row["grade"], row["clicks"]) == ("clicks-cascade", "a", 1.0, 30)
    assert 0 < row["weight"] < 1 and "label" not in row
    assert "exposures 60, exposures used 60" in capsys.readouterr().out
