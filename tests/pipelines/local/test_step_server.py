"""The step server's children behave as processes of their own: output, exit codes, cost, and every way to end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pipelines.local import step_client
from pipelines.local.processes import Laptop
from pipelines.local.step_client import STEP_SERVER, ForkedProcess, own_processes_reason, start_module
from pipelines.local.step_server import MODEL_STEPS, choose_modules
from pipelines.retrain import retrain

pytestmark = pytest.mark.skipif(bool(own_processes_reason()), reason="steps may not be forks here")
SLEEP = "import time; print('begun', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with Laptop(home, home) as laptop:
        laptop.start_step_server()
        yield laptop


@pytest.fixture
def run(laptop):
    """Start code in a child, and close every child at the end."""
    children = []

    def start(code: str, **variables: str) -> ForkedProcess:
        children.append(ForkedProcess("testing.run_code", [code], laptop.environment | variables))
        return children[-1]

    yield start
    for child in children:
        child.close()


def test_a_child_prints_and_ends_well(run):
    child = run("import sys; print('out'); print('err', file=sys.stderr)")
    assert child.stdout.read().splitlines() == ["out", "err"]
    assert child.wait(10) == child.poll() == 0


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise SystemExit(3)", 3),
        ("raise SystemExit", 0),
        ("raise SystemExit('no rows')", 1),
        ("import os; os._exit(7)", 7),
        ("import os; os.abort()", -6),
    ],
)
def test_exit_codes_are_those_of_processes(run, code, expected):
    assert run(code).wait(10) == expected
    assert subprocess.run([sys.executable, "-m", "testing.run_code", code], stderr=subprocess.DEVNULL).returncode == (
        expected
    )


def test_an_error_leaves_its_traceback(run):
    child = run("raise ValueError('rows are missing')")
    assert child.stdout.read().splitlines()[-1] == "ValueError: rows are missing"
    assert child.wait(10) == 1


def test_a_child_has_the_requests_environment(run):
    child = run("import os, sys; print(os.environ['COLOUR'], os.environ.get('OPENBLAS_NUM_THREADS'))", COLOUR="red")
    assert child.stdout.read() == "red None\n"


def test_children_draw_different_random_numbers(run):
    code = "import random, numpy, uuid; print(random.random(), numpy.random.random(), uuid.uuid4())"
    first, second = (run(code).stdout.read().split() for _ in range(2))
    assert not set(first) & set(second)


def test_work_at_exit_is_done(run):
    code = "import atexit, threading; atexit.register(print, 'last'); threading.Timer(0.1, print, ['thread']).start()"
    assert run(code).stdout.read().splitlines() == ["thread", "last"]


def test_a_childs_cost_is_counted(run):
    child = run("import time\nwhile time.process_time() < 0.3: pass")
    child.wait(30)
    assert 0.25 < child.cost["cpu_seconds"] < 5 and 0.01 < child.cost["memory_gb"] < 2


def test_a_child_is_killed_by_its_group(run):
    child = run(SLEEP)
    child.stdout.readline()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.01)
    os.killpg(child.pid, signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM


def test_a_closed_connection_kills_the_child(run):
    child = run("import subprocess; subprocess.run(['sh', '-c', 'echo begun; sleep 600'])")
    child.stdout.readline()
    (grandchild,) = psutil.Process(child.pid).children()
    child.close()
    assert all(has_ended(process) for process in (psutil.Process(child.pid), grandchild))


def has_ended(process: psutil.Process) -> bool:
    """Wait for a process to be gone, ten seconds at most."""
    deadline = time.monotonic() + 10
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_children_run_side_by_side(run):
    sleeper = run(SLEEP)
    sleeper.stdout.readline()
    assert run("print('done')").wait(10) == 0
    assert sleeper.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_child_outlives_the_server(tmp_path, number):
    with Laptop(tmp_path, tmp_path) as laptop:
        laptop.start_step_server()
        child = ForkedProcess("testing.run_code", [SLEEP], laptop.environment)
        child.stdout.readline()
        laptop.processes["steps"].send_signal(number)
        assert has_ended(psutil.Process(laptop.processes["steps"].pid))
        assert child.wait(10) == -signal.SIGKILL
        child.close()


def test_a_server_that_ended_is_started_again(tmp_path):
    with Laptop(tmp_path, tmp_path) as laptop:
        laptop.start_step_server()
        laptop.processes["steps"].kill()
        laptop.processes["steps"].wait()
        laptop.start_step_server()
        with ForkedProcess("testing.run_code", ["print(1)"], laptop.environment) as child:
            assert child.wait(10) == 0


def test_the_socket_is_its_owners_alone(laptop):
    folder = os.path.dirname(laptop.environment[STEP_SERVER])
    assert os.stat(folder).st_mode & 0o777 == 0o700


def test_without_a_server_modules_are_processes(laptop):
    variables = {name: value for name, value in laptop.environment.items() if name != STEP_SERVER}
    with start_module("testing.run_code", ["print('alone')"], variables) as process:
        assert process.stdout.read() == "alone\n"
    assert isinstance(process, subprocess.Popen)


def test_a_server_with_threads_forks_nobody(tmp_path, capfd):
    code = (
        "import threading, time; threading.Thread(target=time.sleep, args=[600], daemon=True).start()\n"
        "from pipelines.local.step_server import main; import sys; main(sys.argv[2])"
    )
    path = str(tmp_path / "steps")
    variables = os.environ | {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
    server = subprocess.Popen([sys.executable, "-m", "testing.run_code", code, path], env=variables)
    while not os.path.exists(path):
        time.sleep(0.02)
    with start_module("testing.run_code", ["print('alone')"], variables | {STEP_SERVER: path}) as process:
        assert process.stdout.read() == "alone\n"
    server.kill()
    server.wait()
    assert "in a process of its own: the step server has 2 threads" in capfd.readouterr().err


def test_model_libraries_are_loaded_for_model_steps_alone():
    executor = "kfp.dsl.executor_main"
    gate, training = ({"module": executor, "arguments": ["--function", name]} for name in ("gate", "train_student"))
    assert "transformers.trainer" in choose_modules(training) and "transformers.trainer" not in choose_modules(gate)
    assert choose_modules({"module": "testing.run_code", "arguments": []}) == ()


@pytest.mark.parametrize("name", sorted(MODEL_STEPS))
def test_model_steps_are_components(name):
    assert f"exec-{name.replace('_', '-')}" in retrain.pipeline_spec.deployment_spec["executors"]


def test_beside_a_gpu_steps_are_processes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(step_client, "GPU", tmp_path)
    with Laptop(tmp_path, tmp_path) as laptop:
        laptop.start_step_server()
        assert "steps" not in laptop.processes and STEP_SERVER not in laptop.environment
    assert "processes of their own" in capsys.readouterr().out
