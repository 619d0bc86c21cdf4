"""Rules of names, docstrings and sizes, counted over the product: `python -m testing.house_rules`, or `make house`."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT = ("components", "pipelines", "serving", "simulation", "feature_repo", "workbench")
VAGUE = frozenset(
    [
        "said",
        "told",
        "found",
        "asked",
        "made",
        "given",
        "known",
        "kept",
        "wanted",
        "beside",
        "there",
        "place",
        "one",
        "this_one",
    ]
)
IRREGULAR = frozenset(
    [
        "begun",
        "gone",
        "sent",
        "built",
        "drawn",
        "shown",
        "taken",
        "held",
        "bought",
        "brought",
        "thought",
        "caught",
        "lost",
        "won",
        "done",
        "seen",
        "chosen",
        "written",
        "driven",
        "broken",
        "hidden",
        "frozen",
        "stolen",
        "spoken",
        "worn",
        "torn",
        "born",
        "fallen",
        "grown",
        "thrown",
        "sold",
        "met",
    ]
)
NOUNS = frozenset(["need", "feed", "seed", "speed", "embed", "red", "bed", "shed", "weed"])
DOMAIN = frozenset(["quarantined"])  # a count that steps record under this name
WORDS_IN_A_DOCSTRING = 15
LINES_IN_A_FUNCTION = 40
LINES_IN_A_MODULE = 200
PARAMETERS = 5
WORDS_IN_A_TEST_NAME = 8
NOT_IMPERATIVE = re.compile(
    r"^(What|Where|Whether|Which|How|Who|When|The|A|An|Of|All|Each|Both|One|Is|Are|If|Why|Every|No|Not|Two|At|By|From|In|"
    r"To)\b|^\w+(?<!s)s\b|^\w+ed\b"
)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
INTERFACE = frozenset(["pipeline", "teacher_step", "student_step", "command", "callback"])
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Breach:
    """One place that breaks a rule."""

    rule: str
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def find_breaches(root: Path = ROOT) -> list[Breach]:
    """Return every breach of a rule in the product and in the names of the tests."""
    breaches = []
    for path in list_sources(root, PRODUCT):
        name = path.relative_to(root).as_posix()
        breaches += [Breach(rule, name, line, text) for rule, line, text in check_module(path)]
    for path in list_sources(root, ("tests",)):
        name = path.relative_to(root).as_posix()
        breaches += [Breach("test name over 8 words", name, line, text) for line, text in long_test_names(path)]
    return breaches


def list_sources(root: Path, folders: tuple[str, ...]) -> list[Path]:
    """List the Python files below some folders of the root."""
    return [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]


@cache
def parse(path: Path) -> ast.Module:
    """Parse a file once."""
    return ast.parse(path.read_text())


def check_module(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield rule, line and text of each breach in one file."""
    lines = len(path.read_text().splitlines())
    if lines > LINES_IN_A_MODULE:
        yield "module over 200 lines", 1, str(lines)
    interfaces = list_interfaces(parse(path))
    interface_names = {id(argument) for node in interfaces for argument in list_arguments(node)}
    for node in ast.walk(parse(path)):
        name = bound_name(node)
        if name and id(node) not in interface_names:
            yield from check_binding(name, node.lineno)
        if isinstance(node, FUNCTIONS):
            yield from check_function(node, is_interface=node in interfaces)
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield from check_docstring(node)
        if isinstance(node, COMPREHENSIONS) and has_inner_comprehension(node):
            yield "nested comprehension", node.lineno, ""
        if isinstance(node, ast.Assign) and is_tuple_assignment(node):
            yield "tuple assignment of unrelated values", node.lineno, ""


