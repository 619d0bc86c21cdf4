"""What the Model Registry's OpenAPI contract says of the bodies of requests."""

BASE = {"customProperties", "description", "externalId"}
MODEL_FIELDS = BASE | {"owner", "state", "readme", "maturity", "language", "tasks", "provider", "logo", "license"}
MODEL_FIELDS |= {"licenseLink", "libraryName"}
VERSION_FIELDS = BASE | {"state", "author"}
ARTIFACT_FIELDS = BASE | {"artifactType", "name", "uri", "state", "modelFormatName", "storageKey", "storagePath"}
ARTIFACT_FIELDS |= {"modelFormatVersion", "serviceAccountName", "modelSourceKind", "modelSourceClass"}
ARTIFACT_FIELDS |= {"modelSourceGroup", "modelSourceId", "modelSourceName", "id", "createTimeSinceEpoch"}
ARTIFACT_FIELDS |= {"lastUpdateTimeSinceEpoch", "experimentId", "experimentRunId"}
STATES = {"LIVE", "ARCHIVED"}
VALUES = {"MetadataStringValue": ("string_value", str), "MetadataDoubleValue": ("double_value", (int, float))}
VALUES |= {"MetadataIntValue": ("int_value", str), "MetadataBoolValue": ("bool_value", bool)}


class Refusal(Exception):
    """A request that the contract does not allow, with its status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def check(body: dict, allowed: set[str], required: tuple[str, ...]) -> None:
    """Refuse what the contract does not allow of a body."""
    if unknown := body.keys() - allowed:
        raise Refusal(400, f"unknown fields {sorted(unknown)}")
    if missing := [name for name in required if not body.get(name)]:
        raise Refusal(422, f"missing {missing}")
    if body.get("state") not in STATES | {None, "UNKNOWN"}:
        raise Refusal(400, f"no state {body['state']}")
    for name, value in (body.get("customProperties") or {}).items():
        key, kinds = VALUES.get(value.get("metadataType"), ("", ()))
        if value.keys() != {"metadataType", key} or not isinstance(value[key], kinds):
            raise Refusal(400, f"{name} is no MetadataValue: {value}")
