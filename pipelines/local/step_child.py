"""What a fork of the step server does: it becomes the process that `python -m MODULE ARGUMENTS` would be."""

import atexit
import ctypes
import os
import runpy
import signal
import sys
import threading
import traceback
from typing import NoReturn

PR_SET_PDEATHSIG = 1


def run_in_child(request: dict, output: int) -> NoReturn:
    """Run a request's module to its end, and leave by its exit code."""
    code = 1
    try:
        detach(output)
        adopt(request)
        code = run_module(request["module"])
    except BaseException:  # noqa: BLE001  the server's own stack lies below: nothing may go up there
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def detach(output: int) -> None:
    """Start a session, take SIGTERM as any process does, and write to the request's file.

    The child dies with the server.
    """
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)


def adopt(request: dict) -> None:
    """Take over environment, folder and arguments, and draw random numbers of its own."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = [request["module"], *request["arguments"]]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # children share the server's state; Python's own generator is seeded anew


def run_module(module: str) -> int:
    """Run a module as the main one, then what runs at exit."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = exit_code(error)
    except BaseException:  # noqa: BLE001  it ends the step, as it ends an interpreter
        traceback.print_exc()
        code = 1
    threading._shutdown()  # waits for threads that are no daemons, as the interpreter does
    atexit._run_exitfuncs()
    return code


def exit_code(error: SystemExit) -> int:
    """Return the exit code of a SystemExit, whose text goes to stderr."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1
