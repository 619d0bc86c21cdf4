"""The command that verifies a package: `python -m components.packaging.verify FOLDER`."""

import argparse
import sys
from pathlib import Path

from components import package_manifest
from components.package_signature import check_signature
from components.scoring.scorer import Scorer


def main(arguments: list[str]) -> int:
    """Verify every file of a package and its signature, load it, and print its version."""
    parser = argparse.ArgumentParser(
        prog="python -m components.packaging.verify", description="Check every file of a package, and that it loads."
    )
    parser.add_argument("folder", type=Path, help="of a package, with its manifest.json")
    folder = parser.parse_args(arguments).folder
    try:
        scorer = Scorer(folder)
        check_signature(folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    files = package_manifest.verify(folder)
    print(f"{scorer.version}: {len(files)} files as the manifest says; serves {scorer.config.served_graph}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
