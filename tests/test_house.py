"""The house rules: who may import whom, what is never written, and what names, docstrings and sizes are."""

import ast
from collections import Counter
from dataclasses import fields
from pathlib import Path

import pytest

from testing.house_rules import PRODUCT, ROOT, find_breaches, list_sources, parse, release_subscripts_per_1000_lines

SOURCES = list_sources(ROOT, PRODUCT)
STAGE_ROOMS = {"judgements", "features", "rationales", "teacher", "student", "packaging", "release", "experiment"}
STAGE_ROOMS |= {"monitoring"}
ENDS = {"pipelines", "serving", "simulation", "workbench", "testing", "bench", "tests"}
MAY_SEE = {"packaging": {"student"}}  # a stage room that another one may import
SERVING_MAY_SEE = ("components.experiment.assignment", "components.experiment.interleaving")
HOMES = {  # a heavy library, and the only places that may name it
    "kfp": ("pipelines/", "components/images.py", "component.py"),
    "kserve": ("serving/",),
    "feast": ("feature_repo/", "components/features/", "serving/features"),
}
NO_TORCH = ("components/scoring/", "serving/", "workbench/")
LONG_MODULES = 5  # at most so many modules have over 200 lines
RULES = (
    "vague binding",
    "participle binding",
    "participle function",
    "function named of_x or x_of",
    "function over 40 lines",
    "function over 5 parameters",
    "docstring over 15 words",
    "docstring with semicolon or question",
    "docstring not imperative",
    "nested comprehension",
    "tuple assignment of unrelated values",
    "test name over 8 words",
)


def imports(path: Path) -> set[str]:
    """Return every module that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def within(names: set[str], package: str) -> set[str]:
    """Return the names that are the package or lie in it."""
    return {name for name in names if name == package or name.startswith(package + ".")}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_stage_room_imports_another():
    for path in SOURCES:
        parts = path.relative_to(ROOT).parts
        if parts[0] != "components":
            continue
        own = parts[1] if len(parts) > 2 else ""
        for room in STAGE_ROOMS - {own} - MAY_SEE.get(own, set()):
            assert not within(imports(path), f"components.{room}"), relative(path)


def test_nothing_imports_the_ends_of_the_house():
    for path in SOURCES:
        top = path.relative_to(ROOT).parts[0]
        if top == "simulation":
            continue
        for end in ENDS - {top}:
            assert not within(imports(path), end), relative(path)


def test_serving_sees_scoring_and_assignment_only():
    for path in list_sources(ROOT, ("serving",)):
        for room in STAGE_ROOMS:
            names = within(imports(path), f"components.{room}") - {f"components.{room}"}
            assert not {name for name in names if not name.startswith(SERVING_MAY_SEE)}, relative(path)


@pytest.mark.parametrize("library", HOMES)
def test_a_heavy_library_stays_in_its_home(library):
    for path in SOURCES:
        if within(imports(path), library):
            name = relative(path)
            assert name.startswith(HOMES[library]) or name.endswith(HOMES[library]), name


def test_serving_and_scoring_know_no_torch():
    for path in SOURCES:
        if relative(path).startswith(NO_TORCH):
            assert not within(imports(path), "torch"), relative(path)


def test_every_file_opens_with_a_docstring():
    for path in SOURCES:
        assert not path.read_text().strip() or ast.get_docstring(parse(path)), relative(path)


def test_no_pickle_no_remote_code_no_swallowed_exception():
    for path in SOURCES:
        text = path.read_text()
        for never in ("pickle", "trust_remote_code=True", "except Exception", "torch.load("):
            assert never not in text, relative(path)


def test_a_component_is_eight_lines_of_glue():
    for path in SOURCES:
        if not path.name.endswith("component.py"):
            continue
        assert "__future__" not in imports(path)
        for function in [node for node in parse(path).body if isinstance(node, ast.FunctionDef)]:
            lines = [node for node in function.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
            assert len(lines) <= 8, function.name


@pytest.fixture(scope="module")
def breaches():
    """Return every breach of the rules of names, docstrings and sizes."""
    return find_breaches()


@pytest.mark.parametrize("rule", RULES)
def test_names_docstrings_and_sizes(rule, breaches):
    assert [str(breach) for breach in breaches if breach.rule == rule] == []


def test_few_modules_are_long(breaches):
    long_modules = [str(breach) for breach in breaches if breach.rule == "module over 200 lines"]
    assert len(long_modules) <= LONG_MODULES, long_modules


def test_the_release_reads_types_and_no_dictionaries():
    assert release_subscripts_per_1000_lines() <= 30


def test_the_student_has_few_settings():
    from components.student.config import LrkdConfig

    assert len(fields(LrkdConfig)) <= 14


def test_the_rules_find_what_they_forbid(tmp_path):
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "bad.py").write_text(
        'def trained(a, b, c, d, e, f):\n    """What is it; or not?"""\n    told = [[x for x in y] for y in a]\n'
        "    score, label = b, c\n"
    )
    counts = Counter(breach.rule for breach in find_breaches(tmp_path))
    assert counts == Counter(
        [
            "participle function",
            "function over 5 parameters",
            "docstring with semicolon or question",
            "docstring not imperative",
            "vague binding",
            "nested comprehension",
            "tuple assignment of unrelated values",
        ]
    )
