"""Whole models of references: made where they are used, kept between the steps of one machine.

BROADFAST_MODELS names the folder that keeps them. Without it, a process makes each model once, for itself.
"""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from components.blobs import get_blob, put_blob
from components.model_changes import apply_changes
from components.model_reference import ModelReference, read_reference, write_reference
from components.pretrained import base_digest, load_base_model, load_base_tokenizer, model_digest, model_path
from components.settings import Settings

COMPLETE = "config.json"
NAME_LENGTH = 32


def describe_model(model: str | Path) -> ModelReference:
    """Return the reference in a folder, or one to the folder as a base."""
    return read_reference(model) or ModelReference(str(Path(model).resolve()), model_digest(model))


def open_model(model: str | Path) -> str:
    """Return the folder of the whole model that `model` refers to.

    A folder without a reference is whole itself.

    Raises:
        ValueError: the base is another one than when the reference was made.
        FileNotFoundError: a tuning's changes are gone from S3.
    """
    reference = read_reference(model)
    if reference is None:
        return str(model)
    folder = whole_model_folder(reference)
    if not (folder / COMPLETE).exists():
        check_base(reference)
        if not reference.changes and not reference.base.startswith("package:"):
            return model_path(reference.base)
        with tempfile.TemporaryDirectory(dir=models_folder()) as work:
            make_whole(reference, Path(work, "model"))
            keep_whole(Path(work, "model"), reference)
    return str(folder)


def load_tokenizer(model: str | Path):
    """Load the tokenizer of a model, without its weights where it is not whole yet."""
    from transformers import AutoTokenizer

    reference = read_reference(model)
    if reference is None:
        return AutoTokenizer.from_pretrained(model)
    folder = whole_model_folder(reference)
    return AutoTokenizer.from_pretrained(folder) if folder.exists() else load_base_tokenizer(reference.base)


def check_base(reference: ModelReference) -> None:
    """Check that the base is what the reference was made of.

    Raises:
        ValueError: it is not.
    """
    digest = base_digest(reference.base)
    if digest != reference.base_digest:
        raise ValueError(
            f"the base model {reference.base} has the digest {digest[:12]}, and this night began with "
            f"{reference.base_digest[:12]}: run the pipeline again from its start"
        )


def make_whole(reference: ModelReference, folder: Path) -> None:
    """Write the base with every change added, as safetensors with its tokenizer."""
    model, tokenizer = load_base_model(reference.base)
    with tempfile.TemporaryDirectory() as work:
        for number, digest in enumerate(reference.changes):
            path = Path(work, f"{number}.safetensors")
            get_blob(digest, path)
            apply_changes(model, path)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def keep_whole(source: Path, reference: ModelReference) -> None:
    """Move a whole model to where later steps of this machine find it."""
    folder = whole_model_folder(reference)
    try:
        os.replace(source, folder)
    except OSError:
        if not (folder / COMPLETE).exists():  # else another process was faster
            shutil.move(source, folder)


def publish_tuned_model(parent: ModelReference, changes: Path, whole: Path, out: str | Path) -> ModelReference:
    """Store a tuning's changes and write its reference to `out`.

    The whole model is kept where it was saved.
    """
    reference = parent.with_change(put_blob(changes))
    if whole.exists():
        keep_whole(whole, reference)
    write_reference(reference, out)
    return reference


def whole_model_folder(reference: ModelReference) -> Path:
    """Return where this machine keeps a whole model."""
    return models_folder() / reference.digest[:NAME_LENGTH]


def models_folder() -> Path:
    """Return the folder of whole models, which exists."""
    folder = Path(Settings().models or process_folder().name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@cache
def process_folder() -> tempfile.TemporaryDirectory:
    """Return this process's own folder of models, which goes with it."""
    return tempfile.TemporaryDirectory(prefix="models-")
