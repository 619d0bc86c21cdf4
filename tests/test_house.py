"""The house rules of who may import whom, and of what is never written."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for room in ("components", "pipelines", "serving", "simulation", "feature_repo")
    for path in (ROOT / room).rglob("*.py")
)
ROOMS = {
    "judgements",
    "features",
    "rationales",
    "teacher",
    "student",
    "packaging",
    "release",
    "experiment",
    "monitoring",
}
ENDS = {"pipelines", "serving", "simulation", "testing", "bench", "tests"}
KFP = {"kfp"}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def within(names: set[str], package: str) -> set[str]:
    return {name for name in names if name == package or name.startswith(package + ".")}


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_a_stage_room_never_imports_another_stage_room(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] != "components":
        return
    own = parts[1] if len(parts) > 2 else None
    others = ROOMS - {own} - ({"student"} if own == "packaging" else set())
    assert not {name for room in others for name in within(imports(path), f"components.{room}")}


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_nothing_imports_the_ends_of_the_house(path):
    top = path.relative_to(ROOT).parts[0]
    forbidden = ENDS - ({top} if top in ("pipelines", "serving", "simulation") else set())
    assert not {name for end in forbidden for name in within(imports(path), end)} or top == "simulation"


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_each_heavy_library_is_named_only_where_it_belongs(path):
    name, names = place(path), imports(path)
    if within(names, "kfp"):
        assert name.endswith("component.py") or name == "components/images.py" or name.startswith("pipelines/")
    if within(names, "kserve"):
        assert name.startswith("serving/")
    if within(names, "feast"):
        assert name.startswith(("feature_repo/", "components/features/")) or name == "serving/features.py"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[-2] == "serving"], ids=place)
def test_serving_imports_of_the_stage_rooms_only_scoring_assignment_and_the_router(path):
    allowed = ("components.scoring", "components.experiment.assignment", "components.release.router")
    used = {name for room in ROOMS for name in within(imports(path), f"components.{room}")}
    assert {name for name in used if not name.startswith(allowed)} <= {
        "components.experiment", "components.release"
    }  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_every_file_opens_with_a_docstring_and_stays_small(path):
    text = path.read_text()
    if text.strip():
        assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=place)
def test_no_pickle_no_remote_code_no_swallowed_exception(path):
    text = path.read_text()
    for never in ("pickle", "trust_remote_code=True", "except Exception", "torch.load("):
        assert never not in text


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "component.py"], ids=place)
def test_a_component_is_eight_lines_of_glue_and_says_no_future_import(path):
    tree = ast.parse(path.read_text())
    assert "__future__" not in imports(path)
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
        lines = [node for node in function.body if not isinstance(node, (ast.Import, ast.ImportFrom))]
        assert len(lines) <= 8, function.name
