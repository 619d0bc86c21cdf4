"""One real S3 for all tests, named in the environment of those that ask for it alone, and without a release state."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components import storage
from components.release_store import STATE
from components.settings import Settings
from testing.servers import environment

pytest_plugins = ["testing.release_fixtures", "testing.student_fixtures", "testing.teacher_fixtures"]


FIRST = ("test_loop.py", "test_deploy.py")  # the longest files: begun last, they would keep one worker waiting


WHOLLY_SLOW = re.compile(r"^pytestmark = .*pytest\.mark\.slow", re.MULTILINE)


def pytest_ignore_collect(collection_path, config):
    """Leave files unread that hold slow tests alone, where these are left out: most import much."""
    if config.option.markexpr == "not slow" and collection_path.suffix == ".py":
        return True if WHOLLY_SLOW.search(collection_path.read_text()) else None
    return None


def pytest_terminal_summary(terminalreporter, config):
    """Say what `-m "not slow"` leaves out: workers do not report it."""
    if config.option.markexpr != "not slow":
        return
    texts = [path.read_text() for path in Path(__file__).parent.rglob("test_*.py")]
    slow_texts = [text for text in texts if WHOLLY_SLOW.search(text)]
    functions = sum(len(re.findall(r"^def test_", text, re.MULTILINE)) for text in slow_texts)
    marked = sum(text.count("\n@pytest.mark.slow") for text in texts)
    counts = f"{functions} test functions in {len(slow_texts)} files, and {marked} in others"
    terminalreporter.line(f"left out as slow, and run by make test: {counts}")


def pytest_collection_modifyitems(items):
    """Begin with the longest files; the order within a file stays."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST))


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """The laptop's S3 from its wheel, and the laptop that started it."""
    from pipelines.local.processes import Laptop

    home = tmp_path_factory.mktemp("home")
    with Laptop(home, home) as laptop:
        laptop.start_s3()
        with environment(**laptop.environment):
            storage.ensure_bucket()
        yield laptop


@pytest.fixture(autouse=True)
def named_s3(request):
    """Point the environment to the S3 while a test that uses it runs."""
    if "s3" not in request.fixturenames:
        yield
        return
    with environment(**request.getfixturevalue("s3").environment):
        storage.client().remove_object(Settings().s3_bucket, STATE)
        yield


@pytest.fixture
def schema_faults():
    """What the checker with the schemas of all kinds says of some YAML; its last line has the counts."""
    checker = os.environ.get("BROADFAST_MANIFEST_CHECK")
    if not checker:
        pytest.skip("BROADFAST_MANIFEST_CHECK names no checker with the schemas of custom resources")

    def said(text):
        text = text.replace("kind: TrainingRuntime", "kind: ClusterTrainingRuntime")  # both have the same schema
        return subprocess.run([sys.executable, checker], input=text, capture_output=True, text=True).stdout

    return said
