"""The laptop starts processes that it can find again, and ends every one of them."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from components.release_state import Experiment, Intent, ReleaseState, Stage
from pipelines.local.followed_process import follow_process
from pipelines.local.leftovers import HOME, end_leftovers
from pipelines.local.ports import free_ports
from pipelines.local.private_files import load_or_create_secret
from pipelines.local.processes import Laptop
from pipelines.local.progress import Steps
from testing.servers import environment


@pytest.fixture
def laptop(tmp_path):
    with Laptop(tmp_path, tmp_path) as laptop:
        yield laptop


def start_sleeper(home: Path | str) -> subprocess.Popen:
    return subprocess.Popen(["sleep", "600"], env=os.environ | {HOME: str(home)})


def test_only_leftovers_of_this_run_are_ended(tmp_path):
    ours = start_sleeper(tmp_path)
    others = start_sleeper(tmp_path / "another")
    with Laptop(tmp_path, tmp_path):
        assert ours.wait(5) == -9 and others.poll() is None
    others.kill()
    others.wait()


def test_arguments_identify_a_server_without_environment(tmp_path):
    without = {name: value for name, value in os.environ.items() if name != HOME}
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    ours = subprocess.Popen([*command, f"--spool={tmp_path}/spool"], env=without)
    others = subprocess.Popen([*command, f"--spool={tmp_path}/another/spool"], env=without)
    end_leftovers(tmp_path / "another")
    assert others.wait(5) == -9 and ours.poll() is None
    end_leftovers(tmp_path)
    assert ours.wait(5) == -9


def test_this_process_is_not_its_own_leftover(tmp_path):
    with environment(**{HOME: str(tmp_path)}):
        end_leftovers(tmp_path)


def test_leaving_the_laptop_ends_child_processes(tmp_path):
    with Laptop(tmp_path, tmp_path) as laptop:
        process = laptop.start("parent", ["sh", "-c", "sleep 600 & echo started; wait"])
        wait_until(lambda: (tmp_path / "parent.log").read_text())
        (child,) = psutil.Process(process.pid).children()
    assert process.poll() is not None
    wait_until(lambda: has_ended(child))


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    """Check again and again, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_knows_home_and_gateway(laptop, tmp_path):
    process = laptop.start("tell", ["sh", "-c", f"echo ${HOME} $BROADFAST_GATEWAY_URL"])
    process.wait(5)
    words = (tmp_path / "tell.log").read_text().split()
    assert words == [str(tmp_path), f"http://127.0.0.1:{laptop.ports['internal']}"]


def test_a_failed_start_shows_the_logs_end(laptop, tmp_path):
    laptop.start("server", ["sh", "-c", "echo the port is taken; exit 1"])
    (port,) = free_ports(1)
    with pytest.raises(RuntimeError, match="server did not come up at .*server.log:\nthe port is taken"):
        laptop.wait_ready("server", f"http://127.0.0.1:{port}/")


def test_the_last_line_is_the_answer(laptop):
    steps = Steps(Console(file=StringIO()))
    steps.start("shoppers")
    code = "import sys; print('::progress 1 2 requests', file=sys.stderr); print('{\"clicks\": 3}')"
    assert follow_process(laptop, "shoppers", [sys.executable, "-c", code], steps) == {"clicks": 3}
    assert not laptop.processes


def test_a_failed_process_shows_its_last_line(laptop):
    with pytest.raises(RuntimeError, match="shoppers failed: nobody came; its log: .*shoppers.log"):
        follow_process(laptop, "shoppers", ["sh", "-c", "echo nobody came; exit 1"], Steps(Console(file=StringIO())))


class Kiosk(Laptop):
    """A laptop whose servers are asleep."""

    def start_server(self, role, package):
        self.start(role, ["sleep", "600"])

    def start_interleaver(self):
        self.start("interleaver", ["sleep", "600"])


def running_servers(kiosk) -> dict:
    return {role: kiosk.processes[role].pid for role in ("stable", "candidate") if role in kiosk.processes}


