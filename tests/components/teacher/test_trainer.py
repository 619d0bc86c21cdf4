"""Common parts of SFT and DPO on TRL's real trainer: tokens with loss, restarts, the merge."""

import pytest

from components import storage
from components.teacher.config import SftConfig
from components.teacher.merge import CHANGES, merge_and_save
from components.teacher.trainer import trl_arguments
from components.training.arguments import rows_per_process, run_training
from components.training.checkpoints import Checkpoints

pytestmark = pytest.mark.slow  # trains
ROWS = [
    {"prompt": f"Query: {query}\nAnswer:", "completion": " <attributes> It is red.\nLabel: Exact"}
    for query in ("red shoe", "a", "long red shoes for running", "hose")
]


def trainer(llm, folder, **settings):
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig as TrlConfig
    from trl import SFTTrainer

    arguments = trl_arguments(SftConfig(batch_size=2, max_length=64, max_steps=2), folder) | settings
    lora = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM")
    trl_config = TrlConfig(**arguments, completion_only_loss=True)
    return SFTTrainer(str(llm), trl_config, train_dataset=Dataset.from_list(ROWS), peft_config=lora)


def test_only_completion_tokens_carry_loss(llm, tmp_path):
    training = trainer(llm, tmp_path)
    batch = next(iter(training.get_train_dataloader()))
    tokenizer = training.processing_class
    text = tokenizer.decode(batch["input_ids"][0][batch["labels"][0] != -100])
    assert text == ROWS[0]["completion"] + tokenizer.eos_token


def test_progress_is_printed_and_steps_are_logged(s3, llm, tmp_path, capfd):
    curve = run_training(trainer(llm, tmp_path), Checkpoints(tmp_path, "checkpoints/t1"))
    assert [entry["step"] for entry in curve] == [1, 2]
    assert "::progress 2 2 steps" in capfd.readouterr().err


def test_a_loss_that_is_no_number_stops_training(s3, llm, tmp_path):
    import torch

    training = trainer(llm, tmp_path)
    with torch.no_grad():
        next(p for name, p in training.model.named_parameters() if "embed" in name).fill_(float("nan"))
    with pytest.raises(ValueError, match="the loss is nan at step 1: lower the learning rate"):
        run_training(training, Checkpoints(tmp_path, "checkpoints/t2"))


class Killed(Exception):
    """Stands for a power cut: nothing is tidied up."""


def test_a_killed_training_reaches_the_same_losses(s3, llm, tmp_path):
    from transformers import TrainerCallback

    class Kill(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 5:
                raise Killed

    def run(name, prefix, *callbacks):
        training = trainer(llm, tmp_path / name, max_steps=8, save_steps=2, train_sampling_strategy="group_by_length")
        for callback in callbacks:
            training.add_callback(callback)
        checkpoints = Checkpoints(tmp_path / name, prefix)
        checkpoints.fetch()
        return run_training(training, checkpoints)

    whole = run("whole", "checkpoints/whole")
    with pytest.raises(Killed):
        run("first", "checkpoints/cut", Kill())
    assert Checkpoints(tmp_path, "checkpoints/cut").steps() == [4]
    resumed = run("second", "checkpoints/cut")
    assert [entry["step"] for entry in resumed] == [entry["step"] for entry in whole] == list(range(1, 9))
    assert [entry["loss"] for entry in resumed] == pytest.approx([entry["loss"] for entry in whole])


def test_a_merged_model_outlives_its_checkpoints(s3, llm, tmp_path):
    training = trainer(llm, tmp_path)
    checkpoints = Checkpoints(tmp_path, "checkpoints/t3")
    run_training(training, checkpoints)
    merge_and_save(training, str(llm), tmp_path / "model")
    assert (tmp_path / "model" / CHANGES).is_file() and checkpoints.steps() == [2]
    checkpoints.remove()
    assert not list(storage.list_names("checkpoints/t3"))


@pytest.mark.parametrize(("processes", "accumulate", "rows"), [("1", 1, 8), ("4", 1, 2), ("2", 2, 2)])
def test_processes_share_the_rows_of_an_update(monkeypatch, processes, accumulate, rows):
    monkeypatch.setenv("WORLD_SIZE", processes)
    assert rows_per_process(SftConfig(batch_size=8, accumulate=accumulate)) == rows


def test_an_uneven_batch_is_an_error(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(
        ValueError, match="8 cannot be divided by 3 processes and accumulate 1: make it a multiple of 3"
    ):
        rows_per_process(SftConfig(batch_size=8))
