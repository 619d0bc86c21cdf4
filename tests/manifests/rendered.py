"""Overlays as kustomize renders them; production with digests of nothing, for only a registry knows true ones."""

import copy
import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

ROOT = Path(__file__).parents[2]
OVERLAYS = ("staging", "production", "kubeflow")
IMAGES = ("broadfast/serving-python", "broadfast/student-python", "broadfast/teacher-python", "docker.io/library/redis")


@cache
def text(overlay: str) -> str:
    """An overlay's YAML."""
    with TemporaryDirectory() as folder:
        manifests = Path(shutil.copytree(ROOT / "manifests", Path(folder, "manifests")))
        pinned = manifests / "overlays" / "production" / "images"
        pinned.mkdir(exist_ok=True)
        digests = [{"name": name, "digest": f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"} for name in IMAGES]
        component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": digests}
        (pinned / "kustomization.yaml").write_text(yaml.safe_dump(component))
        return kustomize(manifests / "overlays" / overlay)


def kustomize(folder: Path) -> str:
    """What `kubectl kustomize` says of a folder."""
    kubectl = Path(sys.executable).with_name("kubectl")
    ran = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@cache
def _objects(overlay: str) -> list[dict]:
    return [one for one in yaml.safe_load_all(text(overlay)) if one]


def objects(overlay: str) -> list[dict]:
    """An overlay's objects, to do with what one likes."""
    return copy.deepcopy(_objects(overlay))


def one(found: list[dict], kind: str, name: str) -> dict:
    """The object of a kind and name."""
    (it,) = [one for one in found if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return it
