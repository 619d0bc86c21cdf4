"""Tables are checked on write and on read."""

import pytest

from components import contracts
from testing.rows import judgement, rationale


def test_what_is_written_is_read_back(tmp_path):
    assert contracts.write([judgement(), judgement(item_id="i2")], contracts.JUDGEMENTS, tmp_path / "table") == 2
    assert contracts.read(contracts.JUDGEMENTS, tmp_path / "table")[1]["item_id"] == "i2"
    assert contracts.count(tmp_path / "table") == 2


def test_a_table_of_another_contract_is_refused(tmp_path):
    contracts.write([rationale()], contracts.RATIONALES, tmp_path / "table")
    with pytest.raises(ValueError, match="expected .*query_class"):
        contracts.read(contracts.JUDGEMENTS, tmp_path / "table")


def test_a_missing_column_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="label"):
        contracts.write(
            [{name: "" for name in judgement() if name != "label"}], contracts.JUDGEMENTS, tmp_path / "table"
        )
    assert not (tmp_path / "table").exists()
