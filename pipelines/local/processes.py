"""The laptop plays the cluster: it runs S3, the gateway, the collector, and the servers that the state names.

Every process carries BROADFAST_HOME in its environment, so that what a killed run left behind is found and ended.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from components.interleaved_versions import interleaved_versions
from components.release import registry
from components.release_state import ReleaseState
from components.waiting import wait_until
from pipelines.local.environment import run_environment
from pipelines.local.leftovers import end_leftovers
from pipelines.local.ports import free_ports
from pipelines.local.readiness import describe_failed_start, start_state
from pipelines.local.s3_server import S3Server, configure_s3
from pipelines.local.server_commands import collector_command, gateway_command, interleaver_command, server_command
from pipelines.local.step_client import STEP_SERVER, ForkedProcess, own_processes_reason, start_module

START_SECONDS = 180
STOP_SECONDS = {"s3": 3, "stable": 40, "candidate": 40, "interleaver": 40, "outcomes": 40}  # of others 10
PORTS = ("stable", "candidate", "interleaver", "internal", "edge", "admin", "outcomes")


class Laptop:
    """The processes of one run, below one folder. Leaving the context ends all of them."""

    def __init__(self, home: Path, logs: Path):
        self.home = home.resolve()
        self.logs = logs
        self.processes: dict[str, subprocess.Popen | ForkedProcess] = {}
        self.serving: dict[str, str] = {}  # role -> version, of the interleaver both
        self.starting: dict[str, str | None] = {}  # role -> the version that was started last
        self.s3: S3Server | None = None
        self.sockets = tempfile.TemporaryDirectory(prefix="broadfast-")  # a socket's path is short
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.environment = run_environment(self.home, self.url)

    def __enter__(self):
        end_leftovers(self.home)
        return self

    def __exit__(self, *exception):
        for name in reversed(list(self.processes)):
            self.stop(name)
        self.sockets.cleanup()

    def url(self, port: str) -> str:
        """Return the address of one of the laptop's ports."""
        return f"http://127.0.0.1:{self.ports[port]}"

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
        """End a process and its children: SIGTERM first, SIGKILL after a while."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS.get(name, 10))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def start_pipeline(self, name: str, arguments: list[str]) -> subprocess.Popen | ForkedProcess:
        """Start kfp on a pipeline in a session of its own."""
        self.start_step_server()
        self.processes[name] = start_module("pipelines.local.kfp_runner", arguments, self.environment)
        return self.processes[name]

    def start_step_server(self) -> None:
        """Start the process that kfp and its steps are forks of, unless it runs.

        Where steps may not be forks there is none, which is said.
        """
        if "steps" in self.processes and self.processes["steps"].poll() is None:
            return
        if reason := own_processes_reason():
            print(f"steps start as processes of their own: {reason}")
            return
        path = Path(self.sockets.name) / "steps"
        path.unlink(missing_ok=True)  # of a server that ended
        self.start("steps", [sys.executable, "-m", "pipelines.local.step_server", str(path)])
        if wait_until(path.exists, bool, START_SECONDS, pause_s=0.02):
            self.environment[STEP_SERVER] = str(path)

    def wait_ready(self, name: str, url: str) -> None:
        """Wait until a URL answers 200.

        Raises:
            RuntimeError: the process ended, with the log's last lines; or START_SECONDS passed.
        """
        state = wait_until(lambda: start_state(self.processes[name], url), bool, START_SECONDS, pause_s=0.2)
        if state != "ready":
            raise RuntimeError(describe_failed_start(self.logs / f"{name}.log", url, bool(state), START_SECONDS))

    def start_s3(self) -> None:
        """Start an S3 of our own, unless the environment names another."""
        if "BROADFAST_S3_ENDPOINT" in os.environ:
            return
        self.s3 = configure_s3(self.home / "s3")
        self.environment |= self.s3.environment
        self.restart_s3()

    def restart_s3(self) -> None:
        """Start the configured S3, again if it ended."""
        self.start("s3", self.s3.command)
        self.wait_ready("s3", f"{self.s3.endpoint}/healthz")

    def start_gateway(self, features: Path) -> None:
        """Start the gateway and the outcome collector. `reconcile` starts the servers."""
        self.features = features
        self.start("gateway", gateway_command(self.environment["BROADFAST_GATEWAY"], self.ports))
        self.start("outcomes", collector_command(self.ports["outcomes"], self.spool("outcomes")))
        self.wait_ready("gateway", f"{self.url('admin')}/ready")
        self.wait_ready("outcomes", f"{self.url('outcomes')}/health")

    def reconcile(self, state: ReleaseState, fetch: Callable[[str], Path]) -> None:
        """Run exactly the servers that the state names.

        `fetch(version)` returns the folder of a version's package.
        """
        both = interleaved_versions(state.stable, state.candidate) if state.needs_interleaver else None
        for role, version in (("interleaver", both), ("stable", state.stable), ("candidate", state.candidate)):
            if self.serving.get(role) == version:
                continue
            if self.is_starting(role, version):  # a busy machine takes long, and longer from the beginning
                self.wait_ready(role, self.ready_url(role))
            else:
                self.replace_server(role, version, fetch)
            if version:
                self.serving[role] = version

    def is_starting(self, role: str, version: str | None) -> bool:
        """Return whether a version's server still runs that was not ready in time."""
        is_same = bool(version) and self.starting.get(role) == version
        return is_same and role in self.processes and self.processes[role].poll() is None

    def replace_server(self, role: str, version: str | None, fetch: Callable[[str], Path]) -> None:
        """End a role's server, and start the one of a version, if there is one."""
        if role in self.processes:
            self.stop(role)
            self.serving.pop(role, None)  # it did not come up the last time
        self.starting[role] = version
        if version and role == "interleaver":
            self.start_interleaver()
        elif version:
            self.start_server(role, fetch(version))

    def fetch_package(self, version: str) -> Path:
        """Return the folder of a version's package, fetched from the registry once."""
        folder = self.home / "packages" / version
        if not folder.exists():
            registry.fetch(version, folder)
        return folder

    def start_server(self, role: str, package: Path) -> None:
        """Start one relevance server and wait until its model is ready."""
        self.start(role, server_command(package, self.features, self.ports[role], self.spool(role)))
        self.wait_ready(role, self.ready_url(role))

    def start_interleaver(self) -> None:
        """Start the interleaver before both servers, and wait until it would record a page."""
        options = (self.features, self.ports["interleaver"], self.spool("interleaver"))
        self.start("interleaver", interleaver_command(self.url("stable"), self.url("candidate"), *options))
        self.wait_ready("interleaver", self.ready_url("interleaver"))

    def ready_url(self, role: str) -> str:
        """Return the address that answers where a role's server is ready."""
        return f"{self.url(role)}/{'health' if role == 'interleaver' else 'v1/models/relevance'}"

    def spool(self, role: str) -> Path:
        """Return the folder in which a server keeps rows until they are on S3."""
        return self.home / "spool" / role

    def stop_servers(self) -> None:
        """End everything that serves, so that it writes what it holds. S3 keeps running."""
        for name in [name for name in self.processes if name != "s3"]:
            self.stop(name)
