"""Overlays as kustomize renders them. Production gets invented digests, for only a registry knows true ones."""

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
OVERLAYS = ("demo", "staging", "production", "kubeflow")
IMAGES = ("broadfast/serving-python", "broadfast/student-python", "broadfast/teacher-python", "docker.io/library/redis")


@cache
def text(overlay: str) -> str:
    """Render an overlay to YAML."""
    with TemporaryDirectory() as folder:
        manifests = Path(shutil.copytree(ROOT / "manifests", Path(folder, "manifests")))
        images = manifests / "overlays" / "production" / "images"
        images.mkdir(exist_ok=True)
        digests = [{"name": name, "digest": f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"} for name in IMAGES]
        component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component", "images": digests}
        (images / "kustomization.yaml").write_text(yaml.safe_dump(component))
        return kustomize(manifests / "overlays" / overlay)


def kustomize(folder: Path) -> str:
    """Render a folder by `kubectl kustomize`."""
    kubectl = Path(sys.executable).with_name("kubectl")
    result = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@cache
def _objects(overlay: str) -> list[dict]:
    return [manifest for manifest in yaml.load_all(text(overlay), yaml.CSafeLoader) if manifest]


def objects(overlay: str) -> list[dict]:
    """Return an overlay's objects, as a copy that a test may change."""
    return copy.deepcopy(_objects(overlay))


def find_object(manifests: list[dict], kind: str, name: str) -> dict:
    """Return the one object of a kind and name."""
    matches = [manifest for manifest in manifests if (manifest["kind"], manifest["metadata"]["name"]) == (kind, name)]
    (match,) = matches
    return match
