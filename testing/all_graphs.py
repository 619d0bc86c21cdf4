"""Every graph of a trained student in its package, for tests and measurements that compare them."""

import shutil
from pathlib import Path

from components import package_manifest
from components.packaging.export import export
from components.packaging.package import load_student
from components.packaging.quantise import quantise_graphs
from components.scoring import reasoning
from testing.tiny_package import copy_package


def add_all_graphs(package: Path, student: Path) -> Path:
    """Write the graphs that a package left out into its folder, and its manifest anew."""
    quantise_graphs(package, export(load_student(student)[0], package))
    package_manifest.write(package)
    return package


def write_package_of_format_6(package: Path, student: Path, folder: Path) -> Path:
    """Copy a package as the release before wrote it: every graph, and all trained weights."""
    copy_package(package, folder, format=6)
    (folder / reasoning.FILE).unlink()
    shutil.copy(student / "model.safetensors", folder / reasoning.FILE_OF_FORMAT_6)
    return add_all_graphs(folder, student)
