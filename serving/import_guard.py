"""A guard that keeps the server light: what its image lacks is not imported where it happens to be installed.

Feast imports torch, and KServe imports vllm and transformers, wherever they can: seconds of start-up, hundreds of MB.
"""

import sys

ABSENT = ("torch", "transformers", "vllm")


def stay_light() -> None:
    """Make importing these fail as in the image.

    Call it before importing Feast or KServe.
    """
    for name in ABSENT:
        if name not in sys.modules:
            sys.modules[name] = None
