"""A look at small logs."""

import pyarrow.parquet as pq
import pytest

from components.experiment.aggregate import LogSource, collect
from components.experiment.attribute import merge
from components.experiment.records import AttributionRules
from tests.components.experiment.log_rows import NOW, SETUP, write_shard

DEFAULT_RULES = AttributionRules()


@pytest.fixture
def look(tmp_path):
    """Take a look at rows of logs, in shards; returns the evidence and the users' rows."""

    def take(exposures=(), outcomes=(), requests=(), setup=SETUP, shards=1, rules=DEFAULT_RULES):
        sums = []
        for shard in range(shards):
            folders = write_shard(tmp_path / f"logs-{shard}", (exposures, outcomes, requests), shard, shards)
            sums.append(tmp_path / f"sums-{shard}")
            collect(LogSource(*folders, rules=rules), setup, NOW, sums[-1])
        evidence = merge(sums, setup, NOW, tmp_path / "merged")
        users = pq.read_table(tmp_path / "merged" / "users.parquet").drop_columns(["user_id"])
        return evidence, users.to_pylist()

    return take
