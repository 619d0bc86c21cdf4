"""Which rows may be copies: hashes of their keys, sorted part by part, and their keys where hashes agree."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from components.experiment.deduplicate import HASH_BITS, key_hash, repeated_hashes
from tests.components.experiment.log_rows import exposure

KEYS = 600_000  # enough that some of them share a hash by chance


def to_batches(hashes, count):
    return [pa.record_batch({"h": batch}) for batch in np.array_split(hashes, count)]


@pytest.mark.parametrize("batches", [1, 7])
def test_repeated_hashes_are_found_in_all_parts(tmp_path, batches):
    rng = np.random.default_rng(0)
    once = np.unique(rng.integers(0, 2**HASH_BITS, 2000, np.uint64))
    twice = once[::20]
    hashes = rng.permutation(np.concatenate([once, twice, twice[:3]]))
    found = repeated_hashes(iter(to_batches(hashes, batches)), str(tmp_path))
    assert sorted(found.tolist()) == twice.tolist()


def test_no_rows_have_no_repeated_hashes(tmp_path):
    assert not len(repeated_hashes(iter([]), str(tmp_path)))


@pytest.fixture(scope="module")
def requests_of_one_hash():
    """Return two request ids whose keys with item i1 have one hash."""
    with duckdb.connect() as db:
        rows = f"SELECT 'r' || n AS request_id, 'i1' AS item_id FROM range({KEYS}) numbers(n)"
        pairs = f"""SELECT min(request_id), max(request_id) FROM (SELECT *, {key_hash("exposures")} AS h FROM ({rows}))
            GROUP BY h HAVING count(*) > 1 LIMIT 1"""
        return db.execute(pairs).fetchone()


def test_keys_of_one_hash_are_no_copies(look, requests_of_one_hash):
    first, second = requests_of_one_hash
    rows = [exposure(first), exposure(second), exposure(first)]
    evidence, _ = look(rows)
    assert (evidence.accounts.duplicates, evidence.used) == (1, 2)
