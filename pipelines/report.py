"""The report of a run: one self-contained page."""

import json
from pathlib import Path


def write_report(summary: dict, path: Path) -> None:
    """Write the page."""
    path.write_text(json.dumps(summary, default=str))
