"""One process of a training on several machines: `torchrun -m components.training.node PREFIX`, started by a TrainJob.

The first process of each machine fetches call, model and rows from S3; the first of all returns the result there.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

from components import storage
from components.training.checkpoints import Checkpoints
from components.training.trainjob import CALL, INPUTS, RESULT
from components.waiting import wait_until

VERBS = {  # module, its configuration, its function: imported when a call names them
    "sft": ("components.teacher.sft", "SftConfig", "train_sft"),
    "dpo": ("components.teacher.dpo", "DpoConfig", "train_dpo"),
}
FETCHED_MARKER = "here"  # is written last
WAIT_S = 3600


def train(prefix: str) -> None:
    """Run one call as this process of all.

    Raises:
        ValueError: S3 holds no such call, or its verb is unknown.
        TimeoutError: the machine's first process fetched nothing within an hour.
    """
    call = storage.get_json(f"{prefix}/{CALL}")
    if call is None or call["verb"] not in VERBS:
        raise ValueError(f"{prefix} holds no call of {' or '.join(VERBS)} on S3: the step that made it is gone")
    folder = fetch_inputs(prefix, call["prefix"])
    module_name, config_name, function_name = VERBS[call["verb"]]
    module = importlib.import_module(module_name)
    config = getattr(module, config_name).from_json(call["config"])
    model, work = (str(folder / name) for name in INPUTS)
    out = folder / "out"
    result = getattr(module, function_name)(model, config, work, call["prefix"], str(out))
    if os.environ["RANK"] == "0":
        storage.put_folder(out, f"{prefix}/out")
        storage.put_json(f"{prefix}/{RESULT}", json.loads(json.dumps(result)))


def fetch_inputs(prefix: str, checkpoints: str) -> Path:
    """Return this machine's folder of the call, filled by its first process."""
    folder = Path(tempfile.gettempdir(), prefix.replace("/", "-"))
    if os.environ["LOCAL_RANK"] == "0":
        for name in INPUTS:
            storage.get_folder(f"{prefix}/{name}", folder / name)
        Checkpoints(folder / "folder", checkpoints).fetch()  # of an attempt before this one
        (folder / FETCHED_MARKER).touch()
        return folder
    if not wait_until((folder / FETCHED_MARKER).exists, bool, WAIT_S):
        raise TimeoutError(f"no process of this machine has fetched {prefix} within {WAIT_S} s")
    return folder


if __name__ == "__main__":
    train(sys.argv[1])
