"""The whole loop on this machine: judgements to canary to verdict. `python -m pipelines.local.run --help`."""

import contextlib
import fcntl
import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from components.judgements.audit_sheet import read_sheet
from components.judgements.config import PrepareConfig
from components.judgements.prepare import check_source
from components.judgements.readers import parse_columns
from pipelines.local.click_options import ClickJudgements, add_clicks
from pipelines.local.home import parse_folder
from pipelines.local.loop import Loop
from pipelines.local.processes import Laptop
from pipelines.local.requirements import check_disk, check_memory, check_system
from pipelines.local.unjudged_options import TeacherLabels, UnjudgedPath, add_unjudged
from pipelines.profile import Profile
from pipelines.profile_files import is_profile_file
from pipelines.profiles import PROFILES, load_profile

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


COLUMNS_HELP = (
    "Names of the file's columns, as query=q,title=name,label=grade; default: columns are named query, title, label."
)
LABELS_HELP = (
    "What the file's labels mean, as 4=Exact,3=Substitute,0=Irrelevant or >=2.5=Exact,<2.5=Irrelevant, or a scale: "
    "binary, 0-1, 0-3, 1-3, 0-4, 1-5, exact-partial-irrelevant. Empty: E/S/C/I or their names."
)
PROFILE_HELP = (
    "How big the run is: smoke (tests), quick (minutes), laptop (the largest here) or cluster-demo (smoke's sizes, "
    "as compiled for a cluster of one CPU node)."
)
ProfileName = Annotated[str, typer.Option(help=PROFILE_HELP)]
JUDGEMENTS_HELP = (
    "Your own judgements: a CSV, JSONL or Parquet file, ESCI's release or WANDS as a folder, or a folder of items.csv "
    "and what Quepid, TREC's tools or the Search Relevance Workbench wrote (docs/formats.md)."
)
JudgementsPath = Annotated[Path | None, typer.Option(help=JUDGEMENTS_HELP)]
Columns = Annotated[str, typer.Option(help=COLUMNS_HELP)]
Labels = Annotated[str, typer.Option(help=LABELS_HELP)]
AuditPath = Annotated[Path | None, typer.Option(help="The audit.csv that a run left, with human_label filled in.")]
BaseModel = Annotated[
    str, typer.Option(help="Start from this model: a folder, s3:// or a hub name; empty: the profile's.")
]
Home = Annotated[Path, typer.Option(parser=parse_folder, metavar="FOLDER", help="Where state, logs and reports lie.")]


@app.command()
def run(
    profile: ProfileName = "quick",
    judgements: JudgementsPath = None,
    columns: Columns = "",
    labels: Labels = "",
    unjudged: UnjudgedPath = None,
    teacher_labels: TeacherLabels = "",
    click_judgements: ClickJudgements = "",
    audit: AuditPath = None,
    base_model: BaseModel = "",
    home: Home = Path("runs"),
) -> None:
    """Run the whole loop: judgements, rationales, teacher, student, gate, canary, experiment, verdict.

    A run that was stopped goes on at the first unfinished step. Everything is left in HOME/latest: summary.json,
    report.html, audit.csv and logs.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)  # log lines are not folded
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM ends a run as Ctrl-C does
    try:
        check_system()
        check_options(profile, judgements, audit)
        check_needs_judgements(judgements, columns, labels)
        size = add_unjudged(choose_size(profile, labels, base_model), unjudged, columns, teacher_labels)
        size = add_clicks(size, click_judgements)
        if judgements is not None:
            check_judgements(console, judgements, columns, size.prepare)
        with lock(home):
            check_disk(home, size.disk_gb, "free some (`make clean` removes earlier runs), or use --home ELSEWHERE")
            check_memory(size.memory_gb)
            with Laptop(home / "state", new_logs_folder(home)) as laptop:
                Loop(laptop, size, console, unjudged).run(judgements, columns, audit)
    except (ValueError, RuntimeError, OSError) as error:
        console.print(Text("stopped: ", "red"), Text(str(error)), sep="", soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        console.print("\nstopped by you; nothing is lost: the same command goes on at the first unfinished step")
        raise typer.Exit(130) from None


def choose_size(profile: str, labels: str, base_model: str) -> Profile:
    """Return the profile with what the options change."""
    size = load_profile(profile).with_models(base_model)
    return replace(size, prepare=replace(size.prepare, labels=labels))


def check_options(profile: str, judgements: Path | None, audit: Path | None) -> None:
    """Check what was typed before anything starts.

    Raises:
        ValueError: an option names what does not exist or cannot be read.
    """
    local_profiles = [name for name, size in PROFILES.items() if size().runs_locally]
    is_local = profile in local_profiles or (is_profile_file(profile) and load_profile(profile).runs_locally)
    if not is_local:
        choices = ", ".join(local_profiles)
        raise ValueError(f"--profile is {profile!r}; here it is one of {choices}, or a file that extends one")
    if judgements is not None and str(judgements).startswith("s3:/"):
        raise ValueError("--judgements is on S3, and a run here reads this machine's files: download it, and name it")
    if judgements is not None and not judgements.exists():
        raise ValueError(f"--judgements {judgements} does not exist")
    if audit is not None and not audit.is_file():
        raise ValueError(f"--audit {audit} is no file; fill in the audit.csv that a run left, and name it")
    if audit is not None:
        read_sheet(audit.read_bytes(), f"--audit {audit}")


def check_needs_judgements(judgements: Path | None, columns: str, labels: str) -> None:
    """Check that options about a file of judgements come with one.

    Raises:
        ValueError: they do not.
    """
    for option, value in (("--columns", columns), ("--labels", labels)):
        if value and judgements is None:
            raise ValueError(f"{option} describes your own judgements: name their file with --judgements FILE")


def check_judgements(console: Console, judgements: Path, columns: str, config: PrepareConfig) -> None:
    """Print what a person should know of the judgements before a run starts.

    Raises:
        ValueError: a run with them would be in vain.
    """
    result = check_source(judgements, parse_columns(columns), config)
    for warning in result.warnings:
        console.print(Text("judgements: ", "yellow"), Text(warning), sep="", soft_wrap=True)
    if result.problem:
        raise ValueError(result.problem)


@contextlib.contextmanager
def lock(home: Path):
    """Hold the folder, so that two runs never share it.

    Raises:
        ValueError: it is no folder.
        RuntimeError: another run holds it.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"--home {home} is a file, or lies below one; name a folder, which may be new") from error
    except OSError as error:
        raise ValueError(f"--home {home} cannot be made ({error.strerror}); name a folder of yours") from error
    with open(home / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"another run is going on in {home}; wait for it, or use --home OTHER") from error
        yield


def new_logs_folder(home: Path) -> Path:
    """Create a folder for this run's logs, and point HOME/latest to the run.

    Raises:
        ValueError: HOME/latest is somebody's folder.
    """
    if (home / "latest").is_dir() and not (home / "latest").is_symlink():
        raise ValueError(f"{home / 'latest'} is a folder, where a link to the latest run is made: move it elsewhere")
    folder = home / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    (folder / "logs").mkdir(parents=True)
    link = home / "latest.new"
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(home / "latest")
    return folder / "logs"


if __name__ == "__main__":
    app()
