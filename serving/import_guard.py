"""Keeps the server light: what its image does not hold is not imported where it happens to be installed.

Feast imports torch, and KServe imports vllm and transformers, wherever they can: seconds of start-up, hundreds of MB.
"""

import sys

ABSENT = ("torch", "transformers", "vllm")


def stay_light() -> None:
    """Make importing any of them fail as in the image; call it before Feast and KServe are imported."""
    for name in ABSENT:
        if name not in sys.modules:
            sys.modules[name] = None
