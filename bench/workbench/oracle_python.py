"""The environment of the oracles, and requests to them."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PACKAGES = ("ir-measures==0.4.3", "ppi-python==0.2.3")
ORACLE = Path(__file__).with_name("oracle.py")


def build_environment(folder: Path) -> Path:
    """Return the Python of an environment with the oracles, made where it is not yet."""
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "ready").touch()
    return python


def ask(python: Path, request: Mapping) -> dict:
    """Return an oracle's answer."""
    result = subprocess.run([python, ORACLE], input=json.dumps(request), capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"the oracle failed: {result.stderr[-2000:]}")
    return json.loads(result.stdout)