def test_the_servers_become_those_that_the_state_names(tmp_path):
    with Kiosk(tmp_path, tmp_path) as kiosk:
        kiosk.reconcile(ReleaseState(stable="v1"), Path)
        before = running_servers(kiosk)
        kiosk.reconcile(ReleaseState(stable="v1", candidate="v2"), Path)
        assert kiosk.serving == {"stable": "v1", "candidate": "v2"}
        assert running_servers(kiosk)["stable"] == before["stable"]
        kiosk.reconcile(ReleaseState(stable="v2"), Path)
        assert kiosk.serving == {"stable": "v2"} and running_servers(kiosk).keys() == {"stable"}
        assert running_servers(kiosk) != before


class SlowKiosk(Kiosk):
    """A laptop whose servers are asleep, and ready when a test says so."""

    is_ready = False

    def start_server(self, role, package):
        super().start_server(role, package)
        self.wait_ready(role, self.ready_url(role))

    def wait_ready(self, name, url):
        if not self.is_ready:
            super().wait_ready(name, url)


def test_a_slow_server_is_not_started_over(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.local.processes.START_SECONDS", 0.1)
    pids = set()
    with SlowKiosk(tmp_path, tmp_path) as kiosk:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="stable is not ready at .* after 0.1 s, though it runs: see"):
                kiosk.reconcile(ReleaseState(stable="v1"), Path)
            pids.add(kiosk.processes["stable"].pid)
        kiosk.is_ready = True
        kiosk.reconcile(ReleaseState(stable="v1"), Path)
        assert kiosk.serving == {"stable": "v1"} and pids == {kiosk.processes["stable"].pid}


def test_an_interleaver_comes_and_goes_with_its_stage(tmp_path):
    stages = (Stage(0.0, "2026-01-05T08:00:00+00:00"), Stage(0.0, "2026-01-05T09:00:00+00:00", 1.0))
    state = ReleaseState("v1", "v2", experiment=Experiment("e1", "e1", stages))
    with Kiosk(tmp_path, tmp_path) as kiosk:
        kiosk.reconcile(replace(state, experiment=Experiment("e1", "e1", stages[:1])), Path)
        assert "interleaver" not in kiosk.processes
        kiosk.reconcile(state, Path)
        assert kiosk.serving == {"interleaver": "v1+v2", "stable": "v1", "candidate": "v2"}
        kiosk.reconcile(replace(state, intent=Intent("end", "vetoed", status="vetoed")), Path)
        assert kiosk.serving == {"stable": "v1", "candidate": "v2"} and "interleaver" not in kiosk.processes


def test_the_secret_is_created_once_and_private(tmp_path):
    first = load_or_create_secret(tmp_path / "home" / "secret")
    assert len(first) == 64 and load_or_create_secret(tmp_path / "home" / "secret") == first
    assert stat.S_IMODE((tmp_path / "home" / "secret").stat().st_mode) == 0o600


def test_free_ports_are_all_different():
    assert len(set(free_ports(20))) == 20


def test_an_s3_of_the_environment_is_used(tmp_path):
    with environment(BROADFAST_S3_ENDPOINT="http://127.0.0.1:1"), Laptop(tmp_path, tmp_path) as laptop:
        laptop.start_s3()
        assert not laptop.processes and laptop.environment["BROADFAST_S3_ENDPOINT"] == "http://127.0.0.1:1"


@pytest.mark.slow
def test_the_s3_is_private_and_on_loopback(s3):
    process = psutil.Process(s3.processes["s3"].pid)
    addresses = {c.laddr.ip for c in process.connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert addresses == {"127.0.0.1"}
    assert stat.S_IMODE((s3.home / "s3" / "s3.json").stat().st_mode) == 0o600
    assert not {s3.environment["AWS_SECRET_ACCESS_KEY"]} & set(process.cmdline())


def test_a_server_that_never_came_up_is_replaced(tmp_path):
    def fetch(version):
        raise RuntimeError(f"no package {version}")

    with Laptop(tmp_path, tmp_path) as laptop:
        process = laptop.start("stable", ["sleep", "60"])
        with pytest.raises(RuntimeError, match="no package v1"):
            laptop.reconcile(ReleaseState("v1"), fetch)
        assert process.poll() is not None and "stable" not in laptop.processes
