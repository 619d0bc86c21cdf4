"""The two versions behind an interleaved page, in one text."""


def interleaved_versions(stable: str, candidate: str) -> str:
    """Return how an interleaver names the versions that it asks, in the header x-model-version."""
    return f"{stable}+{candidate}"
