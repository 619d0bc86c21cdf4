"""The step that prepares judgements, called as a component."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.judgements.component import prepare_judgements
from components.judgements.prepare import PrepareConfig
from tests.components.judgements.sources import GOOD, csv_file


def called(tmp_path, source: str) -> dict:
    tables = {name: dsl.Dataset(uri=str(tmp_path / f"{name}.parquet")) for name in ("judgements", "items", "refused")}
    facts = dsl.Metrics(uri=str(tmp_path / "facts"))
    prepare_judgements.python_func(source, "query=q", PrepareConfig().to_json(), **tables, facts=facts)
    return json.loads((tmp_path / "facts").read_text())


def rows() -> list[dict]:
    row = {"q": GOOD["query"]} | {name: GOOD[name] for name in ("query_id", "item_id", "title", "label")}
    return [row, row | {"item_id": "i2", "label": "?"}]


def test_the_step_writes_three_tables_and_says_what_it_did(tmp_path):
    facts = called(tmp_path, str(csv_file(tmp_path / "a.csv", rows())))
    assert (facts["rows_in"], facts["rows_out"], facts["set_aside"]) == (2, 1, 1)
    assert facts["figure"] == "1 judgements, 1 queries, 1 refused"
    assert [contracts.count(tmp_path / f"{name}.parquet") for name in ("judgements", "items", "refused")] == [1, 1, 1]


@pytest.mark.slow
def test_the_step_reads_its_source_from_s3(s3, tmp_path):
    from components import storage

    storage.put_folder(csv_file(tmp_path / "a.csv", rows()).parent, "judgements-of-a-test")
    assert called(tmp_path, "s3://broadfast/judgements-of-a-test")["rows_out"] == 1
