"""The two students of a night, and the artifact of the one that is the candidate.

Steps behind the choice read both packages: a copy of the chosen one would be a whole package more a night, and Kubeflow
refuses an output that lies below another run's root, as a package of an earlier run does.
"""

from typing import TypeVar

LRKD = "LRKD"
PLAIN = "plain"
Artifact = TypeVar("Artifact")


def choose_artifact(student: str, lrkd: Artifact, plain: Artifact) -> Artifact:
    """Return the artifact of a student by its name.

    Raises:
        ValueError: there is no student of this name.
    """
    artifacts = {LRKD: lrkd, PLAIN: plain}
    if student not in artifacts:
        raise ValueError(f"the chosen student is {student!r}: it is {LRKD} or {PLAIN}")
    return artifacts[student]
