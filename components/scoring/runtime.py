"""What runs a package's graphs, in batches of texts alike in length.

B pairs, T tokens, H encoder width, D width of a token's vector, X width of the hidden vector, C labels.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.scoring import openvino_runtime
from components.scoring.batching import length_batches, length_buckets, run_in_batches
from components.scoring.item import Ids, Item
from components.scoring.onnx_runtime import Graph
from components.scoring.openvino_runtime import OpenVinoGraph
from components.scoring.package_config import ONNX_RUNTIME, PackageConfig
from components.scoring.packing import text_arrays
from components.scoring.page_features import FEW_ITEMS, page_features
from components.scoring.pair_arrays import interaction_arrays, page_arrays
from components.scoring.query_cache import QueryCache
from components.scoring.tokenizer import PairTokenizer, QueryTokens, pad_pairs

Encoder = Graph | OpenVinoGraph
QUERY = 0  # segment of a query's tokens
ITEM = 1
PAGE_ITEMS = 70  # of one query that are scored at a time
logger = logging.getLogger(__name__)


class CrossEncoderRuntime:
    """One graph that reads the tokens of query and item together."""

    def __init__(self, path: Path, tokenizer: PairTokenizer, threads: int):
        self.graph = Graph(path, threads)
        self.tokenizer = tokenizer

    def __call__(self, queries: Sequence[Ids], items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
        """Score tokenised pairs, in their order: logits (N, C) and hidden vectors (N, X)."""

        def run(indices: np.ndarray) -> list[np.ndarray]:
            query_ids = [queries[index] for index in indices]
            item_ids = [items[index].ids for index in indices]
            return self.graph(pad_pairs(query_ids, item_ids) | features_for(self, query_ids, item_ids))

        lengths = [len(query) + len(item.ids) for query, item in zip(queries, items, strict=True)]
        return run_in_batches(length_buckets(lengths), run)


class LateInteractionRuntime:
    """Two graphs: one encodes query and item separately, the other lets them interact."""

    def __init__(self, encoder: Encoder, graph: Graph, tokenizer: PairTokenizer, mean_only: bool):
        self.encoder = encoder
        self.graph = graph
        self.tokenizer = tokenizer
        self.mean_only = mean_only
        self.queries = QueryCache(self.encode_query)

    def __call__(self, queries: Sequence[Ids], items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
        """Score tokenised pairs, in their order: logits (N, C) and hidden vectors (N, X).

        Items keep the states that are computed here. Each query is encoded alone: in dynamic int8 all texts of a batch
        share their scales, and the score of a known item must not depend on the rest of the request.
        """
        self.encode_items(items)
        keys = list(map(tuple, queries))
        encodings = {key: self.queries(key) for key in dict.fromkeys(keys)}
        return self.interact([encodings[key] for key in keys], items)

    def encode_query(self, ids: tuple[int, ...]) -> Item:
        """Encode one query, in arrays that keep no more in memory than they hold."""
        query = self.encode_separately([ids], QUERY)[0]
        vectors = None if query.vectors is None else query.vectors.copy()
        return Item(ids, query.states.copy(), vectors)

    def encode_items(self, items: Sequence[Item]) -> None:
        """Compute the states of every item that has none yet."""
        fresh = list({id(item): item for item in items if item.states is None}.values())
        encodings = self.encode_separately([item.ids for item in fresh], ITEM)
        for item, encoding in zip(fresh, encodings, strict=True):
            item.states = encoding.states.astype(np.float16)
            item.vectors = None if encoding.vectors is None else encoding.vectors.astype(np.float16)

    def encode_separately(self, texts: Sequence[Ids], segment: int) -> list[Item]:
        """Encode queries or items to states and, where tokens are matched, vectors.

        States are (T, H) or their mean (1, H), vectors (T, D).
        """
        encodings: list = [None] * len(texts)
        lengths = [len(ids) for ids in texts]
        for batch in self.encoder.batches(lengths):
            outputs = self.encoder(text_arrays(texts, batch, segment))
            for span in batch.spans(lengths):
                states, *vectors = [output[span.row, span.start : span.end] for output in outputs]
                if self.mean_only:
                    states = states.mean(0, keepdims=True)
                encodings[span.text] = Item(texts[span.text], states, *vectors)
        return encodings

    def interact(self, queries: Sequence[Item], items: Sequence[Item]) -> tuple[np.ndarray, np.ndarray]:
        """Score pairs whose sides are encoded: logits (N, C) and hidden vectors (N, X)."""

        features = features_for(self, [query.ids for query in queries], [item.ids for item in items])

        def run(indices: np.ndarray) -> list[np.ndarray]:
            numbers = indices.tolist()
            sides = [queries[number] for number in numbers], [items[number] for number in numbers]
            arrays = page_arrays(*sides) if "item_means" in self.graph.input_names else interaction_arrays(*sides)
            return self.graph(arrays | {name: array[indices] for name, array in features.items()})

        lengths = [len(item.ids) for item in items]
        if not self.mean_only:  # else each side is one vector, and there is only the padding of items' token vectors
            lengths = [len(query.ids) + length for query, length in zip(queries, lengths, strict=True)]
        return run_in_batches(length_batches(lengths, PAGE_ITEMS) if self.mean_only else length_buckets(lengths), run)


Runtime = CrossEncoderRuntime | LateInteractionRuntime


def load_runtime(package: Path, config: PackageConfig, tokenizer: PairTokenizer, threads: int = 1) -> Runtime:
    """Load what runs a package's graphs."""
    path = Path(package) / config.served_graph
    if config.item_states == "none":
        return CrossEncoderRuntime(path, tokenizer, threads)
    encoder = load_encoder(path.with_name(encoder_name(path.name)), config, threads)
    return LateInteractionRuntime(encoder, Graph(path, threads), tokenizer, config.item_states == "mean")


def load_encoder(path: Path, config: PackageConfig, threads: int) -> Encoder:
    """Load an encoder in the package's runtime, or in what there is.

    What differs from the package is logged. The labels are the same, but for pairs between two of them: speed is lost,
    and a server that answers is worth more.
    """
    if config.runtime == ONNX_RUNTIME:
        return Graph(path, threads)
    if not openvino_runtime.is_installed():
        logger.warning(
            "The package is made for OpenVINO, which is not installed: ONNX Runtime reads %s, which takes more time. "
            "Install the extra 'openvino', or make the package where it is missing.",
            path.name,
        )
        return Graph(path, threads)
    if not openvino_runtime.supports(config.precision):
        logger.warning(
            "The package is made for %s, which this processor lacks: OpenVINO computes in f32, which takes more time.",
            config.precision,
        )
        return OpenVinoGraph(path, "f32")
    return OpenVinoGraph(path, config.precision)


def features_for(runtime: Runtime, queries: Sequence[Ids], items: Sequence[Ids]) -> dict[str, np.ndarray]:
    """Compute the pairs' lexical features where the runtime's graph reads them."""
    if "overlap" not in runtime.graph.input_names:
        return {}
    is_page = len(items) >= FEW_ITEMS and all(query is queries[0] for query in queries)
    if not is_page:
        return {"overlap": runtime.tokenizer.lexical_features(queries, items)}
    return {"overlap": page_features(QueryTokens(queries[0], runtime.tokenizer.number_ids), items)}


def encoder_name(interaction: str) -> str:
    """Return the file name of the encoder that belongs to an interaction graph."""
    return interaction.replace("interaction", "encoder")
