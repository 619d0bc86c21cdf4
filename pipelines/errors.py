"""How a command ends where it cannot go on: with one sentence and no traceback."""

from typing import NoReturn

import typer


def stop(sentence: str) -> NoReturn:
    """Print what is wrong and what to do, and exit with 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
