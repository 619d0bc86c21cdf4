"""Asks the step server to run a module, and follows the child as `subprocess.Popen` would."""

import contextlib
import io
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

STEP_SERVER = "BROADFAST_STEP_SERVER"  # names the server's socket
GPU = Path("/dev/nvidiactl")


def own_processes_reason() -> str:
    """Return why steps may not be forks on this machine, or nothing."""
    if sys.platform != "linux":
        return f"libraries may not survive a fork on {sys.platform}"
    return f"{GPU} is there, and a fork cannot use a GPU that its parent has looked at" if GPU.exists() else ""


class Refused(RuntimeError):
    """The step server may not fork: the module needs a process of its own."""


class ForkedProcess:
    """A child of the step server, as the part of Popen that this project uses.

    It knows what it cost when it has ended. Leaving the context, or the end of this process, kills it.
    """

    def __init__(self, module: str, arguments: Sequence[str], environment: Mapping[str, str]):
        """Start `python -m MODULE ARGUMENTS` with an environment that names the server.

        Raises:
            Refused: the server may not fork now.
            OSError: there is no server at the socket.
        """
        request = {"module": module, "arguments": list(arguments), "environment": dict(environment)}
        request["folder"] = str(Path.cwd())
        self.returncode: int | None = None
        self.cost: dict[str, float] = {}
        with contextlib.ExitStack() as stack:
            self.connection = stack.enter_context(socket.socket(socket.AF_UNIX))
            self.connection.connect(environment[STEP_SERVER])
            self.stdout = stack.enter_context(self.send(json.dumps(request).encode() + b"\n"))
            stack.pop_all()  # close() closes them from here on
        self.replies = self.connection.makefile()
        answer = self.read_reply()
        if "pid" not in answer:
            self.close()
            raise Refused(answer.get("refusal", "the step server ended"))
        self.pid: int = answer["pid"]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def send(self, message: bytes) -> io.TextIOWrapper:
        """Send the request with a pipe for output, and return its end to read."""
        reader, writer = os.pipe()
        with contextlib.ExitStack() as stack:
            output = stack.enter_context(os.fdopen(reader, errors="replace"))
            try:
                size = socket.send_fds(self.connection, [message], [writer])
                if message[size:]:  # a quick child may have ended: sending nothing would break the pipe
                    self.connection.sendall(message[size:])
            finally:
                os.close(writer)
            stack.pop_all()
        return output

    def read_reply(self) -> dict:
        """Return the server's next message, or none where it has ended."""
        line = self.replies.readline()
        return json.loads(line) if line.endswith("\n") else {}

    def poll(self) -> int | None:
        """Return the exit code, or None while the child runs."""
        if self.returncode is None and select.select([self.connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the child's end and return its exit code, negative for a signal.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        if self.returncode is not None:
            return self.returncode
        if not select.select([self.connection], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        answer = self.read_reply()
        self.returncode = answer.pop("returncode", -9)  # a child dies with its server
        self.cost = answer
        return self.returncode

    def close(self) -> None:
        """Close what is open. The server kills a child that still runs."""
        self.stdout.close()
        self.replies.close()
        self.connection.close()


def start_module(
    module: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> ForkedProcess | subprocess.Popen:
    """Start `python -m MODULE ARGUMENTS` in a session of its own, forked where possible."""
    if STEP_SERVER in environment:
        try:
            return ForkedProcess(module, arguments, environment)
        except Refused as error:
            print(f"{module} starts in a process of its own: {error}", file=sys.stderr)
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
        env=environment,
    )
