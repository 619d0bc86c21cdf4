#!/usr/bin/env bash
# Expected: a list of operations given to patch_namespaced_custom_object goes out as a JSON Patch, as it does for a
#   Deployment.
# What happens: the client (30.1.0; kfp 2.17.0 asks for one below 31) picks the type by the body for built-in kinds
#   only: for custom objects the list is sent as application/merge-patch+json, a type whose body must be an object.
# Why it matters: the weight of one backend of an HTTPRoute lies in a list, where a merge patch must send the whole
#   list and a JSON Patch one number; the plain call cannot send the latter.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet kubernetes==30.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import sys
import threading
from importlib.metadata import version

from kubernetes import client

print("kubernetes", version("kubernetes"))
content_types = []


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answer every patch with an empty object, and note its content type."""

    def do_PATCH(self):
        self.rfile.read(int(self.headers["content-length"]))
        content_types.append(self.headers["content-type"])
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Recorder)
threading.Thread(target=server.serve_forever, daemon=True).start()
api = client.ApiClient(client.Configuration(host=f"http://127.0.0.1:{server.server_port}"))
patch = [{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 5}]
client.CoreV1Api(api).patch_namespaced_config_map("settings", "shop", patch)
routes = ("gateway.networking.k8s.io", "v1", "shop", "httproutes", "relevance")
client.CustomObjectsApi(api).patch_namespaced_custom_object(*routes, patch)
server.shutdown()
print("sent as: built-in kind", content_types[0], "- custom object", content_types[1])
if content_types != ["application/json-patch+json", "application/merge-patch+json"]:
    sys.exit("Changed: a JSON Patch of a custom object is sent as one now.")
PYTHON
