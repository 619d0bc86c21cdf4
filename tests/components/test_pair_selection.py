"""Selection of judged pairs, and their division into buckets."""

import pytest

from components.pair_selection import balance_labels, select_pairs, write_buckets
from testing.rows import judgement


def test_train_pairs_are_taken_equally_of_each_label():
    rows = [judgement(item_id=f"i{n}", label="Exact" if n % 4 else "Complement") for n in range(40)]
    rows += [judgement(item_id="v", label="Irrelevant", split="valid")]
    labels = [row["label"] for row in balance_labels(rows, 10)]
    assert (labels.count("Exact"), labels.count("Complement"), labels.count("Irrelevant")) == (5, 5, 0)


def test_few_pairs_are_all_taken():
    assert len(balance_labels([judgement(item_id=f"i{n}") for n in range(3)], 10)) == 3


def test_a_split_without_pairs_is_an_error():
    with pytest.raises(ValueError, match="no judged pair is in the train split"):
        list(select_pairs([judgement(split="valid")], "train", 0))


def test_held_out_pairs_are_spread_over_all_queries():
    rows = [judgement(query_id=f"q{n // 4}", item_id=f"i{n}", split="valid") for n in range(16)]
    pairs = list(select_pairs([*rows, judgement()], "valid", 6))
    assert len({row["query_id"] for row in pairs}) == 4 and len({row["item_id"] for row in pairs}) == 6


def test_buckets_hold_every_pair_once(tmp_path):
    rows = [judgement(item_id=f"i{n}") for n in range(200)]
    buckets = [path.read_text().splitlines() for path in write_buckets(rows, 8, tmp_path)]
    lines = [line for bucket in buckets for line in bucket]
    assert len(lines) == len(set(lines)) == 200 and all(buckets)


def test_a_pair_stays_in_its_bucket(tmp_path):
    rows = [judgement(item_id=f"i{n}") for n in range(200)]
    buckets = [set(path.read_text().splitlines()) for path in write_buckets(rows, 8, tmp_path)]
    half = [set(path.read_text().splitlines()) for path in write_buckets(rows[::2], 8, tmp_path)]
    assert all(part <= bucket for part, bucket in zip(half, buckets, strict=True))
