"""One S3 for all tests of this room, emptied of its state for each; and small packages."""

import pytest

from components import package_manifest, storage
from components.release import registry
from components.settings import Settings
from tests.components.release import servers


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    with servers.s3(tmp_path_factory.mktemp("s3") / "weed") as url:
        yield url


@pytest.fixture
def s3(s3_server):
    yield s3_server
    storage.client().remove_object(Settings().s3_bucket, registry.STATE)


@pytest.fixture
def package(tmp_path):
    def made(content="weights"):
        folder = tmp_path / f"package-{content}"
        folder.mkdir(exist_ok=True)
        (folder / "model.onnx").write_text(content)
        package_manifest.write(folder)
        return folder

    return made
