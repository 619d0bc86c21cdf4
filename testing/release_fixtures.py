"""Small packages for the release."""

import pytest

from components import package_manifest


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
