"""What the student costs besides its answers: loading, its extractor, preparing items; and the GEMM peak."""

import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.ablation.data import esci_rationales
from bench.student.load_client import Asked
from components.contracts import LABELS
from components.packaging.export import GraphSpec, Interaction, fold_output_layer, interaction_graph, write_graph
from components.packaging.package import load_student
from components.scoring.onnx_runtime import Graph, interaction_arrays
from components.scoring.package_config import read_config
from components.scoring.scorer import Scorer, load_tokenizer
from components.student.late_interaction import LateInteractionStudent, interaction_features
from components.student.layers import ConcatLinear

WIDTH, INNER, LAYERS = 384, 1536, 6  # of MiniLM-L6


def tables(esci: Path, folder: Path) -> tuple[Path, Path]:
    """ESCI's training set, and rationales by rule: enough to train a student whose quality does not matter."""
    rationales = esci_rationales(folder.parent / "ablation", esci)
    return rationales.training_set, rationales.embeddings("rule")


def gemm_peak() -> float:
    """FLOP a CPU second of a matrix product of the student's own shape, on one thread."""
    from threadpoolctl import threadpool_limits

    left, right = np.ones((1600, WIDTH), np.float32), np.ones((WIDTH, INNER), np.float32)
    with threadpool_limits(1):
        began = time.process_time()
        for _ in range(10):
            left @ right
    return 10 * 2 * left.shape[0] * WIDTH * INNER / (time.process_time() - began)


def pair_tokens(package: Path, query: str, items: Sequence[str]) -> list[tuple[int, int]]:
    """Tokens of the query and of the item of each pair."""
    tokenizer = load_tokenizer(package, read_config(package))
    (asked,) = tokenizer.encode_queries([query])
    return [(len(asked), len(item)) for item in tokenizer.encode_items(items)]


def flops(kind: str, requests: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
    """Useful FLOP of each request, (N,): matrix products of the tokens that are there, padding not counted."""
    token = 2 * (4 * WIDTH**2 + 2 * WIDTH * INNER)

    def layer(length: int) -> int:
        return length * token + 4 * length**2 * WIDTH

    def request(pairs: Sequence[tuple[int, int]]) -> int:
        if kind == "cross":
            return sum(LAYERS * layer(query + item) for query, item in pairs)
        return LAYERS * (layer(pairs[0][0]) + sum(layer(item) for _, item in pairs))

    return np.array([request(pairs) for pairs in requests], float)


def preparing(package: Path, asked) -> dict:
    """What it costs to read an item ahead, and what it takes to remember it."""
    scorer = Scorer(package)
    (_, items) = next(islice(asked(200), 1))
    known = scorer.find_items(items)
    scorer.runtime.encode_items([known[items[0]]])  # warms it
    rest = [known[item] for item in items[1:]]
    return {
        "prepare_cpu_ms_per_item": round(1000 * cpu_seconds(scorer.runtime.encode_items, rest) / len(rest), 3),
        "prepare_bytes_per_item": round(float(np.mean([item.bytes for item in known.values()]))),
    }


def load(package: Path, asked, rounds: int = 5) -> dict:
    """CPU seconds and memory of a fresh process from the package's folder to its first answer."""
    query, items = next(asked(50))
    said = []
    for _ in range(rounds):
        with Asked(Path(sys.executable), "ours", package, 0, "warm") as process:
            said.append(process.ask(query, items[:1]))
    return {
        "load_cpu_seconds": round(float(np.median([one["total_cpu_s"] for one in said])), 3),
        "memory_mb": round(float(np.median([one["memory_mb"] for one in said])), 1),
    }


class InteractionWithoutExtractor(Interaction):
    """Compares sides that are encoded, and reads the label without any reasoning."""

    def __init__(self, student: LateInteractionStudent):
        super().__init__(student)
        self.classifier = ConcatLinear(student.classifier.widths[:-1], len(LABELS))

    def forward(self, states, attention_mask, token_type_ids, overlap, *vectors):
        query, item = self.sides(states, attention_mask, token_type_ids, vectors)
        features, comparison = self.student.match(query, item, overlap)
        interaction = interaction_features(query.mean, item.mean)
        return self.classifier(interaction, comparison) + self.student.overlap_head(features)


def extractor(package: Path, student: Path, asked, rounds: int = 41) -> dict:
    """What the extractor adds to a request of 50 items, new or known, as the package answers it: percent of the rest.

    What it adds is one graph with it less one without, on the same arrays; in turn with the requests.
    """
    scorer, added = Scorer(package), {"new": [], "known": []}
    with TemporaryDirectory() as place:
        graphs = head_graphs(student, Path(place))
        for query, items in islice(asked(50), rounds):
            pairs = [(query, item) for item in items]
            scorer.items.clear()
            scorer.precomputed_items.rows.clear()
            spent = {kind: cpu_seconds(scorer, pairs) for kind in added}  # the second time they are known
            tokenised = scorer.tokenise(pairs)
            sides = [tokenised.items[item] for item in items]
            given = interaction_arrays(sides[:1] * 50, sides)
            given["overlap"] = scorer.tokenizer.lexical_features(tokenised.queries, [side.ids for side in sides])
            cost = {name: took(graph, given) for name, graph in graphs.items()}
            more = cost["with"] - cost["without"]
            for kind, request in spent.items():
                added[kind].append(more / (request - more))
    percent = {kind: round(100 * float(np.median(shares)), 2) for kind, shares in added.items()}
    return {"extractor_overhead_percent": percent["new"], "extractor_overhead_percent_known_items": percent["known"]}


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
    """CPU seconds of one run."""
    began = time.process_time()
    run(*arguments)
    return time.process_time() - began


def took(graph: Graph, given: dict) -> float:
    """CPU seconds of one run, the median of five."""
    return float(np.median([cpu_seconds(graph, given) for _ in range(5)]))
