"""Each step of the teacher, called as a component."""

import json

import pytest
from kfp import dsl

from components.teacher import component
from components.teacher.config import DpoConfig, SftConfig

pytestmark = pytest.mark.slow  # trains
SFT = SftConfig(rank=2, max_steps=2, batch_size=2).to_json()


def test_start_then_fine_tune_then_mine_then_optimise(s3, llm, judged, reasoned, tmp_path):
    judgements, rationales = dsl.Dataset(uri=str(judged)), dsl.Dataset(uri=str(reasoned))
    started, tuned, hardened = (dsl.Model(uri=str(tmp_path / name)) for name in ("started", "tuned", "hardened"))
    pairs, facts = dsl.Dataset(uri=str(tmp_path / "pairs")), dsl.Metrics(uri=str(tmp_path / "facts"))
    component.start_teacher.python_func(rationales, judgements, str(llm), SFT, started, facts)
    component.fine_tune.python_func(rationales, judgements, started, SFT, tuned, facts)
    component.mine_preference_pairs.python_func(rationales, judgements, tuned, pairs, facts)
    dpo = DpoConfig(rank=2, max_steps=2, batch_size=2).to_json()
    component.optimise_preferences.python_func(pairs, tuned, dpo, hardened, facts)
    assert json.loads((tmp_path / "facts").read_text())["rows_out"] == 6
    assert len({(tmp_path / name / "model.safetensors").read_bytes() for name in ("started", "tuned", "hardened")}) == 3
