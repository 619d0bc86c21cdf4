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
ANSWER_S = 120  # a process that says nothing for so long is ended


class Asked:
    """A scoring process that answers line by line; it is ended when the block ends."""

    def __init__(self, python: Path, kind: str, folder: Path, *arguments):
        command = [str(python), str(Path(__file__).with_name("askers.py")), kind, str(folder), *map(str, arguments)]
        bound = {
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": os.getcwd() if kind == "ours" else "",
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=os.environ | bound, **pipes)
        self.answer()

    def answer(self) -> dict:
        """The next line that is JSON: libraries print as well.

        Raises:
            RuntimeError: the process ended, or was ended for its silence, with its last words.
        """
        silence = Timer(ANSWER_S, self.process.kill)
        silence.start()
        try:
            for line in self.process.stdout:
                if line.startswith("{"):
                    return json.loads(line)
        finally:
            silence.cancel()
        raise RuntimeError(f"{self.process.args} ended:\n{self.process.stderr.read()[-2000:]}")

    def ask(self, query: str, items: list[str]) -> dict:
        """One request, and what it took."""
        self.process.stdin.write(json.dumps({"query": query, "items": items}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End the process; one that does not end by itself is killed."""
        try:
            self.process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Asked":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def requests_of(esci: Path) -> Callable[[int], Iterator[tuple[str, list[str]]]]:
    """A function from a number of items to requests: each query once, its items drawn from 2,000 titles."""
    rows = pq.read_table(esci / ESCI_PAIRS, columns=["query", "product_title", "locale"]).to_pylist()
    rows = [row for row in rows if row["locale"] == "us"]
    rng = np.random.default_rng(0)
    queries = rng.permutation(sorted({row["query"] for row in rows})).tolist()
    titles = rng.permutation(sorted({row["product_title"] for row in rows})).tolist()[:CATALOGUE]

    def requests(size: int) -> Iterator[tuple[str, list[str]]]:
        for query in queries:
            yield query, [titles[n] for n in rng.choice(len(titles), size, replace=False)]

    return requests
