"""A teacher that does not qualify writes no rationale, and everything after it says so and ends."""

import json

import pytest
from kfp import dsl

from components import contracts
from components.absence import read_refusal
from components.rationales import component
from components.rationales.engine import EngineConfig
from components.rationales.sampler import GenerateConfig
from components.teacher import component as teacher


def read_facts(folder):
    return json.loads((folder / "facts").read_text())


def generate(folder, refusal: str) -> None:
    """Run the step with a model and judgements that are not there."""
    permit = dsl.Artifact(uri=str(folder / "permit"))
    teacher.permit_teacher.python_func(refusal, permit, dsl.Metrics(uri=str(folder / "permission")))
    inputs = [dsl.Dataset(uri=str(folder / "no judgements")), dsl.Model(uri=str(folder / "no model"))]
    configs = GenerateConfig().to_json(), EngineConfig().to_json()
    outputs = [dsl.Dataset(uri=str(folder / name)) for name in ("rationales", "quarantine")]
    outputs += [dsl.Metrics(uri=str(folder / "facts")), permit]
    component.generate_rationales.python_func(*inputs, *configs, "0/1", *outputs)


def test_a_refused_teacher_writes_nothing(tmp_path):
    generate(tmp_path, "the teacher does not qualify: it is poor")
    facts = read_facts(tmp_path)
    assert facts["headline"] == "none: the teacher does not qualify" and facts["rows_in"] == facts["rows_out"] == 0
    assert read_refusal(tmp_path / "permit") == "the teacher does not qualify: it is poor"
    permission = json.loads((tmp_path / "permission").read_text())
    assert (permission["headline"], permission["quarantined"]) == ("no", 1)


def test_a_permitted_teacher_is_started(tmp_path):
    with pytest.raises(FileNotFoundError, match="no judgements"):
        generate(tmp_path, "")
    assert read_refusal(tmp_path / "permit") == ""


def test_shards_without_rationales_are_gathered_and_embedded(tmp_path):
    generate(tmp_path, "the teacher does not qualify: it is poor")
    parts, refused = ([dsl.Dataset(uri=str(tmp_path / name))] * 2 for name in ("rationales", "quarantine"))
    results = [dsl.Metrics(uri=str(tmp_path / "facts"))] * 2
    out = [dsl.Dataset(uri=str(tmp_path / f"all-{name}")) for name in ("rationales", "quarantine")]
    facts = dsl.Metrics(uri=str(tmp_path / "gathered"))
    component.gather_rationales.python_func(parts, refused, results, *out, facts)
    gathered = json.loads((tmp_path / "gathered").read_text())
    assert (gathered["headline"], gathered["used"]["seconds"], gathered["shards"]) == ("none", 0, 2)
    embeddings = dsl.Dataset(uri=str(tmp_path / "embeddings"))
    component.embed_rationales.python_func(out[0], "no embedder", embeddings, dsl.Metrics(uri=str(tmp_path / "facts")))
    assert contracts.read(contracts.RATIONALE_EMBEDDINGS, embeddings.path) == []
    assert read_facts(tmp_path)["absent"] == "there is no rationale"
