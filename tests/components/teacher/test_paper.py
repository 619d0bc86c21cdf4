"""The paper's teacher: its settings as the profile holds them, tried on a tiny model of the paper's kind."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

from components.model_store import open_model
from components.pretrained import model_digest, save_base_model
from components.teacher.dpo import dpo
from components.teacher.pairs import mine
from components.teacher.sft import sft, sft_arguments
from components.teacher.trainer import lora_config, trl_arguments
from pipelines.profiles import PROFILES

PAPER = PROFILES["paper"]()


def test_the_papers_figures():
    assert PAPER.base_model == "Qwen/Qwen3-14B" and PAPER.exemplar_pairs == 0
    assert (PAPER.sft.rank, PAPER.sft.epochs, PAPER.sft.learning_rate) == (16, 3, 5e-5)
    assert (PAPER.dpo.rank, PAPER.dpo.epochs, PAPER.dpo.learning_rate, PAPER.dpo.strict) == (16, 3, 5e-6, True)
    assert (PAPER.sft.rows, PAPER.dpo.rows, PAPER.sft.max_steps, PAPER.dpo.max_steps) == (0, 0, -1, -1)


@pytest.mark.slow
def test_trl_and_peft_take_them(tmp_path):
    from trl import DPOConfig, SFTConfig

    supervised = SFTConfig(**sft_arguments(PAPER.sft, tmp_path))
    preferences = DPOConfig(**trl_arguments(PAPER.dpo, tmp_path), beta=PAPER.dpo.beta)
    assert (supervised.learning_rate, supervised.num_train_epochs, supervised.completion_only_loss) == (5e-5, 3, True)
    assert (preferences.learning_rate, preferences.num_train_epochs, preferences.beta) == (5e-6, 3, 0.1)
    adapter = lora_config(None, PAPER.sft)
    assert (adapter.r, adapter.lora_alpha, adapter.target_modules) == (16, 32, "all-linear")


@pytest.fixture(scope="module")
def qwen(llm, tmp_path_factory):
    """Return the folder of a tiny model with Qwen3's architecture, in bfloat16 as it is published."""
    folder = tmp_path_factory.mktemp("qwen")
    tokenizer = AutoTokenizer.from_pretrained(llm)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Qwen3Config(vocab_size=len(tokenizer), num_key_value_heads=1, head_dim=16, dtype="bfloat16", **sizes)
    Qwen3ForCausalLM(config).bfloat16().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_the_papers_architecture_passes_sft_and_dpo(s3, qwen, judgements_path, rationales_path, tmp_path):
    base, sft_model, dpo_model = (tmp_path / name for name in ("base", "sft_model", "dpo_model"))
    assert save_base_model(str(qwen), base)["parameters"] > 0
    sft_result = sft(rationales_path, judgements_path, base, replace(PAPER.sft, max_steps=1), sft_model)
    mine(rationales_path, judgements_path, sft_model, tmp_path / "pairs")
    dpo_result = dpo(tmp_path / "pairs", sft_model, replace(PAPER.dpo, max_steps=2), dpo_model)
    assert (sft_result.details["steps"], dpo_result.details["steps"]) == (1, 2)  # the first step only warms up
    assert 0 < dpo_result.details["merge_cosine"] < 1  # a small update of bfloat16 weights is partly rounded away
    assert json.loads(Path(open_model(dpo_model), "config.json").read_text())["dtype"] == "bfloat16"
    assert dpo_result.details["model_digest"] == model_digest(dpo_model)
