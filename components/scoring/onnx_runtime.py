"""Runs a package's graphs in ONNX Runtime: pairs alike in length together, so that little of it is padding.

B pairs, T tokens, H encoder width, X width of what the extractor's last layer reads, C labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

from components.scoring.tokenizer import PairTokenizer, padded

Ids = Sequence[int]
BUCKET = 8  # pairs at least in a batch
BUCKETS = 8  # batches at most of one request


@dataclass
class Item:
    """An item's tokens, and, of a student that reads it apart, its states at the join, half precision: (T, H).

    Where the student reads their mean alone, that is all there is: (1, H); and the vectors that its tokens are matched
    by, where they are: (T, D).
    """

    ids: Ids
    states: np.ndarray | None = None
    vectors: np.ndarray | None = None

    @property
    def bytes(self) -> int:
        """What remembering it takes, with Python's own share."""
        return 300 + 8 * len(self.ids) + sum(part.nbytes for part in (self.states, self.vectors) if part is not None)


SLOW = ["SkipLayerNormFusion"]  # its kernel takes four times as long as the two it replaces, an eighth of int8 reading


class Graph:
    """An ONNX graph on so many threads, which do not spin while they wait; it takes of the arrays what it reads."""

    def __init__(self, path: Path, threads: int, tokenizer: PairTokenizer):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"], disabled_optimizers=SLOW)
        self.tokenizer = tokenizer
        self.reads = {given.name: given.shape for given in self.session.get_inputs()}
        self.gives = [made.name for made in self.session.get_outputs()]

    def __call__(self, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Its outputs, as `gives` names them."""
        return self.session.run(self.gives, {name: arrays[name] for name in self.reads})

    def of_pairs(self, arrays: dict, queries: Sequence[Ids], items: Sequence[Ids]) -> list[np.ndarray]:
        """Logits and hidden vectors of pairs, given as arrays and as tokens; OVERLAPS are counted where it reads them.

        Of these a graph of an earlier release reads the first so many, and it gives reasoning instead.
        """
        if "overlap" in self.reads:
            arrays["overlap"] = self.tokenizer.overlaps(queries, items)[:, : self.reads["overlap"][1]]
        return self(arrays)


class CrossEncoder:
    """One graph: the pair's tokens in, logits and hidden vectors out."""

    def __init__(self, served: Path, tokenizer: PairTokenizer, threads: int):
        self.graph = Graph(served, threads, tokenizer)

    def __call__(self, queries: Sequence[Ids], items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
        """Logits (N, C) and hidden vectors (N, X) of tokenised pairs, in their order."""

        def run(at: np.ndarray) -> list[np.ndarray]:
            pairs = [queries[n] for n in at], [items[n].ids for n in at]
            return self.graph.of_pairs(padded(*pairs), *pairs)

        lengths = [len(query) + len(item.ids) for query, item in zip(queries, items, strict=True)]
        return in_groups(buckets(lengths), run)


class LateJoin:
    """Two graphs: what reads query and item apart, each once, and what reads them together."""

    def __init__(self, served: Path, tokenizer: PairTokenizer, threads: int, pooled: bool):
        apart, self.pooled = served.with_name(encoder_name(served.name)), pooled
        self.apart, self.graph = (Graph(path, threads, tokenizer) for path in (apart, served))

    def __call__(self, queries: Sequence[Ids], items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
        """Logits (N, C) and hidden vectors (N, X) of tokenised pairs, in their order; items keep states made here.

        Each query is read alone, for in int8 all texts of a batch share their scales: what is said of an item that is
        known does not depend on what else was asked.
        """
        self.prepare(items)
        asked = [tuple(query) for query in queries]
        known = {query: self.read([query], lambda one: padded(one, [()]))[0] for query in dict.fromkeys(asked)}

        def run(at: np.ndarray) -> list[np.ndarray]:
            pairs = [known[asked[n]] for n in at], [items[n] for n in at]
            return self.graph.of_pairs(arrays_of(*pairs), *([side.ids for side in sides] for sides in pairs))

        if self.pooled:  # each side is one vector, so there is no padding to save
            return in_groups([np.arange(len(items))], run)
        lengths = [len(query) + len(item.states) for query, item in zip(asked, items, strict=True)]
        return in_groups(buckets(lengths), run)

    def prepare(self, items: Sequence[Item]) -> None:
        """Give every item its states that has none yet."""
        fresh = list({id(item): item for item in items if item.states is None}.values())
        made = self.read([item.ids for item in fresh], lambda some: padded([()] * len(some), some))
        for item, said in zip(fresh, made, strict=True):
            item.vectors, item.states = halved(said.vectors), said.states.astype(np.float16)

    def read(self, texts: Sequence[Ids], arrays: Callable) -> list[Item]:
        """Each of some texts, a query or an item, with its states at the join, or their mean, and vectors if any."""
        found: list = [None] * len(texts)
        for at in buckets([len(ids) for ids in texts]):
            states, *vectors = self.apart(arrays([texts[n] for n in at]))
            for row, n in enumerate(at):
                own, *beside = (part[row, : len(texts[n])] for part in (states, *vectors))
                found[n] = Item(texts[n], own.mean(0, keepdims=True) if self.pooled else own, *beside)
        return found


def encoder_name(interaction: str) -> str:
    """Return the name of the encoder's graph, from that of the interaction's; packages of format 5 have others."""
    return interaction.replace("interaction", "encoder").replace("together", "apart")


def buckets(lengths: Sequence[int]) -> list[np.ndarray]:
    """Indices of texts alike in length, shortest first."""
    order = np.argsort(lengths, kind="stable")
    return np.array_split(order, min(BUCKETS, -(-len(order) // BUCKET))) if len(order) else []


def in_groups(
    groups: Sequence[np.ndarray], run: Callable[[np.ndarray], list[np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Both outputs of all pairs, in their order, of a graph that is run on one group of their indices after another."""
    outputs = [run(at) for at in groups]
    back = np.argsort(np.concatenate(groups))
    logits, hidden = (np.concatenate(parts)[back] for parts in zip(*outputs, strict=True))
    return logits, hidden


def halved(vectors: np.ndarray | None) -> np.ndarray | None:
    """In half precision, where there are any."""
    return None if vectors is None else vectors.astype(np.float16)


def stacked(texts: Sequence[np.ndarray]) -> np.ndarray:
    """Vectors (T, D) of some texts as one array, zeros behind the shorter: (B, T, D)."""
    vectors = np.zeros((len(texts), max(map(len, texts)), texts[0].shape[1]), np.float32)
    for row, own in enumerate(texts):
        vectors[row, : len(own)] = own
    return vectors


def arrays_of(queries: Sequence[Item], items: Sequence[Item]) -> dict[str, np.ndarray]:
    """What is read of both sides of pairs together, whose states are known, but for OVERLAPS."""
    arrays = joined(*([side.states for side in sides] for sides in (queries, items)))
    if items[0].vectors is not None:
        arrays["query_vectors"], arrays["item_vectors"] = (
            stacked([side.vectors for side in sides]) for sides in (queries, items)
        )
    return arrays


def joined(queries: Sequence[np.ndarray], items: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """States (B, T, H), mask and segments (B, T) of pairs, padded to the longest."""
    shape = len(items), max(len(query) + len(item) for query, item in zip(queries, items, strict=True))
    states = np.zeros((*shape, items[0].shape[1]), np.float32)
    mask, segments = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for row, (query, item) in enumerate(zip(queries, items, strict=True)):
        middle, end = len(query), len(query) + len(item)
        states[row, :middle], states[row, middle:end] = query, item
        mask[row, :end], segments[row, middle:end] = 1, 1
    return {"states": states, "attention_mask": mask, "token_type_ids": segments}
