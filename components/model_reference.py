"""A language model by reference: its base by name and digest, and what each tuning changed, by sha256.

A step passes a folder with `model.json` on. Weights travel once: the base lies where it came from, changes lie in
`components.blobs`. A folder of a whole model, without `model.json`, is a base of its own.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

NAME = "model.json"
FORMAT = 1


@dataclass(frozen=True)
class ModelReference:
    """A base model and the tunings of it, in their order."""

    base: str  # package:, s3://, a folder or a hub name
    base_digest: str
    changes: tuple[str, ...] = ()  # sha256 of each tuning's changed tensors

    @property
    def digest(self) -> str:
        """Return what names the weights: the base's own digest where nothing is changed."""
        if not self.changes:
            return self.base_digest
        return hashlib.sha256(json.dumps([self.base_digest, *self.changes]).encode()).hexdigest()

    def with_change(self, digest: str) -> "ModelReference":
        """Return the model after one more tuning."""
        return replace(self, changes=(*self.changes, digest))


def write_reference(reference: ModelReference, folder: str | Path) -> None:
    """Write a reference as the whole content of a model's folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    document = {"format": FORMAT, **asdict(reference)}
    (Path(folder) / NAME).write_text(json.dumps(document, indent=1))


def read_reference(folder: str | Path) -> ModelReference | None:
    """Read the reference in a folder, or return None of a folder that has none.

    Raises:
        ValueError: it has a format that this release does not read; run the pipeline again from its start.
    """
    path = Path(folder) / NAME
    if not path.is_file():
        return None
    document = json.loads(path.read_text())
    if document.pop("format", None) != FORMAT:
        raise ValueError(f"{path} has another format than {FORMAT}: run the pipeline again from its start")
    return ModelReference(**document | {"changes": tuple(document["changes"])})
