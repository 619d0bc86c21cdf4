"""The laptop plays the cluster: starts and stops S3, the gateway, the collector, and the servers the state names.

Every process carries BROADFAST_HOME in its environment, so that what a killed run left behind is found and ended.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil

from components.release_state import ReleaseState
from pipelines.local.progress import PROGRESS, Steps

HOME = "BROADFAST_HOME"
START_SECONDS = 180


class Laptop:
    """Processes of one run, below one folder; leaving the context ends all of them."""

    def __init__(self, home: Path, logs: Path):
        self.home, self.logs = home.resolve(), logs
        self.processes: dict[str, subprocess.Popen] = {}
        self.serving: dict[str, str] = {}  # role -> version
        ports = free_ports(6)
        self.ports = dict(zip(("stable", "candidate", "internal", "edge", "admin", "outcomes"), ports, strict=True))
        self.environment = {
            **os.environ,
            HOME: str(self.home),
            "PYTHONUNBUFFERED": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "FEAST_USAGE": "False",
            "BROADFAST_USER_HASH_SECRET": secret(self.home / "user_hash_secret"),
            "BROADFAST_GATEWAY": str(self.home / "gateway"),
            "BROADFAST_GATEWAY_URL": f"http://127.0.0.1:{self.ports['internal']}",
            "BROADFAST_GATEWAY_ADMIN_URL": f"http://127.0.0.1:{self.ports['admin']}",
            "BROADFAST_OUTCOMES_URL": f"http://127.0.0.1:{self.ports['outcomes']}",
        }

    def __enter__(self):
        end_leftovers(self.home)
        return self

    def __exit__(self, *exception):
        for name in reversed(list(self.processes)):
            self.stop(name)

    def start(self, name: str, command: list[str]) -> subprocess.Popen:
        """Start a process in a session of its own, its output in logs/NAME.log."""
        with open(self.logs / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def stop(self, name: str) -> None:
        """End a process and its children: asked first, killed after ten seconds."""
        process = self.processes.pop(name)
        group = process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
        try:
            process.wait(SECONDS_TO_STOP.get(name, 10))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            process.wait()

    def wait_ready(self, name: str, url: str) -> None:
        """Wait until a URL answers 200.

        Raises:
            RuntimeError: the process ended, or START_SECONDS passed; with the log's last lines.
        """
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                break
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(url, timeout=2).status_code == 200:
                    return
            time.sleep(0.2)
        tail = "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-8:])
        raise RuntimeError(f"{name} did not come up at {url}; the end of {self.logs / name}.log:\n{tail}")

    def start_s3(self) -> None:
        """Start SeaweedFS from its wheel on loopback with fresh credentials, unless another S3 is named."""
        if "BROADFAST_S3_ENDPOINT" in os.environ:
            return
        folder = self.home / "s3"
        for part in (folder / "data", folder / "log"):
            part.mkdir(parents=True, exist_ok=True)
        keys = {"accessKey": secrets.token_hex(10), "secretKey": secrets.token_hex(20)}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        write_private(
            folder / "s3.json",
            json.dumps({"identities": [{"name": "broadfast", "credentials": [keys], "actions": actions}]}),
        )
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
        ports = dict(zip((*names, "s3.port", "s3.port.grpc"), free_ports(8), strict=True))
        options = {
            "dir": folder / "data", "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "volume.preStopSeconds": 1,
            "volume.max": 0, "volume.minFreeSpace": "100MiB", "master.volumeSizeLimitMB": 256, "filer": "true",
            "s3": "true", "s3.port.iceberg": 0, "s3.port.lance": 0, "s3.config": folder / "s3.json", **ports,
        }  # fmt: skip
        arguments = [f"-{name}={value}" for name, value in options.items()]
        weed = [str(Path(sys.executable).with_name("weed")), f"-logdir={folder / 'log'}", "server", *arguments]
        self.s3 = weed
        self.start("s3", weed)
        endpoint = f"http://127.0.0.1:{ports['s3.port']}"
        self.environment |= {
            "BROADFAST_S3_ENDPOINT": endpoint,
            "AWS_ACCESS_KEY_ID": keys["accessKey"],
            "AWS_SECRET_ACCESS_KEY": keys["secretKey"],
        }
        self.wait_ready("s3", f"{endpoint}/healthz")

    def restart_s3(self) -> None:
        """Start the same S3 again, after it ended."""
        self.start("s3", self.s3)
        self.wait_ready("s3", f"{self.environment['BROADFAST_S3_ENDPOINT']}/healthz")

    def start_gateway(self, features: Path) -> None:
        """Start the gateway and the outcome collector; servers follow by `reconcile`."""
        self.features = features
        ports = [f"--{name}-port={self.ports[name]}" for name in ("stable", "candidate", "internal", "edge", "admin")]
        folder = self.environment["BROADFAST_GATEWAY"]
        self.start("gateway", [sys.executable, "-m", "pipelines.local.envoy", f"--folder={folder}", *ports])
        spool = self.home / "spool" / "outcomes"
        address = ["--host=127.0.0.1", f"--port={self.ports['outcomes']}", f"--spool={spool}"]
        self.start("outcomes", [sys.executable, "-m", "serving.outcomes", *address])
        self.wait_ready("gateway", f"http://127.0.0.1:{self.ports['admin']}/ready")
        self.wait_ready("outcomes", f"http://127.0.0.1:{self.ports['outcomes']}/health")

    def reconcile(self, state: ReleaseState, fetch) -> None:
        """Make the running servers those that the state names; `fetch(version)` gives a version's package folder."""
        for role, version in (("stable", state.stable), ("candidate", state.candidate)):
            if self.serving.get(role) == version:
                continue
            if role in self.processes:
                self.stop(role)
                self.serving.pop(role)
            if version:
                self.start_server(role, fetch(version))
                self.serving[role] = version

    def start_server(self, role: str, package: Path) -> None:
        """Start one relevance server and wait until its model is ready."""
        port, spool = self.ports[role], self.home / "spool" / role
        command = [sys.executable, "-m", "serving", f"--package={package}", f"--features={self.features}"]
        self.start(role, [*command, "--host=127.0.0.1", f"--port={port}", f"--spool={spool}"])
        self.wait_ready(role, f"http://127.0.0.1:{port}/v1/models/relevance")

    def stop_servers(self) -> None:
        """End everything that serves, so that what it still holds is written; S3 stays."""
        for name in [name for name in self.processes if name != "s3"]:
            self.stop(name)

    def follow(self, name: str, command: list[str], steps: Steps) -> dict:
        """Run a process to its end, showing its progress; its last line is JSON.

        Raises:
            RuntimeError: it failed; with its log.
        """
        process = self.start(name, command)
        log = self.logs / f"{name}.log"
        begin = log.stat().st_size
        while process.poll() is None:
            time.sleep(0.5)
            said = PROGRESS.findall(log.read_text(errors="replace")[begin:])
            if said:
                steps.progress(int(said[-1][0]), int(said[-1][1]), said[-1][2])
        del self.processes[name]
        lines = log.read_text(errors="replace").strip().splitlines()
        if process.returncode:
            raise RuntimeError(f"{name} failed: {lines[-1] if lines else 'no output'}; its log: {log}")
        return json.loads(lines[-1])


SECONDS_TO_STOP = {"s3": 3, "stable": 40, "candidate": 40, "outcomes": 40}


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def secret(path: Path) -> str:
    """The platform secret of this laptop: made once, kept private, never logged."""
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    return path.read_text()


def end_leftovers(home: Path) -> None:
    """Kill what a run that died left behind below the same folder, and wait until it is gone."""
    killed = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.pid != os.getpid() and belongs(process, home):
                process.kill()
                killed.append(process)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(lives, killed)):
        time.sleep(0.05)


def lives(process: psutil.Process) -> bool:
    """Whether a process still holds what it held."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def belongs(process: psutil.Process, home: Path) -> bool:
    """Whether a process says so in its environment; a server's library wipes that, but then its arguments say so."""
    named = process.environ().get(HOME)
    if named is not None:
        return named == str(home)
    command = process.cmdline()
    return bool(command) and command[0] == sys.executable and any(f"{home}{os.sep}" in word for word in command)
