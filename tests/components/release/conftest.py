"""Small packages."""

import pytest

from components import package_manifest


@pytest.fixture
def package(tmp_path):
    def made(content="weights"):
        folder = tmp_path / f"package-{content}"
        folder.mkdir(exist_ok=True)
        (folder / "model.onnx").write_text(content)
        package_manifest.write(folder)
        return folder

    return made
