"""Input files of commands, looked for before anything is read."""

from pathlib import Path


def check_file(name: str, path: Path) -> None:
    """Check that a command's argument names a file.

    Raises:
        ValueError: there is none, or a folder; with the argument's name and the path.
    """
    if path.is_dir():
        raise ValueError(f"{name} is {path}, which is a folder: give the file itself")
    check_path(name, path)


def check_path(name: str, path: Path) -> None:
    """Check that a command's argument names a file or a folder.

    Raises:
        ValueError: there is nothing; with the argument's name and the path.
    """
    if not path.exists():
        raise ValueError(f"{name} is {path}, which does not exist: check the path")
