"""A source prepared into its tables."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from components import contracts
from components.judgements.config import PrepareConfig
from components.judgements.prepare import prepare
from components.judgements.readers import parse_columns


@pytest.fixture
def prepare_source(tmp_path):
    """Return a function that prepares a source and returns its details and tables."""
    out = tuple(tmp_path / f"{name}.parquet" for name in ("out-judgements", "out-items", "out-refused"))

    def run(path: Path, columns: str = "", **config) -> SimpleNamespace:
        result = prepare(path, parse_columns(columns), PrepareConfig(**config), out)
        judgements = contracts.read(contracts.JUDGEMENTS, out[0])
        quarantine = contracts.read(contracts.QUARANTINED_ROWS, out[2])
        sampled_out = result.details["sampled_out"]
        assert result.rows_in == result.rows_out + len(quarantine) + sampled_out
        return SimpleNamespace(
            result=result,
            details=result.details,
            judgements=judgements,
            items=contracts.read(contracts.ITEMS, out[1]),
            quarantine=quarantine,
            reasons=[(row["line"], row["reason"]) for row in quarantine],
        )

    return run
