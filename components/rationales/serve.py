"""Serve a chat model by vLLM: `python -m components.rationales.serve MODEL [options of vllm serve]`.

The model is a folder, an address on S3, or a hub's name that `make models` has mirrored there, for pods reach no hub.
It is served under the name that is given, which stored answers are told apart by.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from components.pretrained import model_path

SERVER = "vllm.entrypoints.openai.api_server"  # what `vllm serve` runs; the CPU wheel's own command does not start


def server_command(model: str, options: Sequence[str]) -> list[str]:
    """Return the command that serves a model, downloaded where it lies on S3.

    Raises:
        ValueError: it is not on this machine, nor mirrored.
        FileNotFoundError: S3 holds nothing at the address.
    """
    folder = model_path(model)
    if not Path(folder).is_dir():
        raise ValueError(f"{model} is no folder, and no mirror of it is in the bucket: `make models` makes one")
    return [sys.executable, "-m", SERVER, "--model", folder, "--served-model-name", model, *options]


def main(arguments: Sequence[str]) -> int:
    """Become the server."""
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        command = server_command(arguments[0], arguments[1:])
    except (ValueError, OSError) as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    return os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
