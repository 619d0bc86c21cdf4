"""How a command of this room ends where it cannot go on: with one line, and no stack."""

from typing import NoReturn

import typer


def stop(sentence: str) -> NoReturn:
    """Say what is wrong and what to do, and end with 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
