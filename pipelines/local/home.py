"""The folder of an option --home."""

from pathlib import Path

import typer


def parse_folder(text: str) -> Path:
    """Return a folder that an option names.

    Raises:
        typer.BadParameter: the text is empty, as from a variable that is not set.
    """
    if not text.strip():
        raise typer.BadParameter("it is empty; name a folder, which may be new")
    return Path(text)
