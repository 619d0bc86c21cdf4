#!/usr/bin/env bash
# Expected: in dsl.ParallelFor, a step gets the loop's item, and beside it the output of a step outside the loop.
# What happens: kfp.local hands the loop's item on in place of every output parameter of a step outside the loop. Outside
#   a loop the same parameter arrives, and artifacts arrive in both. Nothing is said, and the run succeeds.
# Why it matters: a threshold, version or verdict that an earlier step returned is the number of the shard in a test run.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kfp==2.17.0
cat > "$folder/pipeline.py" <<'PYTHON'
import json
import sys
import warnings
from pathlib import Path

from kfp import dsl, local

warnings.filterwarnings("ignore")
step = dsl.component(base_image="python:3.11", packages_to_install=[], install_kfp_package=False)


@step
def verdict() -> str:
    return "release"


@step
def act(item: str, verdict: str) -> str:
    return f"{item}: {verdict}"


@dsl.pipeline
def night():
    decided = verdict()
    act(item="no loop", verdict=decided.output)
    with dsl.ParallelFor(items=["shard 0", "shard 1"]) as item:
        act(item=item, verdict=decided.output)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root))
    night()
    outputs = [json.loads(path.read_text()) for path in sorted(root.rglob("executor_output.json"))]
    texts = sorted(output["parameterValues"]["Output"] for output in outputs)
    (root / "texts").write_text("; ".join(texts))
PYTHON
cd "$folder"
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/python" pipeline.py "$folder/runs" > "$folder/log" 2>&1 || { tail -5 "$folder/log"; exit 1; }
"$folder/venv/bin/python" -c "import kfp; print('kfp', kfp.__version__)"
cat "$folder/runs/texts" && echo
if [ "$(cat "$folder/runs/texts")" != "no loop: release; release; shard 0: shard 0; shard 1: shard 1" ]; then
  echo "Changed: a loop's step gets another step's output now."
  exit 1
fi
