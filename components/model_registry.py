"""One registered model in Kubeflow's Model Registry, by its REST interface: v1, or v1alpha3 of an older registry.

The registry's own Python client is not used: it patches asyncio, configures logging when it is imported, and each of
its versions speaks to registries of one interface alone.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import certifi
import urllib3
from urllib3.exceptions import HTTPError

from components.settings import Settings

INTERFACES = ("/api/model_registry/v1", "/api/model_registry/v1alpha3")  # alike in all that is used here
TIMEOUT = urllib3.Timeout(connect=5, read=15)
PAGE_SIZE = 100
AUTHOR = "broadfast"
LIVE = "LIVE"
ARCHIVED = "ARCHIVED"
Properties = Mapping[str, str | float]


class ModelRegistryError(OSError):
    """The Model Registry is away, or refuses a request."""


@dataclass(frozen=True)
class ModelVersion:
    """A version as the registry has it."""

    number: str  # the registry's own id
    name: str
    state: str  # LIVE or ARCHIVED
    properties: Mapping[str, dict]  # by name, in the registry's form

    @classmethod
    def from_json(cls, document: Mapping) -> "ModelVersion":
        """Build it from a response."""
        properties = document.get("customProperties") or {}
        return cls(document["id"], document["name"], document.get("state") or LIVE, properties)

    def has(self, properties: Properties, state: str) -> bool:
        """Tell whether nothing has to be changed."""
        return self.state == state and all(
            self.properties.get(name) == value for name, value in to_metadata(properties).items()
        )


@dataclass(frozen=True)
class Artifact:
    """Where a version's files are, and in which format."""

    uri: str
    format_name: str
    format_version: str


class ModelRegistry:
    """The versions of one registered model, which is made where it is missing."""

    def __init__(self, url: str, model: str, token_file: str = ""):
        if not url.startswith(("http://", "https://")):
            raise ModelRegistryError(f"BROADFAST_MODEL_REGISTRY_URL is {url!r}; give http://host:port or https://host")
        self.url = url.rstrip("/")
        self.model = model
        self.token_file = token_file
        certificates = Settings().ssl_cert_file or certifi.where()
        self.http = urllib3.PoolManager(
            timeout=TIMEOUT, retries=False, cert_reqs="CERT_REQUIRED", ca_certs=certificates
        )
        self.interface = ""  # once it is known
        self.model_number = ""

    def list_versions(self) -> dict[str, ModelVersion]:
        """Return every version by its name.

        Raises:
            ModelRegistryError: the registry is away, or refuses.
        """
        path = f"/registered_models/{self._find_or_create_model()}/versions"
        return {version.name: version for version in map(ModelVersion.from_json, self._list(path))}

    def create_version(self, name: str, artifact: Artifact, properties: Properties) -> ModelVersion:
        """Create a version with its properties, and the artifact that says where it lies.

        Raises:
            ModelRegistryError: the registry is away, or refuses.
        """
        body = {"name": name, "registeredModelId": self._find_or_create_model(), "author": AUTHOR, "state": LIVE}
        body |= {"customProperties": to_metadata(properties)}
        version = ModelVersion.from_json(self._request("POST", "/model_versions", body))
        self.put_artifact(version, artifact)
        return version

    def put_artifact(self, version: ModelVersion, artifact: Artifact) -> None:
        """Name a version's files, unless a version has an artifact.

        One whose writer was killed in between gets it later.

        Raises:
            ModelRegistryError: the registry is away, or refuses.
        """
        path = f"/model_versions/{version.number}/artifacts"
        if next(self._list(path), None):
            return
        body = {"artifactType": "model-artifact", "name": self.model, "uri": artifact.uri, "state": LIVE}
        body |= {"modelFormatName": artifact.format_name, "modelFormatVersion": artifact.format_version}
        self._request("POST", path, body)

    def update_version(self, version: ModelVersion, properties: Properties, state: str) -> None:
        """Change some properties and the state. The other properties stay.

        Raises:
            ModelRegistryError: the registry is away, or refuses.
        """
        all_properties = dict(version.properties) | to_metadata(properties)  # a PATCH replaces them as a whole
        body = {"customProperties": all_properties, "state": state}
        self._request("PATCH", f"/model_versions/{version.number}", body)

    def _find_or_create_model(self) -> str:
        if not self.model_number:
            self.interface = self._find_interface()
            model = self._request("GET", f"/registered_model?{urlencode({'name': self.model})}", is_optional=True)
            model = model or self._request("POST", "/registered_models", {"name": self.model, "owner": AUTHOR})
            self.model_number = model["id"]
        return self.model_number

    def _find_interface(self) -> str:
        for interface in INTERFACES:
            self.interface = interface
            if self._request("GET", "/registered_models?pageSize=1", is_optional=True) is not None:
                return interface
        raise ModelRegistryError(f"{self.url} has none of {', '.join(INTERFACES)}: it is no Model Registry")

    def _list(self, path: str) -> Iterator[dict]:
        token = ""
        while True:
            query = {"pageSize": PAGE_SIZE} | ({"nextPageToken": token} if token else {})
            page = self._request("GET", f"{path}?{urlencode(query)}")
            yield from page.get("items") or []
            token = page.get("nextPageToken")
            if not token:
                return

    def _request(self, method: str, path: str, body: dict | None = None, is_optional: bool = False) -> dict | None:
        """Return the answer to a request: None where something optional is not there."""
        content = json.dumps(body, allow_nan=False).encode() if body is not None else None
        try:
            url = f"{self.url}{self.interface}{path}"
            response = self.http.request(method, url, body=content, headers=self._headers())
            if response.status == 404 and is_optional:
                return None
            if response.status not in (200, 201):
                words = response.data[:300].decode(errors="replace").strip()
                raise ModelRegistryError(f"{self.url} answers {response.status} to {method} {path}: {words}")
            return response.json()
        except (HTTPError, ValueError) as error:
            raise ModelRegistryError(f"{self.url} gives no good answer to {method} {path}: {error}") from None

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self.token_file:  # read anew: Kubernetes replaces it
            headers["Authorization"] = f"Bearer {self._read_token()}"
        return headers

    def _read_token(self) -> str:
        try:
            return Path(self.token_file).read_text().strip()
        except OSError as error:
            raise ModelRegistryError(f"BROADFAST_MODEL_REGISTRY_AUTH_FILE cannot be read: {error}") from None


def to_metadata(properties: Properties) -> dict[str, dict]:
    """Return properties in the registry's form: texts and doubles."""
    return {name: _metadata(value) for name, value in properties.items()}


def _metadata(value: str | float) -> dict:
    if isinstance(value, str):
        return {"metadataType": "MetadataStringValue", "string_value": value}
    return {"metadataType": "MetadataDoubleValue", "double_value": float(value)}
