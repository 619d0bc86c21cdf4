"""The student on transformers' real trainer: a killed training resumes to the same losses."""

from dataclasses import replace

import pytest
import torch

from components.student.config import LrkdConfig
from components.student.dataset import write_examples
from components.student.model import new_student
from components.student.train import save_tokenizer
from components.student.trainer import LrkdTrainer, training_arguments
from components.training.arguments import run_training
from components.training.checkpoints import Checkpoints
from testing.student_fixtures import EMBEDDING

pytestmark = pytest.mark.slow  # trains


@pytest.fixture
def checkpointing_config(config) -> LrkdConfig:
    return replace(config, save_steps=4, epochs=1)


def run(tables, config, folder, *callbacks) -> list[dict]:
    """Train from the last checkpoint on, and return the logged steps."""
    from datasets import Dataset

    folder.mkdir()
    write_examples(tables, save_tokenizer(config, folder), config, folder)
    examples = Dataset.from_file(str(folder / "train.arrow"))
    torch.manual_seed(config.seed)
    student = new_student(config, EMBEDDING)
    trainer = LrkdTrainer(config, student, training_arguments(config, str(folder), len(examples)), examples)
    for callback in callbacks:
        trainer.add_callback(callback)
    checkpoints = Checkpoints(folder, f"checkpoints/{folder.parent.name}")
    checkpoints.fetch()
    return run_training(trainer, checkpoints)


class PowerCut(Exception):
    """Ends a training without any cleaning up."""


def test_a_killed_training_resumes_to_the_same_losses(s3, tables, checkpointing_config, tmp_path):
    from transformers import TrainerCallback

    class CutPower(TrainerCallback):
        def on_step_begin(self, args, state, control, **kwargs):
            if state.global_step == 6:
                raise PowerCut

    with pytest.raises(PowerCut):
        run(tables, checkpointing_config, tmp_path / "first", CutPower())
    resumed = run(tables, checkpointing_config, tmp_path / "second")
    Checkpoints(tmp_path, f"checkpoints/{tmp_path.name}").remove()
    undisturbed = run(tables, checkpointing_config, tmp_path / "undisturbed")
    for name in ("step", "cross_entropy", "alignment"):
        assert [entry[name] for entry in resumed] == pytest.approx([entry[name] for entry in undisturbed])
