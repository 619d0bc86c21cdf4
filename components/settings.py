"""Settings from the environment: endpoints, buckets, folders. Every default works on a laptop."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from components.currencies import normalize_currency


def _variable(name: str, default: str):
    return field(default_factory=lambda: os.environ.get(name, default))


def _number(name: str, default: str, unit: str):
    return field(default_factory=lambda: _parse_number(name, os.environ.get(name, default), unit))


def _count(name: str, default: str):
    return field(default_factory=lambda: _parse_count(name, os.environ.get(name, default)))


def _switch(name: str, default: str):
    return field(default_factory=lambda: _parse_switch(name, os.environ.get(name, default)))


def _parse_switch(name: str, text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"{name} is {text!r}; give on or off")
    return text == "on"


def _parse_count(name: str, text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError(f"{name} is {text!r}; give a whole number from 1")
    return int(text)


def _parse_number(name: str, text: str, unit: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; give a number of {unit}, as 2.5") from None


def _currency(name: str) -> str:
    text = os.environ.get(name, "")
    try:
        return normalize_currency(text) if text else ""
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


@dataclass(frozen=True)
class Settings:
    """The environment's variables, one a field. `Settings()` reads them when it is called."""

    s3_endpoint: str = _variable("BROADFAST_S3_ENDPOINT", "http://127.0.0.1:8333")
    s3_bucket: str = _variable("BROADFAST_S3_BUCKET", "broadfast")
    s3_region: str = _variable("BROADFAST_S3_REGION", "")  # "": S3 is asked, which takes a right to read the bucket
    s3_access_key: str = field(default_factory=lambda: os.environ.get("AWS_ACCESS_KEY_ID", ""), repr=False)
    s3_secret_key: str = field(default_factory=lambda: os.environ.get("AWS_SECRET_ACCESS_KEY", ""), repr=False)
    s3_timeout_s: float = _number("BROADFAST_S3_TIMEOUT_S", "60", "seconds")  # without an answer, before a retry
    ssl_cert_file: str = _variable("SSL_CERT_FILE", "")  # of a private authority; "" takes certifi's
    user_hash_secret: str = field(default_factory=lambda: os.environ.get("BROADFAST_USER_HASH_SECRET", ""), repr=False)
    registry: str = _variable("BROADFAST_REGISTRY", "registry.local/broadfast")
    image_tag: str = _variable("BROADFAST_IMAGE_TAG", "")
    namespace: str = _variable("BROADFAST_NAMESPACE", "broadfast")
    feature_store: bool = _switch("BROADFAST_FEATURE_STORE", "on")  # off: ranks by text alone, without Feast
    item_index: str = _variable("BROADFAST_ITEM_INDEX", "")  # folder of items that were read ahead; "": none
    queue: str = _variable("BROADFAST_QUEUE", "")  # Kueue's local queue for the pipelines' steps
    node_pools: bool = _switch("BROADFAST_POOLS", "on")  # off: steps run on any node, whatever its pool
    llm_endpoint: str = _variable("BROADFAST_LLM_ENDPOINT", "")  # as http://host:8000/v1
    llm_model: str = _variable("BROADFAST_LLM_MODEL", "")  # of a chat server; "": the one that it has
    llm_limit_name: str = _variable("BROADFAST_LLM_LIMIT_NAME", "max_tokens")  # how it calls an answer's limit
    llm_api_key: str = field(default_factory=lambda: os.environ.get("BROADFAST_LLM_API_KEY", ""), repr=False)
    models: str = _variable("BROADFAST_MODELS", "")  # folder of whole models, between steps; "": each makes its own
    keep_nights: int = _count("BROADFAST_KEEP_NIGHTS", "14")  # whole on S3; what older ones left is swept
    # both from Kubeflow Pipelines 2.17 on; 0: as long as the server says
    keep_runs_days: float = _number("BROADFAST_KEEP_RUNS_DAYS", "0", "days")  # a run's Workflow is kept on the cluster
    run_hours: float = _number("BROADFAST_RUN_HOURS", "0", "hours")  # a whole run takes at most, else it is failed
    training_nodes: int = _count("BROADFAST_TRAINING_NODES", "1")  # of several, each a machine of Kubeflow's Trainer
    teacher_image: str = _variable("BROADFAST_TEACHER_IMAGE", "")  # of these machines: the step's own
    training_gpus: int = _count("BROADFAST_TRAINING_GPUS", "1")  # of the pod that tunes the teacher
    training_cpu: int = _count("BROADFAST_TRAINING_CPU", "8")  # cores of each of several machines
    training_memory_gib: int = _count("BROADFAST_TRAINING_MEMORY_GIB", "64")  # of each of several machines
    run_id: str = _variable("BROADFAST_RUN_ID", "")  # of the pipeline's run on a cluster
    # of a machine that writes rationales; 0: not stated, and no cost is reported
    usd_per_hour: float = _number("BROADFAST_USD_PER_HOUR", "0", "US dollars")
    signing_key_file: str = _variable("BROADFAST_SIGNING_KEY_FILE", "")  # private, PEM; "": packages are not signed
    verification_key_file: str = _variable("BROADFAST_VERIFICATION_KEY_FILE", "")  # public; "": unsigned ones serve
    model_registry_url: str = _variable("BROADFAST_MODEL_REGISTRY_URL", "")  # Kubeflow's, as http://host:8080; "": none
    model_registry_auth_file: str = _variable("BROADFAST_MODEL_REGISTRY_AUTH_FILE", "")  # "": it asks for none
    router: str = _variable("BROADFAST_ROUTER", "envoy")  # or, on a cluster, standard or knative: KServe's modes
    knative_tags: str = _variable("BROADFAST_KNATIVE_TAGS", "")  # enabled: Knative routes by its header of tags
    stable_replicas: int = _count("BROADFAST_STABLE_REPLICAS", "2")
    stable_replicas_most: int = _count("BROADFAST_STABLE_REPLICAS_MOST", "6")
    candidate_replicas: int = _count("BROADFAST_CANDIDATE_REPLICAS", "2")
    interleaver_replicas: int = _count("BROADFAST_INTERLEAVER_REPLICAS", "2")
    gateway: Path = field(default_factory=lambda: Path(os.environ.get("BROADFAST_GATEWAY", "runs/gateway")))
    gateway_url: str = _variable("BROADFAST_GATEWAY_URL", "http://127.0.0.1:18000")
    gateway_admin_url: str = _variable("BROADFAST_GATEWAY_ADMIN_URL", "http://127.0.0.1:19901")
    currency: str = field(default_factory=lambda: _currency("BROADFAST_CURRENCY"))  # of all outcomes; "" takes any
    outcomes_url: str = _variable("BROADFAST_OUTCOMES_URL", "http://127.0.0.1:18090")
