"""Checkpoints of a training on S3, so that one that was killed goes on wherever it runs next."""

import json
from dataclasses import asdict
from pathlib import Path

from accelerate import PartialState
from transformers import TrainerCallback

from components import storage
from components.config import JsonConfig
from components.sampling import hash_digest

COMPLETE_MARKER = "whole.json"  # is written last, so that half a checkpoint is none


class Checkpoints(TrainerCallback):
    """Copies the trainer's checkpoints below `folder` to S3, which holds one at a time."""

    def __init__(self, folder: str | Path, prefix: str):
        self.folder = Path(folder)
        self.prefix = prefix

    def on_save(self, args, state, control, **kwargs):
        """Copy checkpoint-STEP to S3, called by the trainer on each process."""
        PartialState().wait_for_everyone()  # each writes its own state of the random numbers
        if not state.is_world_process_zero:
            return
        older_steps = self.steps()
        name = f"checkpoint-{state.global_step}"
        storage.put_folder(self.folder / name, f"{self.prefix}/{name}")
        storage.put_json(f"{self.prefix}/{name}/{COMPLETE_MARKER}", {"step": state.global_step})
        for step in older_steps:
            storage.remove_folder(f"{self.prefix}/checkpoint-{step}")

    def steps(self) -> list[int]:
        """Return the steps of the whole checkpoints on S3, in order."""
        names = storage.list_names(self.prefix)
        markers = [name for name in names if name.endswith(f"/{COMPLETE_MARKER}")]
        return sorted(int(name.split("/")[-2].split("-")[1]) for name in markers)

    def fetch(self) -> None:
        """Bring the newest checkpoint, if any, to the folder before a process starts."""
        for step in self.steps()[-1:]:
            name = f"checkpoint-{step}"
            storage.get_folder(f"{self.prefix}/{name}", self.folder / name)

    def local_checkpoint(self) -> str | None:
        """Return the folder of the newest fetched checkpoint, or None."""
        folders = sorted(self.folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
        return str(folders[-1]) if folders else None

    def remove(self) -> None:
        """Remove all checkpoints from S3 once the training has ended."""
        storage.remove_folder(self.prefix)


def checkpoint_prefix(verb: str, digest: str, config: JsonConfig, rows: list[dict]) -> str:
    """Name the S3 prefix of exactly this training: its verb, model, configuration and rows."""
    identity = json.dumps([verb, digest, asdict(config), rows], sort_keys=True)
    return f"checkpoints/{verb}/{hash_digest(identity).hex()[:32]}"
