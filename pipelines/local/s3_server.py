"""SeaweedFS from its wheel, as this machine's S3: on loopback, with fresh credentials."""

import json
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from pipelines.local.ports import free_ports
from pipelines.local.private_files import write_private

PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)
ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


@dataclass(frozen=True)
class S3Server:
    """The command of an S3 server, and what its clients need."""

    command: list[str]
    endpoint: str
    access_key: str
    secret_key: str
    master: str  # the address that housekeeping goes to

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that name this server to its clients."""
        return {
            "BROADFAST_S3_ENDPOINT": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


def configure_s3(folder: Path) -> S3Server:
    """Create the folders, the credentials and the command of a server below `folder`."""
    for part in (folder / "data", folder / "log"):
        part.mkdir(parents=True, exist_ok=True)
    access_key = secrets.token_hex(10)
    secret_key = secrets.token_hex(20)
    credentials = [{"accessKey": access_key, "secretKey": secret_key}]
    identities = [{"name": "broadfast", "credentials": credentials, "actions": ACTIONS}]
    write_private(folder / "s3.json", json.dumps({"identities": identities}))
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    options = {
        "dir": folder / "data", "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "volume.preStopSeconds": 1,
        "volume.max": 0, "volume.minFreeSpace": "100MiB", "master.volumeSizeLimitMB": 256, "filer": "true",
        "s3": "true", "s3.port.iceberg": 0, "s3.port.lance": 0, "s3.config": folder / "s3.json", **ports,
    }  # fmt: skip
    weed = str(Path(sys.executable).with_name("weed"))
    command = [weed, f"-logdir={folder / 'log'}", "server", *(f"-{name}={value}" for name, value in options.items())]
    endpoint, master = (f"http://127.0.0.1:{ports[name]}" for name in ("s3.port", "master.port"))
    return S3Server(command, endpoint, access_key, secret_key, master)
