"""What a machine lacks is one sentence, before anything is installed or started."""

import platform
import subprocess
import sys

import pytest

from pipelines.local import requirements
from pipelines.local.requirements import check_disk, check_memory, check_system, free_memory_gb, read_version


def test_this_machine_passes():
    check_system()
    check_memory(0.01)
    check_disk("/", 0.0, "free some")


def test_it_needs_nothing_installed():
    command = [sys.executable, "-S", "-m", "pipelines.local.requirements"]  # -S: no site-packages
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("Python 3.11")


@pytest.mark.parametrize(
    ("library", "sentence"),
    [
        (("glibc", "2.17"), "this Python uses glibc 2.17, and glibc 2.28 or newer is needed; use the container"),
        (("", ""), "this Python uses another C library, and glibc 2.28"),
    ],
)
def test_another_c_library_is_refused(monkeypatch, library, sentence):
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    with pytest.raises(RuntimeError, match=sentence):
        check_system()


def test_another_python_is_refused(monkeypatch):
    monkeypatch.setattr(requirements, "PYTHON", (3, 99))
    with pytest.raises(RuntimeError, match=f"this is Python {platform.python_version()}, and 3.11 is needed"):
        check_system()


def test_a_run_larger_than_the_memory_is_refused():
    with pytest.raises(RuntimeError, match=r"GB of memory are free, and a run takes up to 1e\+06 GB; end other"):
        check_memory(1e6)


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("3000000000\n")
    (tmp_path / "memory.current").write_text("1000000000\n")
    monkeypatch.setattr(requirements, "CGROUP", tmp_path)
    assert free_memory_gb() <= 2.0
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory_gb() > 0


def test_a_run_larger_than_the_disk_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match=r"GB are free on the disk of .*, and up to 1e\+09 GB are needed; free some"):
        check_disk(tmp_path, 1e9, "free some")


def test_versions_are_compared_as_numbers():
    assert read_version("2.4") < read_version("2.28") < read_version("2.28.1")
