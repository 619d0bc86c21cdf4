"""Opens the feature store that lies in a folder: one definition for the nightly step, the server and Feast's CLI."""

import os
from pathlib import Path

from feast import FeatureStore

DEFINITION = Path(__file__).with_name("feature_store.yaml")


def open_store(folder: str | Path) -> FeatureStore:
    """The store of one folder, wherever it was moved to: online reads need its registry.db and online.db alone."""
    os.environ["BROADFAST_FEATURES"] = str(Path(folder).resolve())  # Feast expands it in the definition, now
    return FeatureStore(fs_yaml_file=DEFINITION)
