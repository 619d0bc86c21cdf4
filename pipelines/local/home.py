"""The folder of an option --home."""

from pathlib import Path
from typing import Annotated

import typer


def parse_folder(text: str | Path) -> Path:
    """Return the folder that an option names, or its default.

    Raises:
        typer.BadParameter: the text is empty, as from a variable that is not set.
    """
    if not str(text).strip():
        raise typer.BadParameter("it is empty; name a folder, which may be new")
    return Path(text)


HomeOfRuns = Annotated[Path, typer.Option(parser=parse_folder, metavar="FOLDER", help="Where runs leave their state.")]
