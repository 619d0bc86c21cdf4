"""Write where the seconds of the test suite go: `python -m bench.suite_seconds JUNIT.xml WORKERS [REMARK]`.

`make test` with PYTEST_ADDOPTS=--junitxml=JUNIT.xml leaves that file. Seconds are those of tests with their fixtures,
added up over the workers, which wait for servers part of the time. They go to bench/results/tests.json.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from bench.figures import show, write_results

USAGE = "give the file that PYTEST_ADDOPTS=--junitxml=FILE left, the number of workers, and a remark if you like"
OUTCOMES = ("tests", "failures", "errors", "skipped")


def count_seconds(suite: ElementTree.Element) -> Counter:
    """Return the seconds of every group: a folder of tests, or a file that lies in none."""
    seconds: Counter = Counter()
    for case in suite.iter("testcase"):
        parts = (case.get("classname") or case.get("name")).split(".")  # a file that is skipped whole has a name alone
        seconds["_".join(parts[1 : 3 if parts[1] == "components" and len(parts) > 3 else 2])] += float(case.get("time"))
    return seconds


def describe_suite(path: Path, workers: int) -> dict:
    """Return the figures of a finished suite."""
    suite = ElementTree.parse(path).getroot().find("testsuite")
    groups = count_seconds(suite)
    figures = {name: int(suite.get(name)) for name in OUTCOMES} | {"workers": workers}
    figures["suite_minutes"] = round(float(suite.get("time")) / 60, 1)
    figures["worker_seconds"] = round(groups.total())
    return figures | {f"{name}_seconds": round(seconds) for name, seconds in groups.most_common()}


def main(arguments: Sequence[str]) -> int:
    """Read the file, print its figures and write them."""
    if len(arguments) not in (2, 3) or not Path(arguments[0]).is_file() or not arguments[1].isdigit():
        print(USAGE)
        return 2
    figures = describe_suite(Path(arguments[0]), int(arguments[1]))
    show("the test suite", figures)
    remark = "; ".join(["`make test` on a fresh clone, its environment installed before", *arguments[2:]])
    print(write_results("tests", figures, remark))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
