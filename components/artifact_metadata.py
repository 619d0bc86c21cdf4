"""What Kubeflow's lineage shows of a package: version, code and data that it was made from, teachers."""

import json
from pathlib import Path

from components import package_manifest
from components.absence import absence_reason
from components.source_digest import git_sha

DIGESTS = ("code", "training_set", "rationale_embeddings", "weights")  # of lineage.json


def package_metadata(package: str | Path) -> dict[str, str]:
    """Return an artifact's metadata, or the reason why there is no package."""
    if reason := absence_reason(package):
        return {"absent": reason}
    lineage_path = Path(package) / "lineage.json"
    lineage = json.loads(lineage_path.read_text()) if lineage_path.exists() else {}
    texts = {"version": package_manifest.version(package), "git_sha": git_sha()}
    texts |= {name: lineage[name] for name in DIGESTS if name in lineage}
    texts["teachers"] = ", ".join(lineage.get("teachers", []))
    return {name: text for name, text in texts.items() if text}


def model_card_text(package: str | Path) -> str:
    """Return a package's model card, or the reason why there is no package."""
    if reason := absence_reason(package):
        return f"There is no package: {reason}.\n"
    return (Path(package) / "model_card.md").read_text()
