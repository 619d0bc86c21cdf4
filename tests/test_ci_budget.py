"""The budget of CPU seconds that CI holds the suite to."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CI = Path(__file__).parent.parent / ".ci"


def run(folder, budget, program):
    (folder / "within_budget.py").write_text((CI / "within_budget.py").read_text())
    budgets = {"cpu_seconds_per_core": {"tests": budget}, "reference_seconds": 3600}
    (folder / "budgets.json").write_text(json.dumps(budgets))
    command = [sys.executable, folder / "within_budget.py", "tests", sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_command_over_its_budget_fails(tmp_path):
    result = run(tmp_path, 1e-6, "sum(range(1_000_000))")
    assert result.returncode == 1 and "tests took more CPU time than budgets.json allows" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("status", [0, 3])
def test_within_its_budget_its_own_status_counts(tmp_path, status):
    result = run(tmp_path, 600, f"raise SystemExit({status})")
    assert result.returncode == status and "0% of the budget here" in result.stdout


def test_the_suite_has_a_budget():
    assert json.loads((CI / "budgets.json").read_text())["cpu_seconds_per_core"]["tests"] > 0
