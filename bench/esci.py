"""The folder of ESCI's judgements that measurements read, as an option names it."""

from pathlib import Path
from typing import Any

import typer

ESCI_PAIRS = "esci_pairs.parquet"


def esci_option(purpose: str) -> Any:
    """The option that names the folder; what it is for is said behind `A folder with esci_pairs.parquet`."""
    return typer.Option(help=f"A folder with {ESCI_PAIRS}{purpose}", envvar="BROADFAST_ESCI", callback=esci_folder)


def esci_folder(folder: Path | None) -> Path | None:
    """The folder, or None where none is named.

    Raises:
        typer.BadParameter: the pairs are not in it; said at once, and not an hour later.
    """
    if folder and not (folder / ESCI_PAIRS).is_file():
        raise typer.BadParameter(f"{folder} holds no {ESCI_PAIRS}: name the folder that does")
    return folder
