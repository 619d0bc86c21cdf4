#!/usr/bin/env bash
# Expected: a training that goes on from a checkpoint reports its share done from the first report on, and a time left by
#   the speed since it went on.
# What happens: the callback by which transformers reports to a TrainJob of Kubeflow says 0% at the start, and then divides
#   the seconds since it went on by all steps, those of the checkpoint too: at step 903 of 1,000, after three steps of two
#   seconds each, it says that no second is left, where 97 steps take 194.
# Why it matters: a TrainJob's time left is what people wait by, and a preempted training is one that goes on.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.19.0
echo token > "$folder/token"
"$folder/venv/bin/python" - "$folder/token" <<'PYTHON' 2>/dev/null
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import transformers
from transformers.integrations.integration_utils import KubeflowCallback

reports = []


class StatusServer(BaseHTTPRequestHandler):
    """Keeps what a trainer reports."""

    def do_POST(self):
        reports.append(json.loads(self.rfile.read(int(self.headers["content-length"])))["trainerStatus"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), StatusServer)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["KUBEFLOW_TRAINER_SERVER_URL"] = f"http://127.0.0.1:{server.server_port}"
os.environ["KUBEFLOW_TRAINER_SERVER_TOKEN"] = sys.argv[1]

print("transformers", transformers.__version__)
callback = KubeflowCallback()
state = SimpleNamespace(is_world_process_zero=True, max_steps=1000, global_step=900, epoch=0.9)
callback.on_train_begin(None, state, None)
time.sleep(6)  # it reports every five seconds at most
state.global_step = 903
callback.on_step_end(None, state, None)
start, later = reports
print("at step 900:", start["progressPercentage"], "% done")
print("3 steps of 2 seconds later:", later["estimatedRemainingSeconds"], "seconds left, where 97 steps take 194")
if start["progressPercentage"] != 0 or later["estimatedRemainingSeconds"] > 10:
    sys.exit("Changed: steps of the checkpoint are told apart.")
PYTHON