def bound_name(node: ast.AST) -> str:
    """Return the name that a node binds, or nothing."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr
    return ""


def check_binding(name: str, line: int) -> Iterator[tuple[str, int, str]]:
    """Yield a breach where a value has a vague name or a bare participle for one."""
    if name in VAGUE:
        yield "vague binding", line, name
    elif is_participle(name):
        yield "participle binding", line, name


def is_participle(name: str) -> bool:
    """Tell whether a name is one word that is a past participle."""
    word = name.strip("_")
    if "_" in word or word in NOUNS | DOMAIN:
        return False
    return word in IRREGULAR or (word.endswith("ed") and len(word) > 4)


def check_function(node: ast.FunctionDef, is_interface: bool) -> Iterator[tuple[str, int, str]]:
    """Yield breaches of a function's name, length and number of parameters."""
    name = node.name.strip("_")
    if name in VAGUE or is_participle(name):
        yield "participle function", node.lineno, node.name
    if name.startswith("of_") or name.endswith("_of"):
        yield "function named of_x or x_of", node.lineno, node.name
    lines = node.end_lineno - node.lineno + 1
    if lines > LINES_IN_A_FUNCTION:
        yield "function over 40 lines", node.lineno, f"{node.name}, {lines}"
    if count_parameters(node) > PARAMETERS and not is_interface:
        yield "function over 5 parameters", node.lineno, node.name


def list_interfaces(tree: ast.Module) -> list[ast.FunctionDef]:
    """List pipelines, components and commands: their parameters are what users type, and stay as they are."""
    return [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and INTERFACE & decorator_names(node)]


def decorator_names(node: ast.FunctionDef) -> set[str]:
    """Return the last part of the name of each decorator."""
    names = set()
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        names.add(target.attr if isinstance(target, ast.Attribute) else target.id)
    return names


def list_arguments(node: ast.FunctionDef) -> list[ast.arg]:
    """List positional and keyword parameters."""
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def count_parameters(node: ast.FunctionDef) -> int:
    """Count positional and keyword parameters, without self and cls."""
    return len([argument for argument in list_arguments(node) if argument.arg not in ("self", "cls")])


def check_docstring(node: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Yield breaches of the first line of a docstring."""
    docstring = ast.get_docstring(node)
    if not docstring:
        return
    first = docstring.splitlines()[0]
    if len(first.split()) > WORDS_IN_A_DOCSTRING:
        yield "docstring over 15 words", node.lineno, first
    if ";" in first or "?" in first:
        yield "docstring with semicolon or question", node.lineno, first
    if isinstance(node, FUNCTIONS) and NOT_IMPERATIVE.search(first):
        yield "docstring not imperative", node.lineno, first


def has_inner_comprehension(node: ast.AST) -> bool:
    """Tell whether a comprehension holds another one."""
    return any(isinstance(inner, COMPREHENSIONS) for inner in ast.walk(node) if inner is not node)


def is_tuple_assignment(node: ast.Assign) -> bool:
    """Tell whether several values are assigned to several names at once."""
    return isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)


def long_test_names(path: Path) -> list[tuple[int, str]]:
    """Return line and name of the tests whose names have over eight words."""
    return [
        (node.lineno, node.name)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and len(node.name.split("_")) - 1 > WORDS_IN_A_TEST_NAME
    ]


def release_subscripts_per_1000_lines(root: Path = ROOT) -> float:
    """Return how often the release reads a value by a string key, per 1,000 lines."""
    subscripts = 0
    lines = 0
    for path in list_sources(root, ("components/release",)):
        lines += len(path.read_text().splitlines())
        subscripts += sum(is_string_subscript(node) for node in ast.walk(parse(path)))
    return 1000 * subscripts / lines


def is_string_subscript(node: ast.AST) -> bool:
    """Tell whether a node is a subscript with a string in it."""
    return (
        isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    )


def main(prefixes: list[str]) -> int:
    """Print the number of breaches of each rule, and each place below the prefixes that are given."""
    breaches = find_breaches()
    for breach in breaches:
        if any(breach.path.startswith(prefix) for prefix in prefixes):
            print(breach)
    counts = Counter(breach.rule for breach in breaches)
    for rule in sorted(counts):
        print(f"{counts[rule]:5} {rule}")
    print(f"{release_subscripts_per_1000_lines():5.0f} string subscripts per 1,000 lines of the release")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
