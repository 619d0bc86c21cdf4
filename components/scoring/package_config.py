"""The configuration of a package, of the current format and of the two before."""

import json
from dataclasses import dataclass
from pathlib import Path

from components import package_manifest

ONNX_RUNTIME = "onnxruntime"
RUNTIMES = (ONNX_RUNTIME, "openvino")
KEYS = {"labels", "temperature", "max_length", "query_length", "served", "item_states"}


@dataclass(frozen=True)
class PackageConfig:
    """How a package is to be run."""

    labels: tuple[str, ...]
    temperature: float
    max_length: int
    query_length: int
    served_graph: str  # file name of the graph that gives the label
    item_states: str  # stored of an item: "none" (a cross-encoder), "tokens" (a state each), "mean" (their mean)
    runtime: str = ONNX_RUNTIME  # of the encoder: onnxruntime or openvino
    precision: str = "f32"  # in which OpenVINO computes what is not quantised: f32 or bf16


def read_config(package: str | Path) -> PackageConfig:
    """Read the configuration of a package.

    Raises:
        ValueError: it is of another format, lacks a key, or names a runtime that this release does not have; make the
            package again with this release.
    """
    path = Path(package) / "config.json"
    config = json.loads(path.read_text())
    if config.get("format") not in package_manifest.READ:
        formats = ", ".join(map(str, package_manifest.READ))
        raise ValueError(f"{package} is a package of format {config.get('format')}; this release reads {formats}")
    if missing := KEYS - config.keys():
        raise ValueError(f"{path} does not say {', '.join(sorted(missing))}")
    if config.get("runtime", ONNX_RUNTIME) not in RUNTIMES:
        raise ValueError(f"{path} names the runtime {config['runtime']!r}; this release has {', '.join(RUNTIMES)}")
    return PackageConfig(
        labels=tuple(config["labels"]),
        temperature=config["temperature"],
        max_length=config["max_length"],
        query_length=config["query_length"],
        served_graph=config["served"],
        item_states=config["item_states"],
        runtime=config.get("runtime", ONNX_RUNTIME),
        precision=config.get("precision", "f32"),
    )
