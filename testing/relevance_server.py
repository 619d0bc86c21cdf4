"""A relevance server as a process, with a tiny package and S3 behind it, and what it logged there."""

import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import pyarrow.parquet as pq

from components import storage
from testing.tiny_package import write_package


@dataclass(frozen=True)
class RelevanceServer:
    """A running server."""

    url: str
    grpc_address: str
    version: str
    process: subprocess.Popen
    log: Path

    def post(self, verb: str = "predict", **request) -> httpx.Response:
        """Send a V1 request."""
        return httpx.post(f"{self.url}/v1/models/relevance:{verb}", **request)

    def infer(self, *inputs: dict, **request) -> httpx.Response:
        """Send a V2 request."""
        body = {"json": {"id": "r1", "inputs": list(inputs)}} if inputs else {}
        return httpx.post(f"{self.url}/v2/models/relevance/infer", **(body | request))


def start_relevance_server(laptop, features: Path, folder: Path) -> RelevanceServer:
    """Start a server of a laptop and wait until its model is ready."""
    from pipelines.local.ports import free_ports

    port, grpc_port = free_ports(2)
    name = folder.name
    version = write_package(folder / "package")
    command = [sys.executable, "-m", "serving", f"--package={folder / 'package'}", f"--features={features}"]
    command += [f"--port={port}", f"--grpc-port={grpc_port}", f"--spool={folder / 'spool'}"]
    process = laptop.start(name, command)
    url = f"http://127.0.0.1:{port}"
    laptop.wait_ready(name, f"{url}/v1/models/relevance")
    return RelevanceServer(url, f"127.0.0.1:{grpc_port}", version, process, laptop.logs / f"{name}.log")


def read_log(table: str) -> list[dict]:
    """Return the rows of a table of logs on S3."""
    parts = [pq.read_table(BytesIO(storage.get_bytes(name))) for name in storage.list_names(f"logs/{table}")]
    return [row for part in parts for row in part.to_pylist()]


def tensor(name: str, *values, **overrides) -> dict:
    """Return an input of a V2 request."""
    return {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": list(values)} | overrides
