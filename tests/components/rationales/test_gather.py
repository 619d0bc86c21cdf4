"""Shards put together: tables joined, counts and costs added up, nothing missing."""

import json

import pytest

from components import contracts
from components.rationales.gather import gather
from components.rationales.summary import Summary
from testing.rows import judgement, rationale

USED = {"requests": 1, "tokens_in": 10, "tokens_out": 5, "seconds": 9.0}


def shard(folder, *rows, rows_out=None):
    folder.mkdir()
    contracts.write_batches(rows, contracts.RATIONALES, folder / "rationales")
    contracts.write_batches([], contracts.QUARANTINE, folder / "quarantine")
    summary = Summary()
    summary.add(rows, [], [judgement()])
    count = len(rows) if rows_out is None else rows_out
    result = {"rows_in": count, "rows_out": count, "quarantined": 0, "generated": len(rows), "engine": "e"}
    result["model"] = "m"
    (folder / "facts").write_text(json.dumps(result | {"used": USED} | {"summary": summary.state()}))
    return folder


def gather_shards(tmp_path, *shards, price=0.0):
    parts = [[folder / name for folder in shards] for name in ("rationales", "quarantine", "facts")]
    return gather(*parts, (tmp_path / "r", tmp_path / "q"), price)


def test_tables_are_joined_and_counts_add_up(tmp_path):
    result = gather_shards(tmp_path, shard(tmp_path / "a", rationale()), shard(tmp_path / "b", rationale(item_id="i2")))
    assert [row["item_id"] for row in contracts.read(contracts.RATIONALES, tmp_path / "r")] == ["i1", "i2"]
    assert (result.rows_in, result.details["pairs"], result.details["shards"]) == (2, 2, 2)


def test_seconds_and_price_give_the_cost(tmp_path):
    shards = shard(tmp_path / "a", rationale()), shard(tmp_path / "b", rationale(item_id="i2"))
    usage = gather_shards(tmp_path, *shards, price=2.0).details["used"]  # 18 s at 2 dollars an hour
    assert (usage["seconds_per_1000_pairs"], usage["usd_per_1000_pairs"]) == (9000.0, 5.0)


def test_without_a_price_no_cost_is_made_up(tmp_path):
    result = gather_shards(tmp_path, shard(tmp_path / "a", rationale()))
    assert result.details["used"]["usd_per_1000_pairs"] is None


def test_a_shard_with_missing_rows_fails(tmp_path):
    with pytest.raises(ValueError, match=r"the shards hold \(1, 0\) rows, their workers said"):
        gather_shards(tmp_path, shard(tmp_path / "a", rationale(), rows_out=2))
