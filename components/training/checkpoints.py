"""Checkpoints of a training on S3: a training that was killed goes on at the last whole one, wherever it runs next."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from accelerate import PartialState
from transformers import TrainerCallback

from components import storage
from components.config import JsonConfig

WHOLE = "whole.json"  # is written last, so that half a checkpoint is none


class Checkpoints(TrainerCallback):
    """Copies what the trainer saves below `folder` to S3, and brings the newest back; one is kept at a time."""

    def __init__(self, folder: str | Path, prefix: str):
        self.folder, self.prefix = Path(folder), prefix

    def on_save(self, args, state, control, **kwargs):
        """Called by the trainer, on each of its processes, when checkpoint-STEP lies in its folder."""
        PartialState().wait_for_everyone()  # each writes its own state of the random numbers
        if not state.is_world_process_zero:
            return
        before = self.steps()
        name = f"checkpoint-{state.global_step}"
        storage.put_folder(self.folder / name, f"{self.prefix}/{name}")
        storage.put_json(f"{self.prefix}/{name}/{WHOLE}", {"step": state.global_step})
        for step in before:
            storage.remove_folder(f"{self.prefix}/checkpoint-{step}")

    def steps(self) -> list[int]:
        """The steps of the whole checkpoints on S3, in order."""
        names = storage.list_names(self.prefix)
        return sorted(int(name.split("/")[-2].split("-")[1]) for name in names if name.endswith(f"/{WHOLE}"))

    def fetch(self) -> None:
        """Bring the newest checkpoint, where there is one, to the folder: before any process starts."""
        for step in self.steps()[-1:]:
            name = f"checkpoint-{step}"
            storage.get_folder(f"{self.prefix}/{name}", self.folder / name)

    def fetched(self) -> str | None:
        """The folder of the checkpoint that was brought; None where there was none."""
        return next(map(str, self.folder.glob("checkpoint-*")), None)

    def remove(self) -> None:
        """Remove all of them, once the training has ended."""
        storage.remove_folder(self.prefix)


def place(verb: str, digest: str, config: JsonConfig, rows: list[dict]) -> str:
    """Where the checkpoints of exactly this training lie: of this verb, model, configuration and rows."""
    said = json.dumps([verb, digest, asdict(config), rows], sort_keys=True)
    return f"checkpoints/{verb}/{hashlib.sha256(said.encode()).hexdigest()[:32]}"
