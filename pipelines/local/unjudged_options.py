"""The options of a run that name pairs nobody judged, and who labels them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from components.judgements.readers import parse_columns
from components.judgements.unjudged import check_unjudged
from components.settings import Settings
from components.teacher.config import LABELLERS
from pipelines.profile import Profile

DEFAULT_PAIRS = 1000  # of a profile that says 0
UNJUDGED_HELP = (
    "Pairs that nobody judged, as judgements without labels: a CSV, JSONL or Parquet file. A teacher's rationales and "
    f"labels of them teach the student, of at most {DEFAULT_PAIRS:,} unless the profile's unjudged_pairs says more."
)
TEACHER_LABELS_HELP = (
    "Who labels unjudged pairs: off, local (the night's teacher) or endpoint (the chat model of BROADFAST_LLM_ENDPOINT "
    "and _API_KEY). Labels are used only where they beat both students on held-out judgements. Empty: the profile's."
)
UnjudgedPath = Annotated[Path | None, typer.Option(help=UNJUDGED_HELP)]
TeacherLabels = Annotated[str, typer.Option(help=TEACHER_LABELS_HELP)]


def add_unjudged(size: Profile, path: Path | None, columns: str, teacher: str) -> Profile:
    """Return a profile that reads unjudged pairs and labels them as the options say.

    Raises:
        ValueError: an option is wrong, the file is not there, or cannot be used.
    """
    if teacher:
        size = replace(size, teacher_labels=replace(size.teacher_labels, teacher=teacher))
    check_labeller(size)
    if path is None:
        return size
    if str(path).startswith("s3:/"):
        raise ValueError("--unjudged is on S3, and a run here reads this machine's files: download it, and name it")
    if not path.exists():
        raise ValueError(f"--unjudged {path} does not exist")
    check_unjudged(path, parse_columns(columns))
    return replace(size, unjudged_pairs=size.unjudged_pairs or DEFAULT_PAIRS)


def check_labeller(size: Profile) -> None:
    """Check who labels, before a run starts.

    Raises:
        ValueError: nobody does of this name, its endpoint is not named, or the number of pairs is below 0.
    """
    teacher = size.teacher_labels.teacher
    if teacher not in LABELLERS:
        raise ValueError(f"--teacher-labels is {teacher!r}: it is one of {', '.join(LABELLERS)}")
    size.teacher_labels.check()
    if teacher == "endpoint" and not Settings().llm_endpoint:
        raise ValueError("--teacher-labels endpoint: set BROADFAST_LLM_ENDPOINT, as http://host:8000/v1")
    if size.unjudged_pairs < 0:
        raise ValueError(f"the profile's unjudged_pairs is {size.unjudged_pairs}: give a number from 0, which is none")
