"""What SFT and DPO share, on TRL's real trainer: which tokens carry loss, and a loss that is no number."""

import pytest

from components.teacher.sft import SftConfig
from components.teacher.trainer import merged_and_saved, settings_of

pytestmark = pytest.mark.slow  # trains
ROWS = [{"prompt": "Query: red shoe\nAnswer:", "completion": " <attributes> It is red.\nLabel: Exact"}] * 4


def trainer(llm, **settings):
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    arguments = settings_of(SftConfig(batch_size=2, max_length=64, max_steps=2)) | settings
    lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    given = TrlConfig(**arguments, completion_only_loss=True)
    return SFTTrainer(str(llm), given, train_dataset=Dataset.from_list(ROWS), peft_config=lora)


def test_prompt_tokens_carry_no_loss_and_every_completion_token_does(llm):
    trained = trainer(llm)
    batch = next(iter(trained.get_train_dataloader()))
    tokenizer = trained.processing_class
    learnt = tokenizer.decode(batch["input_ids"][0][batch["labels"][0] != -100])
    assert learnt == ROWS[0]["completion"] + tokenizer.eos_token


def test_progress_is_said_and_the_curve_is_numbers(llm, tmp_path, capfd):
    curve = merged_and_saved(trainer(llm), tmp_path / "model")
    assert [entry["step"] for entry in curve] == [1, 2]
    assert "::progress 2 2 steps" in capfd.readouterr().err


def test_a_loss_that_is_no_number_stops_the_step(llm, tmp_path):
    import torch

    broken = trainer(llm)
    with torch.no_grad():
        next(p for name, p in broken.model.named_parameters() if "embed" in name).fill_(float("nan"))
    with pytest.raises(ValueError, match="the loss is nan at step 1: lower the learning rate"):
        merged_and_saved(broken, tmp_path / "model")
