"""The client of Kubeflow's Model Registry, against a double of its contract, and read back by the registry's own."""

import asyncio
import warnings

import pytest

from components.model_registry import ARCHIVED, LIVE, Artifact, ModelRegistry, ModelRegistryError
from testing.model_registry_server import NEW, OLD, RegistryDouble, serve_registry
from testing.servers import free_ports

ARTIFACT = Artifact("s3://broadfast/packages/student-1/", "broadfast", "1")
PROPERTIES = {"macro_f1": 0.75, "stage": "dark", "training_set": "abc"}


@pytest.fixture
def double():
    return RegistryDouble()


def test_an_older_registry_is_spoken_to(url, double):
    double.interfaces = (OLD,)
    ModelRegistry(url, "relevance-shop").create_version("student-1", ARTIFACT, PROPERTIES)
    double.interfaces = (NEW,)
    assert list(ModelRegistry(url, "relevance-shop").list_versions()) == ["student-1"]
    double.interfaces = ()
    with pytest.raises(ModelRegistryError, match="it is no Model Registry"):
        ModelRegistry(url, "relevance-shop").list_versions()


@pytest.fixture
def url(double):
    with serve_registry(double) as address:
        yield address


def test_a_version_has_figures_and_its_place(url, double):
    registry = ModelRegistry(url, "relevance-shop")
    registry.create_version("student-1", ARTIFACT, PROPERTIES)
    (version,) = ModelRegistry(url, "relevance-shop").list_versions().values()
    assert version.properties["macro_f1"] == {"metadataType": "MetadataDoubleValue", "double_value": 0.75}
    assert version.has(PROPERTIES, LIVE) and not version.has({"stage": "stable"}, LIVE)
    (artifact,) = double.artifacts.values()
    assert (artifact["uri"], artifact["modelFormatName"]) == (ARTIFACT.uri, "broadfast")
    assert [model["name"] for model in double.models.values()] == ["relevance-shop"]


def test_a_change_keeps_the_other_properties(url):
    registry = ModelRegistry(url, "relevance-shop")
    version = registry.create_version("student-1", ARTIFACT, PROPERTIES)
    registry.update_version(version, {"stage": "stable"}, ARCHIVED)
    after = registry.list_versions()["student-1"]
    assert after.has(PROPERTIES | {"stage": "stable"}, ARCHIVED)


def test_all_pages_of_versions_are_read(url):
    registry = ModelRegistry(url, "relevance-shop")
    names = [f"student-{number}" for number in range(5)]
    for name in names:
        registry.create_version(name, ARTIFACT, {})
    assert list(registry.list_versions()) == names


def test_an_artifact_is_made_once(url, double):
    registry = ModelRegistry(url, "relevance-shop")
    version = registry.create_version("student-1", ARTIFACT, {})
    registry.put_artifact(version, ARTIFACT)
    assert len(double.artifacts) == 1


def test_a_token_is_read_from_its_file(url, double, tmp_path):
    double.token = "secret"
    with pytest.raises(ModelRegistryError, match=r"answers 401 to GET /registered_models.*no valid token"):
        ModelRegistry(url, "m").list_versions()
    (tmp_path / "token").write_text("secret\n")
    assert ModelRegistry(url, "m", str(tmp_path / "token")).list_versions() == {}


def test_a_registry_that_is_away_is_named():
    dead_url = f"http://127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(ModelRegistryError, match=f"{dead_url} gives no good answer to GET"):
        ModelRegistry(dead_url, "m").list_versions()
    with pytest.raises(ModelRegistryError, match="AUTH_FILE cannot be read: .*no such file"):
        ModelRegistry(dead_url, "m", "no such file").list_versions()
    with pytest.raises(ModelRegistryError, match="BROADFAST_MODEL_REGISTRY_URL is 'registry:8080'; give http"):
        ModelRegistry("registry:8080", "m")


@pytest.fixture
def own_client(url):
    """The registry's Python client, where it is installed: `pip install model-registry`."""
    library = pytest.importorskip("model_registry", reason="model-registry is not installed")
    address, port = url.rsplit(":", 1)
    with warnings.catch_warnings(action="ignore"), asyncio.Runner() as runner:
        yield library.ModelRegistry(
            address, int(port), author="a person", is_secure=False, async_runner=lambda work: runner.run(work)
        )


def test_the_own_client_reads_what_is_written(url, own_client):
    registry = ModelRegistry(url, "relevance-shop")
    version = registry.create_version("student-1", ARTIFACT, PROPERTIES)
    registry.update_version(version, {"stage": "stable"}, LIVE)
    version = own_client.get_model_version("relevance-shop", "student-1")
    assert version.custom_properties == PROPERTIES | {"stage": "stable"} and version.author == "broadfast"
    artifact = own_client.get_model_artifact("relevance-shop", "student-1")
    assert (artifact.uri, artifact.model_format_name, artifact.model_format_version) == (ARTIFACT.uri, "broadfast", "1")
    assert [model.name for model in own_client.get_registered_models()] == ["relevance-shop"]


def test_versions_of_the_own_client_are_read(url, own_client):
    own_client.register_model(
        "relevance-shop", ARTIFACT.uri, model_format_name="onnx", model_format_version="1", version="by hand",
        metadata={"score": 0.5},
    )  # fmt: skip
    registry = ModelRegistry(url, "relevance-shop")
    version = registry.list_versions()["by hand"]
    registry.update_version(version, {"stage": "stable"}, LIVE)
    assert own_client.get_model_version("relevance-shop", "by hand").custom_properties == {
        "score": 0.5, "stage": "stable"
    }  # fmt: skip
