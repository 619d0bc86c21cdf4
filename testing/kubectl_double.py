"""A kubectl of a pretended cluster, in a file: what the platform's commands call of it, as the real one answers.

`install(folder)` writes the program. Its objects lie in FOLDER/objects.json; kinds in FOLDER/unknown are not installed.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path

import yaml

PROGRAM = """#!{python}
import sys
sys.path.insert(0, {root!r})
from testing.kubectl_double import main
main({folder!r}, {real!r}, sys.argv[1:])
"""
SINGULAR = {"services": "service", "networkpolicies": "networkpolicy", "backendtrafficpolicies": "backendtrafficpolicy"}


def install(folder: Path, real: str) -> Path:
    """Write the program into a folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kubectl"
    root = str(Path(__file__).parents[1])
    path.write_text(PROGRAM.format(python=sys.executable, root=root, folder=str(folder), real=real))
    path.chmod(0o755)
    return path


class Cluster:
    """The objects of a pretended cluster, by kind, namespace and name."""

    def __init__(self, folder: Path):
        self.path = folder / "objects.json"
        self.unknown = set((folder / "unknown").read_text().split()) if (folder / "unknown").exists() else set()
        self.objects = json.loads(self.path.read_text()) if self.path.exists() else {}

    def save(self) -> None:
        """Write the objects."""
        self.path.write_text(json.dumps(self.objects))

    def put(self, manifest: dict, manager: str) -> str:
        """Store an object as a field manager applies it, and return what happened."""
        metadata = manifest["metadata"]
        if manifest.get("stringData"):
            encoded = {key: base64.b64encode(value.encode()).decode() for key, value in manifest["stringData"].items()}
            manifest = {**manifest, "data": encoded}
            del manifest["stringData"]
        key = f"{manifest['kind'].lower()}/{metadata.get('namespace', '')}/{metadata['name']}"
        before = self.objects.get(key)
        managers = {entry["manager"] for entry in (before or {}).get("metadata", {}).get("managedFields", [])} | {
            manager
        }
        fields = [{"manager": name} for name in sorted(managers)]
        self.objects[key] = {**manifest, "metadata": {**metadata, "managedFields": fields}}
        return f"{key.replace('//', '/')} {'configured' if before else 'created'}"

    def select(self, kind: str, namespace: str, selector: str) -> list[dict]:
        """Return the objects of a kind with a label."""
        name, _, value = selector.partition("=")
        return [
            item
            for key, item in self.objects.items()
            if key.startswith(f"{kind}/{namespace}/")
            and (not name or item["metadata"].get("labels", {}).get(name) == value)
        ]


def singular(resource: str) -> str:
    """Return the kind, in small letters, of a resource's name."""
    plural = resource.split(".")[0].lower()
    if plural in SINGULAR:
        return SINGULAR[plural]
    return plural[:-3] + "y" if plural.endswith("ies") else plural.removesuffix("s")


def option(words: list[str], name: str) -> str:
    """Return the value behind an option, "" without it."""
    return words[words.index(name) + 1] if name in words else ""


def main(folder: str, real: str, words: list[str]) -> None:
    """Answer one call."""
    if words[0] == "kustomize":
        sys.exit(subprocess.run([real, *words]).returncode)
    cluster = Cluster(Path(folder))
    namespace = option(words, "-n")
    if words[0] in ("diff", "apply", "create"):
        change(cluster, words)
    elif words[:2] == ["get", "namespace"]:
        print(f"namespace/{words[2]}" if f"namespace//{words[2]}" in cluster.objects else "", end="")
    elif words[0] == "get":
        kind = singular(words[1])
        if kind in cluster.unknown:
            sys.exit(f'error: the server doesn\'t have a resource type "{words[1]}"')
        print(json.dumps({"items": cluster.select(kind, namespace, option(words, "-l"))}))
    elif words[0] == "delete":
        key = f"{singular(words[1])}/{namespace}/{words[2]}"
        print(f"{key} deleted" if cluster.objects.pop(key, None) else "", end="")
        cluster.save()
    else:
        sys.exit(f"error: unknown command {words[0]!r}")


def change(cluster: Cluster, words: list[str]) -> None:
    """Show, apply or create what comes on the standard input."""
    manifests = [manifest for manifest in yaml.load_all(sys.stdin.read(), yaml.CSafeLoader) if manifest]
    namespaces = {key.split("/")[2] for key in cluster.objects if key.startswith("namespace/")}
    if words[0] != "diff":  # which sees none that comes with the same file
        namespaces |= {manifest["metadata"]["name"] for manifest in manifests if manifest["kind"] == "Namespace"}
    for manifest in manifests:
        namespace = manifest["metadata"].get("namespace")
        if namespace and namespace not in namespaces:
            sys.exit(f'Error from server (NotFound): namespaces "{namespace}" not found')
    manager = next((word.split("=")[1] for word in words if word.startswith("--field-manager=")), "kubectl-create")
    before = {key: strip(item) for key, item in cluster.objects.items()}
    lines = [cluster.put(manifest, manager) for manifest in manifests]
    is_changed = before != {key: strip(item) for key, item in cluster.objects.items()}
    if words[0] == "diff":
        sys.exit(1 if is_changed else 0)
    cluster.save()
    print("\n".join(lines))


def strip(manifest: dict) -> dict:
    """Return an object without who manages its fields."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}
