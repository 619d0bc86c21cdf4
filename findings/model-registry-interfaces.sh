#!/usr/bin/env bash
# Expected: the newest client of Kubeflow's Model Registry speaks to registries of both interfaces, or says that a
#   registry is too old.
# What happens: it asks for /api/model_registry/v1 alone. A registry that has v1alpha3, as release 0.3.8 does,
#   answers 404, and the client's constructor raises NotFoundException, which is what a missing model looks like. Client
#   0.3.8 asks the same registry for v1alpha3, and gets its answer.
# Why it matters: an upgrade of the client alone makes a pipeline take a full registry for one without its model.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/ask.py" <<'PYTHON'
import json
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

from model_registry import ModelRegistry

paths = []


class OlderRegistry(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        paths.append(path)
        has_path = path == "/api/model_registry/v1alpha3/registered_models"
        page = {"items": [], "size": 0, "pageSize": 1, "nextPageToken": ""}
        content = json.dumps(page if has_path else {"code": "404", "message": "404 page not found"}).encode()
        self.send_response(200 if has_path else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), OlderRegistry)
threading.Thread(target=server.serve_forever, daemon=True).start()
warnings.simplefilter("ignore")
try:
    ModelRegistry("http://127.0.0.1", server.server_address[1], author="a", is_secure=False)
    outcome = "connected"
except Exception as error:
    outcome = type(error).__name__
print("model-registry", version("model-registry"), "asks", sorted(set(paths)), "and is", outcome)
sys.exit(outcome != sys.argv[1])
PYTHON
python3.11 -m venv "$folder/older"
"$folder/older/bin/pip" install --quiet model-registry==0.3.8
python3.11 -m venv "$folder/newer"
"$folder/newer/bin/pip" install --quiet model-registry==0.3.18
"$folder/older/bin/python" "$folder/ask.py" connected || { echo "Changed: the older client does not connect."; exit 1; }
"$folder/newer/bin/python" "$folder/ask.py" NotFoundException || { echo "Changed: the newer client is answered."; exit 1; }
