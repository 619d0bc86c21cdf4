"""Count what a night on a cluster left on S3: `python -m bench.cluster.night mlpipeline/v2/artifacts/retrain/RUN FILE`.

With BROADFAST_S3_ENDPOINT and keys that read Kubeflow's bucket and the platform's, whose only night this was. FILE
takes the figures for `python -m bench.cluster.measure --night FILE`.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import show
from components import storage
from components.blobs import PREFIX as BLOBS
from components.settings import Settings

BYTES_BEFORE = 2.54e9  # of a smoke night's artifacts, when each step kept a whole model


def count_bytes(bucket: str, prefix: str, parts: int) -> Counter:
    """Count the bytes below a prefix by the part of the names that follows so many."""
    counts: Counter = Counter()
    for entry in storage.list_objects(bucket, prefix):
        counts[entry.object_name.split("/")[parts]] += entry.size
    return counts


def night_figures(artifacts: Mapping[str, int], bucket: Mapping[str, int]) -> dict[str, float]:
    """Return a night's figures: artifacts by step, and the platform's bucket by the first part of the names.

    Changed tensors, which artifacts name by their digest, count as artifacts.
    """
    night = sum(artifacts.values()) + bucket.get(BLOBS, 0)
    return {
        "night_artifacts_mb": round(night / 1e6, 1),
        "night_artifacts_over_today": round(night / BYTES_BEFORE, 3),
        "night_tensors_mb": round(bucket.get(BLOBS, 0) / 1e6, 1),
        "night_bucket_mb": round(sum(bucket.values()) / 1e6, 1),
    }


def main(arguments: Sequence[str]) -> int:
    """Count, print, and write the figures to a file."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster.night")
    parser.add_argument("artifacts", help="BUCKET/FOLDER of the run's artifacts")
    parser.add_argument("out", type=Path, help="the file to write")
    options = parser.parse_args(arguments)
    bucket, _, prefix = options.artifacts.strip("/").partition("/")
    if not prefix:
        parser.error(f"{options.artifacts!r} names no folder: give BUCKET/FOLDER of one run's artifacts")
    steps = count_bytes(bucket, prefix, prefix.count("/") + 1)
    if not steps:
        parser.error(f"nothing is below s3://{bucket}/{prefix}: give the folder of a run that ended")
    figures = night_figures(steps, count_bytes(Settings().s3_bucket, "", 0))
    show("what a night left, in MB", {name: round(size / 1e6, 2) for name, size in steps.most_common()} | figures)
    options.out.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
