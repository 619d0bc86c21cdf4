"""Calls of the environment's own kubectl, as the platform's commands make them."""

import json
import re
import subprocess
import sys
from pathlib import Path

from pipelines.errors import stop

MANAGER = "broadfast-platform"  # the field manager of what an overlay applies
OWNER = f"--field-manager={MANAGER}"
LOG_LINE = re.compile(r"[EIW]\d{4} \d\d:")
UNKNOWN_KIND = "doesn't have a resource type"


def run_kubectl(*words: str, stdin: str | None = None) -> str:
    """Run kubectl and return its output, or stop with its own words."""
    result = subprocess.run([kubectl_path(), *words], input=stdin, text=True, capture_output=True)
    if result.returncode:
        stop(f"kubectl {' '.join(words[:2])}: {own_words(result.stderr)}")
    return result.stdout


def list_objects(kind: str, namespace: str, selector: str = "") -> list[dict]:
    """Return a namespace's objects of a kind.

    There are none where the cluster does not know the kind.
    """
    words = ["get", kind, "-n", namespace, "-o", "json", "--show-managed-fields"]
    command = [kubectl_path(), *words, *(["-l", selector] if selector else [])]
    result = subprocess.run(command, text=True, capture_output=True)
    if result.returncode:
        if UNKNOWN_KIND in result.stderr:
            return []
        stop(f"kubectl get {kind}: {own_words(result.stderr)}")
    return json.loads(result.stdout)["items"]


def own_words(stderr: str) -> str:
    """Return what kubectl says to a person, without its log's lines."""
    lines = stderr.strip().splitlines()
    return "\n".join(line for line in lines if not LOG_LINE.match(line)) or stderr.strip()


def kubectl_path() -> str:
    """Return the path of the environment's own kubectl."""
    return str(Path(sys.executable).with_name("kubectl"))
