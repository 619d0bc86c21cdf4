"""The feature store, opened in one way by the nightly step, the server and Feast's CLI.

On a laptop it lies in the night's folder. On a cluster BROADFAST_REDIS (host:port, then if needed ,password=... and
,ssl=true) and BROADFAST_FEATURE_REGISTRY (a SQLAlchemy URL) name Redis and the registry, which all nights share.
"""

import os
from pathlib import Path

from feast import FeatureStore

HERE = Path(__file__).parent
CLUSTER = ("BROADFAST_REDIS", "BROADFAST_FEATURE_REGISTRY")


def on_cluster() -> bool:
    """Return True if the environment names a store that all nights share.

    Raises:
        ValueError: it names only a half of it.
    """
    missing = [name for name in CLUSTER if not os.environ.get(name)]
    if len(missing) == 1:
        raise ValueError(f"{missing[0]} is not set: a shared feature store needs {' and '.join(CLUSTER)}, or neither")
    return not missing


def open_store(folder: str | Path = ".", timeout_s: float = 30.0) -> FeatureStore:
    """Open the store of a folder, or the shared one."""
    os.environ["BROADFAST_FEATURES"] = str(Path(folder).resolve())  # Feast expands it in the definition, now
    if not on_cluster():
        return FeatureStore(fs_yaml_file=HERE / "feature_store.yaml")
    timeouts = f"socket_timeout={timeout_s},socket_connect_timeout={timeout_s}"
    os.environ["BROADFAST_REDIS_CONNECTION"] = f"{os.environ['BROADFAST_REDIS']},{timeouts}"
    return FeatureStore(fs_yaml_file=HERE / "feature_store_cluster.yaml")
