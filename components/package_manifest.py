"""The sha256 manifest of a package, written with it and verified before anything is loaded."""

import hashlib
import json
import stat
from pathlib import Path

NAME = "manifest.json"
SIGNATURE = "model.sig"  # of all files, where packages are signed
# kinds of file that run no code when they are loaded
DATA = {".json", ".jinja", ".md", ".onnx", ".onnx_data", ".parquet", ".safetensors", ".txt"}
# of packages: 6 held every graph and the trained weights besides, encoders up to 7 read a text a row, and up to 8 a
# query was repeated for each item of a page
FORMAT = 9
READ = (6, 7, 8, 9)
READABLE = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


def file_digest(path: Path) -> str:
    """Return the sha256 of one file, in hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: str | Path) -> str:
    """Write the manifest of every file in the folder and return the package's version.

    Every file becomes readable by all: some writers leave theirs to their owner alone, and a server reads the mounted
    folder as another user.
    """
    folder = Path(folder)
    (folder / SIGNATURE).unlink(missing_ok=True)  # of other files
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    for path in files:
        path.chmod(path.stat().st_mode | READABLE)
    manifest = {path.relative_to(folder).as_posix(): file_digest(path) for path in files}
    (folder / NAME).write_text(json.dumps(manifest, indent=1, sort_keys=True))
    return version(folder)


def version(folder: str | Path) -> str:
    """Return a package's name: `student-` and the first 12 hex digits of its manifest's sha256."""
    return f"student-{file_digest(Path(folder) / NAME)[:12]}"


def verify(folder: str | Path) -> dict[str, str]:
    """Check every file against the manifest and return it.

    Raises:
        ValueError: the manifest is missing or broken, or a file is missing, changed, not named in it, or of a kind that
            can run code when it is loaded.
    """
    folder = Path(folder)
    if not (folder / NAME).is_file():
        raise ValueError(f"{folder} has no {NAME}: it is not a package, or was not finished")
    try:
        manifest = json.loads((folder / NAME).read_text())
    except ValueError as error:
        raise ValueError(f"{folder / NAME} was changed: it is not JSON ({error})") from error
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {NAME, SIGNATURE}
    if present != manifest.keys():
        raise ValueError(f"{folder}: files that differ from the manifest: {sorted(present ^ manifest.keys())}")
    if code := sorted(name for name in present if Path(name).suffix not in DATA):
        raise ValueError(f"{folder}: {code} is no data: a package holds {', '.join(sorted(DATA))} alone")
    for name, digest in manifest.items():
        if file_digest(folder / name) != digest:
            raise ValueError(f"{folder / name} was changed: its sha256 is not the manifest's")
    return manifest
