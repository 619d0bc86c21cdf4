"""Labels of one brand that are suddenly different are found, and honest nights are let through."""

import json

import numpy as np
import pytest

from components.release.label_shift import brands_with_label_shift, label_shifts

SHARES = np.array([0.5, 0.25, 0.05, 0.2])  # of the four labels


def night(seed: int, brands: int = 60, pairs: int = 2000) -> dict[str, list[int]]:
    """Return an honest night's counts: every brand's labels are drawn alike."""
    table = np.random.default_rng(seed).multinomial(pairs, SHARES, size=brands)
    return {f"brand {n}": counts.tolist() for n, counts in enumerate(table)}


def poison(counts: list[int], rows: int) -> list[int]:
    """Call so many Exact pairs Irrelevant."""
    exact, *others, irrelevant = counts
    return [exact - rows, *others, irrelevant + rows]


@pytest.mark.parametrize(("rows", "pairs"), [(50, 150), (250, 1000), (1000, 4000)])
def test_planted_labels_are_found_and_nothing_else_is(rows, pairs):
    before, now = night(1, pairs=pairs), night(2, pairs=pairs)
    (shift,) = label_shifts(now | {"brand 7": poison(now["brand 7"], rows)}, before)
    assert shift.brand == "brand 7" and shift.moved_share > 0.15 and shift.p_value < 1e-4


def test_honest_nights_are_hardly_ever_held_back():
    assert sum(bool(label_shifts(night(seed), night(seed + 1000))) for seed in range(100)) <= 3


def test_rare_and_new_brands_are_let_through():
    assert not label_shifts({"new": [100, 0, 0, 0], "rare": [19, 0, 0, 0]}, {"rare": [0, 0, 0, 19]})


def test_a_small_shift_is_let_through():
    assert not label_shifts({"huge": [50_000, 50_000, 0, 0]}, {"huge": [52_000, 48_000, 0, 0]})


def test_counts_come_from_the_packages_lineage(tmp_path):
    for name, lineage in (("new", {"labels_by_brand": {"Acme": [0, 0, 0, 200]}}), ("old", {})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lineage.json").write_text(json.dumps(lineage))
    assert brands_with_label_shift(tmp_path / "new", tmp_path / "new") == []
    assert brands_with_label_shift(tmp_path / "new", tmp_path / "old") == []  # an older package has no counts
