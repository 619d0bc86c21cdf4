"""Labels of one brand that are suddenly different are found, and honest nights are let through."""

import json

import numpy as np
import pytest

from components.release.label_shift import shifted, shifted_brands

SHARES = np.array([0.5, 0.25, 0.05, 0.2])  # of the four labels


def night(seed: int, brands: int = 60, pairs: int = 2000) -> dict[str, list[int]]:
    """An honest night's counts: every brand's labels are drawn alike."""
    drawn = np.random.default_rng(seed).multinomial(pairs, SHARES, size=brands)
    return {f"brand {n}": counts.tolist() for n, counts in enumerate(drawn)}


def poisoned(counts: list[int], rows: int) -> list[int]:
    """So many Exact pairs are called Irrelevant."""
    exact, *others, irrelevant = counts
    return [exact - rows, *others, irrelevant + rows]


@pytest.mark.parametrize(("rows", "pairs"), [(50, 150), (250, 1000), (1000, 4000)])
def test_planted_labels_are_found_and_nothing_else_is(rows, pairs):
    before, now = night(1, pairs=pairs), night(2, pairs=pairs)
    (found,) = shifted(now | {"brand 7": poisoned(now["brand 7"], rows)}, before)
    assert found["brand"] == "brand 7" and found["moved"] > 0.15 and found["p_value"] < 1e-4


def test_of_a_hundred_honest_nights_hardly_one_is_held_back():
    assert sum(bool(shifted(night(seed), night(seed + 1000))) for seed in range(100)) <= 3


def test_a_brand_with_few_pairs_and_a_new_one_say_nothing():
    assert not shifted({"new": [100, 0, 0, 0], "rare": [19, 0, 0, 0]}, {"rare": [0, 0, 0, 19]})


def test_a_shift_too_small_to_matter_is_let_through_however_sure_it_is():
    assert not shifted({"huge": [50_000, 50_000, 0, 0]}, {"huge": [52_000, 48_000, 0, 0]})


def test_the_counts_stand_in_the_packages_and_an_older_package_has_none(tmp_path):
    for name, lineage in (("new", {"labels_by_brand": {"Acme": [0, 0, 0, 200]}}), ("old", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lineage.json").write_text(json.dumps(lineage))
    assert (
        shifted_brands(tmp_path / "new", tmp_path / "new") == shifted_brands(tmp_path / "new", tmp_path / "old") == []
    )
