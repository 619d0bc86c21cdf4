"""What the environment decides: endpoints, buckets, folders. Every default works on a laptop."""

import os
from dataclasses import dataclass, field
from pathlib import Path


def _variable(name: str, default: str):
    return field(default_factory=lambda: os.environ.get(name, default))


@dataclass(frozen=True)
class Settings:
    """One field a variable; `Settings()` reads the environment at the moment of the call."""

    s3_endpoint: str = _variable("BROADFAST_S3_ENDPOINT", "http://127.0.0.1:8333")
    s3_bucket: str = _variable("BROADFAST_S3_BUCKET", "broadfast")
    s3_access_key: str = field(default_factory=lambda: os.environ.get("AWS_ACCESS_KEY_ID", ""), repr=False)
    s3_secret_key: str = field(default_factory=lambda: os.environ.get("AWS_SECRET_ACCESS_KEY", ""), repr=False)
    user_hash_secret: str = field(default_factory=lambda: os.environ.get("BROADFAST_USER_HASH_SECRET", ""), repr=False)
    registry: str = _variable("BROADFAST_REGISTRY", "registry.local/broadfast")
    image_tag: str = _variable("BROADFAST_IMAGE_TAG", "")
    namespace: str = _variable("BROADFAST_NAMESPACE", "broadfast")
    llm_endpoint: str = _variable("BROADFAST_LLM_ENDPOINT", "")  # as http://host:8000/v1
    llm_api_key: str = field(default_factory=lambda: os.environ.get("BROADFAST_LLM_API_KEY", ""), repr=False)
    gateway: Path = field(default_factory=lambda: Path(os.environ.get("BROADFAST_GATEWAY", "runs/gateway")))
    gateway_url: str = _variable("BROADFAST_GATEWAY_URL", "http://127.0.0.1:18000")
    gateway_admin_url: str = _variable("BROADFAST_GATEWAY_ADMIN_URL", "http://127.0.0.1:19901")
    outcomes_url: str = _variable("BROADFAST_OUTCOMES_URL", "http://127.0.0.1:18090")
