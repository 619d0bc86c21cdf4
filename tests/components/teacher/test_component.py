"""Each step of the teacher, called as a component."""

import json

import pytest
from kfp import dsl

from components.model_reference import read_reference
from components.teacher import component
from components.teacher.config import DpoConfig, SftConfig

pytestmark = pytest.mark.slow  # trains
SFT = SftConfig(rank=2, max_steps=2, batch_size=2).to_json()


def test_start_then_sft_then_mine_then_dpo(s3, llm, judgements_path, rationales_path, tmp_path):
    judgements = dsl.Dataset(uri=str(judgements_path))
    rationales = dsl.Dataset(uri=str(rationales_path))
    names = ("cold_started", "sft_model", "dpo_model")
    cold_started, sft_model, dpo_model = (dsl.Model(uri=str(tmp_path / name)) for name in names)
    pairs = dsl.Dataset(uri=str(tmp_path / "pairs"))
    facts = dsl.Metrics(uri=str(tmp_path / "facts"))
    component.start_teacher.python_func(rationales, judgements, str(llm), SFT, cold_started, facts)
    component.fine_tune.python_func(rationales, judgements, cold_started, SFT, sft_model, facts)
    component.mine_preference_pairs.python_func(rationales, judgements, sft_model, pairs, facts)
    dpo = DpoConfig(rank=2, max_steps=2, batch_size=2).to_json()
    component.optimise_preferences.python_func(pairs, sft_model, dpo, dpo_model, facts)
    assert json.loads((tmp_path / "facts").read_text())["rows_out"] == 6
    assert [len(read_reference(tmp_path / name).changes) for name in names] == [1, 2, 3]
