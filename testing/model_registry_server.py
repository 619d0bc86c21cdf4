"""A double of Kubeflow's Model Registry: what its OpenAPI contracts say of models, versions and artifacts.

Unknown fields are refused, names are unique below their parent, a PATCH replaces all custom properties, and lists come
in pages of two, whatever size is asked for.
"""

import itertools
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from testing.model_registry_contract import ARTIFACT_FIELDS, MODEL_FIELDS, VERSION_FIELDS, Refusal, check
from testing.servers import JsonHandler, serving

OLD = "/api/model_registry/v1alpha3"
NEW = "/api/model_registry/v1"
PAGE = 2
TIMES = {"createTimeSinceEpoch": "1764547200000", "lastUpdateTimeSinceEpoch": "1764547200000"}


@dataclass
class RegistryDouble:
    """The registry's records by id, and the requests that it got."""

    interfaces: tuple[str, ...] = (NEW, OLD)  # an older registry has the old one alone
    token: str = ""  # that requests have to bring
    failing: int = 0  # a status that every request gets
    models: dict[str, dict] = field(default_factory=dict)
    versions: dict[str, dict] = field(default_factory=dict)
    artifacts: dict[str, dict] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, target: str, body: dict | None, token: str) -> tuple[int, dict]:
        """Return status and document of an answer."""
        with self.lock:
            self.requests.append(f"{method} {target}")
            try:
                if self.failing:
                    raise Refusal(self.failing, "upstream connect error")
                if self.token and token != f"Bearer {self.token}":
                    raise Refusal(401, "no valid token")
                url = urlsplit(target)
                interface, path = split_path(url.path)
                if interface not in self.interfaces:
                    raise Refusal(404, "404 page not found")
                return self._route(method, path, dict(parse_qsl(url.query)), body)
            except Refusal as refusal:
                return refusal.status, {"code": str(refusal.status), "message": str(refusal)}

    def _route(self, method: str, path: str, query: Mapping, body: dict | None) -> tuple[int, dict]:
        for verb, pattern, handler in ROUTES:
            if verb == method and (match := re.fullmatch(pattern, path)):
                return handler(self, *match.groups(), query=query, body=body)
        raise Refusal(404, f"no route {method} {path}")

    def find_model(self, query: Mapping, body: None) -> tuple[int, dict]:
        """Answer with the model of a name."""
        return 200, only(self.models, name=query["name"])

    def find_version(self, query: Mapping, body: None) -> tuple[int, dict]:
        """Answer with the version of a name and a model."""
        return 200, only(self.versions, name=query["name"], registeredModelId=query["parentResourceId"])

    def find_artifact(self, query: Mapping, body: None) -> tuple[int, dict]:
        """Answer with the artifact of a name and a version."""
        artifact = only(self.artifacts, name=query["name"], parent=query["parentResourceId"])
        return 200, without_parent(artifact)

    def list_models(self, query: Mapping, body: None) -> tuple[int, dict]:
        """Answer with a page of models."""
        return 200, page(list(self.models.values()), query)

    def list_versions(self, model: str, query: Mapping, body: None) -> tuple[int, dict]:
        """Answer with a page of a model's versions."""
        return 200, page([row for row in self.versions.values() if row["registeredModelId"] == model], query)

    def list_artifacts(self, version: str, query: Mapping, body: None) -> tuple[int, dict]:
        """Answer with a page of a version's artifacts."""
        rows = [without_parent(row) for row in self.artifacts.values() if row["parent"] == version]
        return 200, page(rows, query)

    def create_model(self, query: Mapping, body: dict) -> tuple[int, dict]:
        """Create a model of a name that is free."""
        check(body, MODEL_FIELDS | {"name"}, ("name",))
        return 201, self._create(self.models, body, name=body["name"])

    def create_version(self, query: Mapping, body: dict) -> tuple[int, dict]:
        """Create a version of a model that is there."""
        check(body, VERSION_FIELDS | {"name", "registeredModelId"}, ("name", "registeredModelId"))
        if body["registeredModelId"] not in self.models:
            raise Refusal(404, "no such registered model")
        return 201, self._create(self.versions, body, name=body["name"], registeredModelId=body["registeredModelId"])

    def create_artifact(self, version: str, query: Mapping, body: dict) -> tuple[int, dict]:
        """Create an artifact of a version that is there."""
        check(body, ARTIFACT_FIELDS, ("artifactType",))
        if version not in self.versions:
            raise Refusal(404, "no such model version")
        row = self._create(self.artifacts, body | {"parent": version}, name=body.get("name"), parent=version)
        return 201, without_parent(row)

    def update_version(self, version: str, query: Mapping, body: dict) -> tuple[int, dict]:
        """Change a version: what is named is replaced as a whole."""
        check(body, VERSION_FIELDS, ())
        if version not in self.versions:
            raise Refusal(404, "no such model version")
        self.versions[version] |= body
        return 200, self.versions[version]

    def _create(self, rows: dict, body: dict, **unique) -> dict:
        if any(all(row.get(key) == value for key, value in unique.items()) for row in rows.values()):
            raise Refusal(409, f"already exists: {unique}")
        number = str(next(self.numbers))
        rows[number] = {"state": "LIVE", "customProperties": {}} | body | TIMES | {"id": number}
        return rows[number]


ROUTES = (
    ("GET", r"/registered_model", RegistryDouble.find_model),
    ("GET", r"/model_version", RegistryDouble.find_version),
    ("GET", r"/model_artifact", RegistryDouble.find_artifact),
    ("GET", r"/registered_models", RegistryDouble.list_models),
    ("POST", r"/registered_models", RegistryDouble.create_model),
    ("GET", r"/registered_models/(\d+)/versions", RegistryDouble.list_versions),
    ("POST", r"/model_versions", RegistryDouble.create_version),
    ("PATCH", r"/model_versions/(\d+)", RegistryDouble.update_version),
    ("GET", r"/model_versions/(\d+)/artifacts", RegistryDouble.list_artifacts),
    ("POST", r"/model_versions/(\d+)/artifacts", RegistryDouble.create_artifact),
)


def split_path(path: str) -> tuple[str, str]:
    """Return the interface and the rest of a path."""
    parts = path.split("/")
    return "/".join(parts[:4]), "/" + "/".join(parts[4:])


def only(rows: dict, **values) -> dict:
    """Return the row with these values."""
    for row in rows.values():
        if all(row.get(key) == value for key, value in values.items()):
            return row
    raise Refusal(404, f"nothing with {values}")


def without_parent(row: dict) -> dict:
    """Return an artifact as it is answered."""
    return {key: value for key, value in row.items() if key != "parent"}


def page(rows: list[dict], query: Mapping) -> dict:
    """Return a page of rows, and the token of the next."""
    start = int(query.get("nextPageToken") or 0)
    items = rows[start : start + PAGE]
    token = str(start + PAGE) if start + PAGE < len(rows) else ""
    return {"items": items, "size": len(items), "pageSize": PAGE, "nextPageToken": token}


class RegistryHandler(JsonHandler):
    """Hands a registry's requests to the double."""

    def reply(self):
        size = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(size)) if size else None
        self.say(*self.server.state.answer(self.command, self.path, body, self.headers.get("Authorization", "")))

    do_GET = do_POST = do_PATCH = reply


def serve_registry(registry: RegistryDouble):
    """Serve a registry on loopback until the block ends, and yield its URL."""
    return serving(RegistryHandler, registry)
