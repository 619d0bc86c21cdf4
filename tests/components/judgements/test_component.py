"""The steps of the judgements, called as components."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.judgements.audit import AuditConfig
from components.judgements.component import audit_labels, prepare_judgements
from components.judgements.config import PrepareConfig
from tests.components.judgements.sources import GOOD, csv_file

TABLES = ("judgements", "items", "refused")


def call_prepare(tmp_path, source: str) -> dict:
    tables = {name: dsl.Dataset(uri=str(tmp_path / f"{name}.parquet")) for name in TABLES}
    facts = dsl.Metrics(uri=str(tmp_path / "facts"))
    prepare_judgements.python_func(source, "query=q", PrepareConfig().to_json(), **tables, facts=facts)
    return json.loads((tmp_path / "facts").read_text())


def rows() -> list[dict]:
    row = {"q": GOOD["query"]} | {name: GOOD[name] for name in ("query_id", "item_id", "title", "label")}
    return [row, row | {"item_id": "i2", "label": "?"}]


def test_the_step_writes_three_tables(tmp_path):
    facts = call_prepare(tmp_path, str(csv_file(tmp_path / "a.csv", rows())))
    assert (facts["rows_in"], facts["rows_out"], facts["quarantined"]) == (2, 1, 1)
    assert facts["headline"] == "1 judgements, 1 queries, 1 quarantined"
    assert [contracts.count(tmp_path / f"{name}.parquet") for name in TABLES] == [1, 1, 1]


@pytest.mark.slow
def test_the_step_reads_its_source_from_s3(s3, tmp_path):
    from components import storage

    storage.put_folder(csv_file(tmp_path / "a.csv", rows()).parent, "judgements-of-a-test")
    assert call_prepare(tmp_path, "s3://broadfast/judgements-of-a-test")["rows_out"] == 1


def call_audit(judgements, sheet: str, tmp_path) -> dict:
    sample = dsl.Dataset(uri=str(tmp_path / "audit.csv"))
    facts = dsl.Metrics(uri=str(tmp_path / "facts"))
    table = dsl.Dataset(uri=str(judgements))
    audit_labels.python_func(table, sheet, AuditConfig(rows=4).to_json(), sample, facts)
    return json.loads((tmp_path / "facts").read_text())


@pytest.mark.slow
def test_an_audit_on_s3_becomes_an_agreement(s3, judgements_path, tmp_path):
    from components import storage

    assert call_audit(judgements_path, "", tmp_path)["status"] == "not audited"
    sheet = (tmp_path / "audit.csv").read_text("utf-8-sig").replace(",,", ",Exact,")
    storage.put_bytes("audits/filled.csv", sheet.encode())
    facts = call_audit(judgements_path, "audits/filled.csv", tmp_path)
    assert (facts["status"], facts["audited"], facts["agreement"]["agreement"]) == ("audited", 4, 0.25)
    with pytest.raises(ValueError, match="the audit audits/none.csv is not on S3; upload it"):
        call_audit(judgements_path, "audits/none.csv", tmp_path)
