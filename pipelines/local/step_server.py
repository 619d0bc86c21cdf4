"""Runs steps as forks of one process that has imported the heavy libraries.

A step's process costs 5 to 10 CPU seconds of imports, and a run has more than thirty steps. A request names a module,
which a child then runs as `python -m MODULE` would: in a session of its own, with the environment, the folder and the
output that the request brings. A fork takes no threads along, so that none may run here: it is checked before each one.
The connection is the step's life: where it closes, the step is killed.
"""

import importlib
import json
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass

from pipelines.local.step_child import run_in_child

# before numpy and Arrow are loaded: both start threads of their own otherwise
SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
TABLE_MODULES = ("pandas", "duckdb", "scipy.stats", "sklearn.metrics", "matplotlib.figure")
MODULES = {  # by what a request asks for; onnxruntime starts a thread when it is imported, Feast serves one step alone
    "pipelines.local.kfp_runner": ("kfp.local", "pipelines.retrain", "pipelines.experiment"),
    "kfp.dsl.executor_main": ("kfp.dsl.executor", *TABLE_MODULES),
}
MODEL_MODULES = (
    "transformers.trainer",
    "transformers.models.bert.modeling_bert",
    "transformers.models.llama.modeling_llama",
    "trl.trainer.dpo_trainer",
    "trl.trainer.sft_trainer",
    "sentence_transformers",
)
MODEL_STEPS = frozenset(  # a run that finds all of these in kfp's cache loads no torch
    {
        "start_teacher",
        "generate_rationales",
        "fine_tune",
        "mine_preference_pairs",
        "optimise_preferences",
        "embed_rationales",
        "train_student",
        "package_student",
    }
)
REQUEST_SECONDS = 10
REQUEST_BYTES = 1 << 16


@dataclass
class RunningStep:
    """A child, and the connection that waits for it."""

    pid: int
    pidfd: int
    connection: socket.socket


class StepServer:
    """Forks a child a request. One thread, one loop."""

    def __init__(self, listener: socket.socket):
        self.listener = listener
        self.steps: list[RunningStep] = []
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ, self.accept)

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            for key, _ in self.selector.select():
                key.data()

    def accept(self) -> None:
        """Read a request and start its child."""
        connection, _ = self.listener.accept()
        connection.settimeout(REQUEST_SECONDS)
        try:
            request, output = receive_request(connection)
        except (OSError, ValueError) as error:
            print(f"a request could not be read: {error}", flush=True)
            connection.close()
            return
        try:
            self.fork(connection, request, output)
        finally:
            os.close(output)

    def fork(self, connection: socket.socket, request: dict, output: int) -> None:
        """Import what the module needs, once, and run it in a child."""
        for name in choose_modules(request):
            importlib.import_module(name)
        threads = len(os.listdir("/proc/self/task"))
        if threads > 1:
            reply(connection, {"refusal": f"the step server has {threads} threads"})
            connection.close()
            return
        pid = os.fork()
        if not pid:
            self.leave_to_child(connection)
            run_in_child(request, output)
        step = RunningStep(pid, os.pidfd_open(pid), connection)
        self.steps.append(step)
        reply(connection, {"pid": pid})
        self.selector.register(step.pidfd, selectors.EVENT_READ, lambda: self.finish(step))
        self.selector.register(connection, selectors.EVENT_READ, lambda: self.abandon(step))

    def abandon(self, step: RunningStep) -> None:
        """Kill a step that nobody waits for any more."""
        if step not in self.steps:  # it ended at the same moment
            return
        self.selector.unregister(step.connection)
        kill(step)

    def leave_to_child(self, connection: socket.socket) -> None:
        """Close in a child what is the server's, so that closed connections are noticed."""
        self.selector.close()
        self.listener.close()
        connection.close()
        for step in self.steps:
            step.connection.close()
            os.close(step.pidfd)

    def finish(self, step: RunningStep) -> None:
        """Send an ended child's exit code and what it cost."""
        _, status, usage = os.wait4(step.pid, 0)
        cost = {"cpu_seconds": usage.ru_utime + usage.ru_stime, "memory_gb": usage.ru_maxrss / 2**20}
        reply(step.connection, {"returncode": os.waitstatus_to_exitcode(status), **cost})
        self.selector.unregister(step.pidfd)
        if step.connection in self.selector.get_map():
            self.selector.unregister(step.connection)
        os.close(step.pidfd)
        step.connection.close()
        self.steps.remove(step)


def choose_modules(request: dict) -> tuple[str, ...]:
    """Return the heavy modules that a request's module imports."""
    modules = MODULES.get(request["module"], ())
    return modules if MODEL_STEPS.isdisjoint(request["arguments"]) else modules + MODEL_MODULES


def receive_request(connection: socket.socket) -> tuple[dict, int]:
    """Return a request, one line of JSON, and the file for the child's output.

    Raises:
        ValueError: it brings no file, or ends early.
    """
    line, files, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 1)
    if not files:
        raise ValueError("it brings no file for the step's output")
    while not line.endswith(b"\n"):
        part = connection.recv(REQUEST_BYTES)
        if not part:
            os.close(files[0])
            raise ValueError("it ends early")
        line += part
    return json.loads(line), files[0]


def reply(connection: socket.socket, message: dict) -> None:
    """Send one line of JSON, unless nobody waits for it."""
    try:
        connection.sendall(json.dumps(message).encode() + b"\n")
    except (BrokenPipeError, ConnectionResetError):
        print(f"nobody waits for {message}", flush=True)


def kill(step: RunningStep) -> None:
    """Kill a step and all of its group."""
    try:
        os.killpg(step.pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not begun its session yet
        os.kill(step.pid, signal.SIGKILL)


def main(path: str) -> None:
    """Serve at a Unix socket until SIGTERM, which ends every step."""
    if any(os.environ.get(name) != value for name, value in SINGLE_THREADED.items()):
        os.execve(sys.executable, [sys.executable, "-m", __spec__.name, path], os.environ | SINGLE_THREADED)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{path}.new")
        listener.listen()
        os.rename(f"{path}.new", path)  # who sees the socket may connect
        server = StepServer(listener)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.run()
        except KeyboardInterrupt:
            for step in server.steps:
                kill(step)


if __name__ == "__main__":
    main(*sys.argv[1:])
