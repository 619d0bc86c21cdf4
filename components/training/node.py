"""One process of a training on several machines: `torchrun -m components.training.node PLACE`, as a TrainJob starts it.

The first process of each machine brings call, model and rows from S3; the first of all takes the result back.
"""

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from components import storage
from components.training.trainjob import CALL, CARRIED, SAID

VERBS = {  # module, its configuration, its function: imported when a call names them
    "sft": ("components.teacher.sft", "SftConfig", "tune"),
    "dpo": ("components.teacher.dpo", "DpoConfig", "prefer"),
}
HERE = "here"  # is written last
WAIT_S = 3600


def train(place: str) -> None:
    """Make one call, as this process of all.

    Raises:
        ValueError: there is no such call on S3, or it is of no verb that is known.
        TimeoutError: the machine's first process brought nothing within an hour.
    """
    call = storage.get_json(f"{place}/{CALL}")
    if call is None or call["verb"] not in VERBS:
        raise ValueError(f"{place} holds no call of {' or '.join(VERBS)} on S3: the step that asked for it is gone")
    folder = brought(place)
    module, config_name, function_name = VERBS[call["verb"]]
    room = importlib.import_module(module)
    config, function = getattr(room, config_name), getattr(room, function_name)
    out = folder / "out"
    model, work = (str(folder / name) for name in CARRIED)
    said = function(model, config.from_json(call["config"]), work, call["prefix"], str(out))
    if os.environ["RANK"] == "0":
        storage.put_folder(out, f"{place}/out")
        storage.put_json(f"{place}/{SAID}", json.loads(json.dumps(said)))


def brought(place: str) -> Path:
    """This machine's folder with what the call carries, which its first process fills and the others wait for."""
    folder = Path(tempfile.gettempdir(), place.replace("/", "-"))
    if os.environ["LOCAL_RANK"] == "0":
        for name in CARRIED:
            storage.get_folder(f"{place}/{name}", folder / name)
        (folder / HERE).touch()
        return folder
    deadline = time.monotonic() + WAIT_S
    while not (folder / HERE).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody on this machine has brought {place} within {WAIT_S} s")
        time.sleep(0.5)
    return folder


if __name__ == "__main__":
    train(sys.argv[1])
