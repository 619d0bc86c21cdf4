"""The command-line options of a recorder, the same for the relevance server and the outcome collector."""

from argparse import ArgumentParser, Namespace

from serving.recorder import Recorder
from serving.spool_limits import MEBIBYTE, SPOOL_MEBIBYTES, SpoolLimits


def add_spool_options(parser: ArgumentParser, folder: str) -> None:
    """Add the options that `create_recorder` reads."""
    parser.add_argument("--spool", default=folder, help="folder of what is not on S3 yet")
    limit = "what may wait there; then no more rows are taken, until S3 has it"
    parser.add_argument("--spool-mebibytes", type=int, default=SPOOL_MEBIBYTES, help=limit)


def create_recorder(options: Namespace, drops_when_full: bool = False) -> Recorder:
    """Create the recorder of a command line.

    Raises:
        ValueError: its spool would hold nothing, or another process has it.
    """
    if options.spool_mebibytes < 1:
        raise ValueError(f"--spool-mebibytes is {options.spool_mebibytes}: give one at least, for every page is kept")
    limits = SpoolLimits(size=options.spool_mebibytes * MEBIBYTE)
    return Recorder(options.spool, limits=limits, drops_when_full=drops_when_full)
