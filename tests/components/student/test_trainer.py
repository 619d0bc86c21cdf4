"""The student on transformers' real trainer: killed, it goes on to the same losses."""

import pytest
import torch

from components.student.dataset import write_examples
from components.student.model import new_student
from components.student.train import student_tokenizer
from components.student.trainer import LrkdTrainer, settings_of
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints
from testing.student_fixtures import EMBEDDING

pytestmark = pytest.mark.slow  # trains


@pytest.fixture
def often(config):
    from dataclasses import replace

    return replace(config, save_steps=4, epochs=1)


def run(tables, config, folder, *callbacks) -> list[dict]:
    """The logged steps of a training that goes on where another was stopped."""
    from datasets import Dataset

    folder.mkdir()
    write_examples(tables, student_tokenizer(config, folder), config, folder)
    examples = Dataset.from_file(str(folder / "train.arrow"))
    torch.manual_seed(config.seed)
    student = new_student(config, EMBEDDING)
    trainer = LrkdTrainer(config, student, settings_of(config, str(folder), len(examples)), examples)
    for callback in callbacks:
        trainer.add_callback(callback)
    checkpoints = Checkpoints(folder, f"checkpoints/{folder.parent.name}")
    checkpoints.fetch()
    return run_training(trainer, checkpoints)


class Killed(Exception):
    """What stands for a power cut: nothing is tidied up."""


def test_a_training_that_was_killed_goes_on_to_the_same_steps_and_losses(s3, tables, often, tmp_path):
    from transformers import TrainerCallback

    class Kill(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 6:
                raise Killed

    with pytest.raises(Killed):
        run(tables, often, tmp_path / "first", Kill())
    resumed = run(tables, often, tmp_path / "second")
    Checkpoints(tmp_path, f"checkpoints/{tmp_path.name}").remove()
    whole = run(tables, often, tmp_path / "whole")
    for name in ("step", "cross_entropy", "alignment"):
        assert [entry[name] for entry in resumed] == pytest.approx([entry[name] for entry in whole])
