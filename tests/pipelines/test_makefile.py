"""What the front door's targets run, as text: the very lines that the README shows."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXEC = "kubectl -n broadfast exec deploy/release-control -- python -m components.release.control"
BY = '--by "ada" --reason "by hand"'


def dry_run(*words):
    command = ["make", "--dry-run", "--no-print-directory", "--old-file=.venv/ready", "USER=ada", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("target", "line"),
    [
        (["canary", "VERSION=1f3a", "PERCENT=5"], f"{EXEC} canary 1f3a 5 {BY}"),
        (["promote"], f"{EXEC} force promote {BY}"),
        (["rollback"], f"{EXEC} force roll-back {BY}"),
        (["status"], f"{EXEC} status"),
        (["rollback", "NAMESPACE=shop", "REASON=seen on the dashboard"],
         EXEC.replace("-n broadfast", "-n shop") + ' force roll-back --by "ada" --reason "seen on the dashboard"'),
    ],
)  # fmt: skip
def test_a_target_runs_its_kubectl_line(target, line):
    result = dry_run(*target)
    assert result.returncode == 0 and line in result.stdout.splitlines(), result.stdout + result.stderr


@pytest.mark.parametrize("target", [["promote"], ["rollback"], ["status"], ["canary", "VERSION=1f3a", "PERCENT=5"]])
def test_without_a_cluster_context_a_target_says_so(target, tmp_path):
    (tmp_path / "kubectl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", "--old-file=.venv/ready", *target]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert result.returncode == 2 and "kubectl has no cluster context" in result.stderr


def test_status_needs_no_gateway_api(tmp_path):
    (tmp_path / "kubectl").write_text('#!/bin/sh\ncase "$*" in *httproutes*) exit 1;; esac\necho "kubectl $*"\n')
    (tmp_path / "kubectl").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", "--old-file=.venv/ready", "status"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert result.returncode == 0 and result.stdout.splitlines()[-1] == f"{EXEC} status"


@pytest.mark.parametrize(("answer", "words", "is_done"), [("n", [], False), ("y", [], True), ("", ["YES=1"], True)])
def test_promote_asks_unless_told_yes(answer, words, is_done, tmp_path):
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "kubectl $*"\n')
    (tmp_path / "kubectl").chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["make", "--no-print-directory", "--old-file=.venv/ready", "promote", *words]
    result = subprocess.run(command, cwd=ROOT, input=answer, capture_output=True, text=True, env=environment)
    assert ("force promote" in result.stdout) == is_done == (result.returncode == 0)
    assert ("stable for everybody in broadfast? [y/N]" in result.stdout) == (not words)


@pytest.mark.parametrize(("words", "missing"), [(["PERCENT=5"], "VERSION"), (["VERSION=1f3a"], "PERCENT")])
def test_an_incomplete_canary_says_what_to_type(words, missing):
    result = dry_run("canary", *words)
    assert result.returncode == 2
    assert f"say {missing}=..., as in: make canary VERSION=1f3a PERCENT=5" in result.stderr


def test_a_plan_without_rpm_says_what_to_type():
    result = dry_run("plan-experiment")
    assert result.returncode == 2 and "say RPM=..., as in: make plan-experiment RPM=50 LIFT=1.42%" in result.stderr
    assert "--rpm 50 --lift 1.42% --out build" in dry_run("plan-experiment", "RPM=50", "LIFT=1.42%").stdout


def test_lint_says_what_it_checks():
    assert "lint: .venv ## check style with ruff\n" in (ROOT / "Makefile").read_text()


def test_a_deployment_is_named_by_git_sha():
    sha = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    (line,) = dry_run("deploy-pipeline", "HOST=http://kfp:8888", "CRON=0 0 3 * * *").stdout.splitlines()
    assert f'BROADFAST_IMAGE_TAG="{sha.strip()}"' in line
    assert "--host http://kfp:8888" in line and '--cron "0 0 3 * * *"' in line and "--profile paper" in line


def test_an_installation_that_was_interrupted_starts_again(tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "overrides.txt"):
        shutil.copy(ROOT / name, tmp_path)

    def plan() -> list[str]:
        command = ["make", "--dry-run", "--no-print-directory", "lint"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()

    assert "pipelines.local.requirements" in plan()[1] and "-m venv .venv" in plan()[2]
    assert plan()[-2] == "touch .venv/ready"
    assert plan()[-3] == ".venv/bin/python -m pipelines.local.torch_build"
    (tmp_path / ".venv" / "ready").touch()
    assert len(plan()) == 1


def test_every_target_has_a_line_of_help():
    help_text = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    assert {line.split()[0] for line in help_text.splitlines()} == set(phony.split()[1:])
