"""Small packages for the release, and a release to move them."""

import pytest

from components import package_manifest
from components.release.context import ReleaseContext
from components.release.drivers import LocalRelease


def local_release(*arguments) -> LocalRelease:
    """Return a release that this process moves: router, wait, parity, clock."""
    return LocalRelease(ReleaseContext(*arguments))


@pytest.fixture
def package(tmp_path):
    """Return a function that writes a package with some content, which decides its version."""

    def write_package(content="weights"):
        folder = tmp_path / f"package-{content}"
        folder.mkdir(exist_ok=True)
        (folder / "model.onnx").write_text(content)
        package_manifest.write(folder)
        return folder

    return write_package
