"""What the student costs besides its answers: loading, its extractor, preparing items, training; and the GEMM peak."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from bench.ablation_data import esci_tables
from bench.asked import Asked
from components.contracts import LABELS
from components.student.export import TOKENS, Apart, Together, write
from components.student.model import LrkdConfig, Student
from components.student.package import load as loaded
from components.student.runtime import Graph, joined
from components.student.score import config_of, tokenizer_of
from components.student.tokens import OVERLAPS, PairTokenizer, padded

WIDTH, INNER, LAYERS = 384, 1536, 6  # of MiniLM-L6


def tables(esci: Path, folder: Path) -> tuple[Path, Path]:
    """ESCI's training set, and rationales by rule: enough to train a student whose quality does not matter."""
    known = esci_tables(folder.parent / "ablation", esci)
    return known.training_set, known.embeddings("rule")


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
    tokenizer = tokenizer_of(package, config_of(package))
    (asked,) = tokenizer.queries([query])
    return [(len(asked), len(item)) for item in tokenizer.items(items)]


def flops(kind: str, requests: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
    """Useful FLOP of each request, (N,): matrix products of the tokens that are there, padding not counted."""
    token = 2 * (4 * WIDTH**2 + 2 * WIDTH * INNER)

    def layer(length: int) -> int:
        return length * token + 4 * length**2 * WIDTH

    def last(length: int) -> int:
        return length * 4 * WIDTH**2 + token - 4 * WIDTH**2 + 4 * length * WIDTH

    def request(pairs: Sequence[tuple[int, int]]) -> int:
        if kind == "cross":
            return sum((LAYERS - 1) * layer(query + item) + last(query + item) for query, item in pairs)
        return LAYERS * (layer(pairs[0][0]) + sum(layer(item) for _, item in pairs))

    return np.array([request(pairs) for pairs in requests], float)


def preparing(package: Path, asked) -> dict:
    """What it costs to read an item ahead, and what it takes to remember it."""
    from components.student.score import Scorer

    scorer = Scorer(package)
    (_, items) = next(islice(asked(200), 1))
    _, known, _ = scorer.tokenise([("", item) for item in items])
    scorer.model.prepare([known[items[0]]])  # warms it
    rest = [known[item] for item in items[1:]]
    began = time.process_time()
    scorer.model.prepare(rest)
    took = time.process_time() - began
    return {
        "prepare_cpu_ms_per_item": round(1000 * took / len(rest), 3),
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


class Without(torch.nn.Module):
    """A student whose extractor is left out: the label is read from the rest."""

    def __init__(self, student: Student):
        super().__init__()
        self.student = student
        read = student.classifier.in_features - student.extractor.out.out_features
        student.variant, student.extractor = "auxiliary", Nothing()
        student.classifier = torch.nn.Linear(read, len(LABELS))

    def forward(self, states, attention_mask, token_type_ids, overlap):
        return self.student.together(states, attention_mask, token_type_ids, overlap)[0]


class Nothing(torch.nn.Module):
    """No extractor."""

    def forward(self, states, mask, segments, *numbers):
        return states[:, 0]


def extractor(student: Path, rounds: int = 21) -> dict:
    """What the extractor adds to a request of 50 items, new or known, beside the same student without it: percent."""
    states, ids = torch.randn(2, 8, WIDTH), torch.ones(2, 8, dtype=torch.long)
    takes, example = ("states", *TOKENS[1:], "overlap"), (states, ids, ids, torch.zeros(2, len(OVERLAPS)))
    with TemporaryDirectory() as place:
        folder, graphs, tokenizer = Path(place), {}, PairTokenizer(student / "tokenizer.json", 96, 32)
        for name, made, gives in (("with", Together, ("logits", "reasoning")), ("without", Without, ("logits",))):
            write(made(loaded(student)[0]), example, takes, gives, folder / f"{name}.onnx")
            graphs[name] = Graph(folder / f"{name}.onnx", 1, tokenizer), list(gives)
        write(Apart(loaded(student)[0]), (ids, ids, ids), TOKENS, ("states",), folder / "apart.onnx")
        apart, rng = Graph(folder / "apart.onnx", 1, tokenizer), np.random.default_rng(0)
        added = {"known": [], "new": []}
        for _ in range(rounds):
            queries, items = ([rng.integers(999, 9999, n).tolist() for _ in range(50)] for n in (8, 24))
            read = {"known": took(apart, ["states"], padded(queries[:1], [()]))}
            read["new"] = read["known"] + took(apart, ["states"], padded([()] * 50, items))
            known = [rng.normal(size=(rows, WIDTH)).astype(np.float32) for rows in (8, 1)]
            given = joined([known[0]] * 50, [known[1]] * 50) | {"overlap": tokenizer.overlaps(queries, items)}
            cost = {name: took(graph, gives, given) for name, (graph, gives) in graphs.items()}
            for kind, reading in read.items():
                added[kind].append((cost["with"] - cost["without"]) / (reading + cost["without"]))
    percent = {kind: round(100 * float(np.median(shares)), 2) for kind, shares in added.items()}
    return {"extractor_overhead_percent": percent["new"], "extractor_overhead_percent_known_items": percent["known"]}


def took(graph: Graph, gives: list[str], given: dict) -> float:
    """CPU seconds of one run, the median of five."""
    times = []
    for _ in range(5):
        began = time.process_time()
        graph(gives, given)
        times.append(time.process_time() - began)
    return float(np.median(times))


def training(folder: Path, config: LrkdConfig, rounds: int = 3) -> dict:
    """Pairs a CPU second of our training over the same trainer's with random batches, padded to their longest pair."""
    rates: dict[str, list] = {"group_by_length": [], "random": []}
    shares = {}
    for number in range(rounds):
        for order in sorted(rates, reverse=bool(number % 2)):
            command = [sys.executable, "-m", "bench.student_costs", str(folder), replace(config, seed=number).to_json()]
            said = subprocess.run([*command, order], capture_output=True, text=True, check=True).stdout
            found = json.loads(said.splitlines()[-1])
            rates[order].append(found["rate"])
            shares[order] = found["token_share"]
    ratios = np.array(rates["group_by_length"]) / np.array(rates["random"])
    return {
        "training_speedup": round(float(np.median(ratios)), 3),
        "training_speedup_low": round(float(ratios.min()), 3),
        "training_speedup_high": round(float(ratios.max()), 3),
        "training_pairs_per_cpu_second": round(float(np.median(rates["group_by_length"])), 1),
        "training_token_share": shares["group_by_length"],
    }


def trained_for_a_moment(folder: str, config: str, order: str, steps: int = 20) -> dict:
    """Pairs a CPU second of so many steps, in batches of this order; the first is not counted."""
    from datasets import Dataset
    from transformers import TrainerCallback

    from components.student.examples import write_examples
    from components.student.model import new_student
    from components.student.train import student_tokenizer
    from components.student.trainer import LrkdTrainer, settings_of

    torch.set_num_threads(1)
    settings, began = LrkdConfig.from_json(config), []
    known = Path(folder).parent / "ablation" / "esci"
    with TemporaryDirectory() as work:
        tokenizer = student_tokenizer(settings, Path(work))
        made = write_examples((known / "training_set", known / "embeddings-rule"), tokenizer, settings, Path(work))
        examples = Dataset.from_file(f"{work}/train.arrow")
        arguments = settings_of(settings, work, len(examples))
        arguments.max_steps, arguments.train_sampling_strategy = steps, order
        trainer = LrkdTrainer(settings, new_student(settings, made["width"]), arguments, examples)

        class Clock(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                began.append(time.process_time())

        trainer.add_callback(Clock())
        trainer.train()
    rate = (steps - 1) * settings.batch_size / (began[-1] - began[0])
    return {"rate": rate, "token_share": trainer.token_share}


if __name__ == "__main__":
    print(json.dumps(trained_for_a_moment(*sys.argv[1:])))
