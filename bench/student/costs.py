"""Costs of the student besides its answers: loading, the extractor, encoding items; and the GEMM peak."""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import nn

from bench.ablation.data import esci_rationales
from bench.student.load_client import ScoringWorker
from components.contracts import LABELS
from components.packaging.export import GraphSpec, fold_output_layer, interaction_graph, write_graph
from components.packaging.package import load_student
from components.packaging.page_interaction import mean_parts
from components.scoring.onnx_runtime import Graph
from components.scoring.package_config import read_config
from components.scoring.pair_arrays import page_arrays
from components.scoring.scorer import Scorer, load_tokenizer
from components.student.late_interaction import LateInteractionStudent, Side
from components.student.layers import ConcatLinear

WIDTH = 384  # of MiniLM-L6, as all three
INNER_WIDTH = 1536
LAYERS = 6
GEMM_RUNS = 10


def tables(esci: Path, folder: Path) -> tuple[Path, Path]:
    """Return the paths of ESCI's training set and of rationales by rule, to train for speed alone."""
    rationales = esci_rationales(folder.parent / "ablation", esci)
    return rationales.training_set, rationales.embeddings("rule")


def gemm_peak() -> float:
    """Measure FLOP a CPU second of a matrix product of the student's shape, on one thread."""
    from threadpoolctl import threadpool_limits

    left = np.ones((1600, WIDTH), np.float32)
    right = np.ones((WIDTH, INNER_WIDTH), np.float32)
    with threadpool_limits(1):
        start = time.process_time()
        for _ in range(GEMM_RUNS):
            left @ right
        seconds = time.process_time() - start
    return GEMM_RUNS * 2 * left.shape[0] * WIDTH * INNER_WIDTH / seconds


def pair_tokens(package: Path, query: str, items: Sequence[str]) -> list[tuple[int, int]]:
    """Count the tokens of the query and of the item of each pair."""
    tokenizer = load_tokenizer(package, read_config(package))
    (query_ids,) = tokenizer.encode_queries([query])
    return [(len(query_ids), len(item)) for item in tokenizer.encode_items(items)]


def flops(kind: str, requests: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
    """Count the useful FLOP of each request: (N,), matrix products without padding."""
    token = 2 * (4 * WIDTH**2 + 2 * WIDTH * INNER_WIDTH)

    def layer(length: int) -> int:
        return length * token + 4 * length**2 * WIDTH

    def request(pairs: Sequence[tuple[int, int]]) -> int:
        if kind == "cross":
            return sum(LAYERS * layer(query + item) for query, item in pairs)
        return LAYERS * (layer(pairs[0][0]) + sum(layer(item) for _, item in pairs))

    return np.array([request(pairs) for pairs in requests], float)


def encoding_costs(package: Path, requests: Callable) -> dict:
    """Measure the CPU time of encoding an item, and the memory of its states."""
    scorer = Scorer(package)
    _, texts = next(islice(requests(200), 1))
    items = scorer.find_items(texts)
    scorer.runtime.encode_items([items[texts[0]]])  # warms it
    rest = [items[text] for text in texts[1:]]
    seconds = cpu_seconds(scorer.runtime.encode_items, rest)
    return {
        "prepare_cpu_ms_per_item": round(1000 * seconds / len(rest), 3),
        "prepare_bytes_per_item": round(float(np.mean([item.bytes for item in items.values()]))),
    }


def loading_costs(package: Path, requests: Callable, rounds: int = 5) -> dict:
    """Measure CPU seconds and memory of a fresh process up to its first answer."""
    query, items = next(requests(50))
    answers = []
    for _ in range(rounds):
        with ScoringWorker(Path(sys.executable), "ours", package, 0, "warm") as process:
            answers.append(process.score(query, items[:1]))
    return {
        "load_cpu_seconds": round(float(np.median([answer["total_cpu_s"] for answer in answers])), 3),
        "memory_mb": round(float(np.median([answer["memory_mb"] for answer in answers])), 1),
    }


class InteractionWithoutExtractor(nn.Module):
    """Compares encoded sides, and reads the label without any reasoning."""

    def __init__(self, student: LateInteractionStudent):
        super().__init__()
        self.student = student
        means, comparison, _ = student.classifier.widths
        self.classifier = ConcatLinear([means // 4] * 4 + [comparison], len(LABELS))

    def forward(self, query_means, query_vectors, item_means, item_vectors, overlap):
        query = Side(query_means, query_vectors)
        item = Side(item_means.float(), item_vectors.float())
        features, comparison = self.student.match(query, item, overlap)
        logits = self.classifier(*mean_parts(query.mean, item.mean), comparison)
        return logits + self.student.overlap_head(features)


def extractor_costs(package: Path, student: Path, requests: Callable, rounds: int = 41) -> dict:
    """Measure what the extractor adds to a request of 50 items, new or known, in percent.

    It is the time of a graph with it less the time of one without, on the same arrays, in turn with the requests.
    """
    scorer = Scorer(package)
    shares: dict[str, list[float]] = {"new": [], "known": []}
    with TemporaryDirectory() as folder:
        graphs = head_graphs(student, Path(folder))
        for query, items in islice(requests(50), rounds):
            pairs = [(query, item) for item in items]
            scorer.items.clear()
            scorer.precomputed_items.rows.clear()
            seconds = {}
            for kind in shares:  # the second time, items are known
                scorer.runtime.queries.clear()
                seconds[kind] = cpu_seconds(scorer, pairs)
            arrays = request_arrays(scorer, pairs)
            extra = graph_seconds(graphs["with"], arrays) - graph_seconds(graphs["without"], arrays)
            for kind, whole in seconds.items():
                shares[kind].append(extra / (whole - extra))
    percent = {kind: round(100 * float(np.median(values)), 2) for kind, values in shares.items()}
    return {"extractor_overhead_percent": percent["new"], "extractor_overhead_percent_known_items": percent["known"]}


def request_arrays(scorer: Scorer, pairs: list[tuple[str, str]]) -> dict[str, np.ndarray]:
    """Return the arrays of known items, as many as the pairs, with an item in the query's stead."""
    tokenised = scorer.tokenise(pairs)
    items = [tokenised.items[text] for _, text in pairs]
    arrays = page_arrays(items[:1] * len(items), items)
    features = scorer.tokenizer.lexical_features(tokenised.queries, [item.ids for item in items])
    return arrays | {"overlap": features}


def head_graphs(student: Path, folder: Path) -> dict[str, Graph]:
    """Load the interaction graph as a package has it, and one without its extractor."""
    trained_student, _ = load_student(student)
    whole = interaction_graph(fold_output_layer(trained_student))
    reduced = GraphSpec(InteractionWithoutExtractor(trained_student), whole.inputs, ("logits",))
    graphs = {}
    for name, spec in (("with", whole), ("without", reduced)):
        write_graph(spec, folder / f"{name}.onnx")
        graphs[name] = Graph(folder / f"{name}.onnx", 1)
    return graphs


def cpu_seconds(run: Callable, *arguments) -> float:
    """Measure the CPU seconds of one run."""
    start = time.process_time()
    run(*arguments)
    return time.process_time() - start


def graph_seconds(graph: Graph, arrays: dict[str, np.ndarray]) -> float:
    """Measure the CPU seconds of a graph's run, the median of five."""
    return float(np.median([cpu_seconds(graph, arrays) for _ in range(5)]))
