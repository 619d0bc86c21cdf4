"""Send queries and titles of real judgements, none twice, to a scoring worker."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import numpy as np
import pyarrow.parquet as pq

from bench.esci import ESCI_PAIRS

CATALOGUE = 2000
END_S = 10
ANSWER_S = 120  # a process that is silent for so long is killed


class ScoringWorker:
    """A scoring process that answers line by line, and ends with the block.

    `root` is the folder of the code that our own kinds measure: this one, unless it names another.
    """

    def __init__(self, python: Path, kind: str, folder: Path, *arguments, root: str = ""):
        root = root or str(Path(__file__).parents[2])
        script = Path(root) / "bench/student/scoring_workers.py"
        command = [str(python), str(script), kind, str(folder), *map(str, arguments)]
        environment = {
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]) if kind == "ours" else root,
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=os.environ | environment, **pipes)
        self.read_answer()

    def read_answer(self) -> dict:
        """Read the next line that is JSON, for libraries print as well.

        Raises:
            RuntimeError: the process ended, or was killed for its silence, with its last lines.
        """
        timer = Timer(ANSWER_S, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                if line.startswith("{"):
                    return json.loads(line)
        finally:
            timer.cancel()
        raise RuntimeError(f"{self.process.args} ended:\n{self.process.stderr.read()[-2000:]}")

    def score(self, query: str, items: list[str]) -> dict:
        """Score one request, and return the labels with the time."""
        self.process.stdin.write(json.dumps({"query": query, "items": items}) + "\n")
        self.process.stdin.flush()
        return self.read_answer()

    def close(self) -> None:
        """End the process, and kill it where it does not end by itself."""
        try:
            self.process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "ScoringWorker":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def esci_requests(esci: Path) -> Callable[[int], Iterator[tuple[str, list[str]]]]:
    """Return a function from a number of items to requests, none of which repeats a query.

    Items are drawn from 2,000 titles.
    """
    rows = pq.read_table(esci / ESCI_PAIRS, columns=["query", "product_title", "locale"]).to_pylist()
    rows = [row for row in rows if row["locale"] == "us"]
    rng = np.random.default_rng(0)
    queries = rng.permutation(sorted({row["query"] for row in rows})).tolist()
    titles = rng.permutation(sorted({row["product_title"] for row in rows})).tolist()[:CATALOGUE]

    def requests(size: int) -> Iterator[tuple[str, list[str]]]:
        for query in queries:
            yield query, [titles[number] for number in rng.choice(len(titles), size, replace=False)]

    return requests
