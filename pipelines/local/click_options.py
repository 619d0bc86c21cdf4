"""The option of a run that names judgements from clicks."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from components.judgements.click_rows import OPTION
from components.judgements.click_source import OFF, check_click_source
from pipelines.profile import Profile

HELP = (
    "Judgements from clicks, as python -m components.judgements.clicks writes them: a file, or off. Labels of unjudged "
    "pairs are taken from them only where they beat both students on held-out judgements. Empty: the profile's."
)
ClickJudgements = Annotated[str, typer.Option(help=HELP)]


def add_clicks(size: Profile, name: str) -> Profile:
    """Return a profile that reads judgements from clicks as the option says.

    "" leaves it as it is.

    Raises:
        ValueError: the file is not on this machine, or cannot be used.
    """
    size = replace(size, click_judgements=name or size.click_judgements)
    if size.click_judgements in OFF:
        return size
    if size.click_judgements.lower().startswith("s3:/"):
        raise ValueError(f"{OPTION} is on S3, and a run here reads this machine's files: download it, and name it")
    check_click_source(Path(size.click_judgements))
    return size
