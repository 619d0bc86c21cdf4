"""What a person types about judgements from clicks is checked before a run starts."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.judgements.clicks import SCHEMA
from pipelines.local.click_options import add_clicks
from pipelines.profiles import PROFILES
from testing.rows import click_row


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_reads_clicks_by_itself(name):
    profile = PROFILES[name]()
    assert profile.click_judgements == profile.parameters["click_judgements"] == "off"
    assert add_clicks(profile, "") == profile


def test_a_file_of_clicks_is_read(tmp_path):
    path = tmp_path / "clicks.parquet"
    pq.write_table(pa.Table.from_pylist([click_row()], schema=SCHEMA), path)
    size = add_clicks(PROFILES["quick"](), str(path))
    assert size.parameters["click_judgements"] == str(path)
    assert add_clicks(size, "off").click_judgements == "off"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("away.parquet", "--click-judgements away.parquet does not exist"),
        ("s3://b/c.parquet", "is on S3, and a run here"),
    ],
)
def test_wrong_clicks_are_said_beforehand(name, sentence):
    with pytest.raises(ValueError, match=sentence):
        add_clicks(replace(PROFILES["quick"](), click_judgements=name), "")
