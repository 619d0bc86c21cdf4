"""A shop with few judged queries: its pairs, its students, and what its shoppers click.

Symbols: Q queries, N items retrieved for each, P places of a page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from bench.interleaving.world import load_world
from bench.workbench.click_labels import Pair
from components import contracts
from components.contracts import GAINS, LABELS
from components.metrics import ndcg
from components.packaging.package import load_student
from components.sampling import hash_fraction
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.encoder import freeze_lower_layers, frozen_layers
from components.student.frozen_states import ITEM, QUERY, FrozenStates, compute_frozen_states, name_text
from components.student.late_interaction import LateInteractionStudent
from components.student.logits import pair_batches
from components.student.train import train
from pipelines.profiles import laptop
from simulation.shopping_world import Query, World, load

JUDGED_QUERIES = 30
SEARCHED_QUERIES = 100  # that nobody judged
# a late-interaction student's head, fitted on a frozen encoder: seconds a night
STUDENT = replace(laptop().student, max_length=48, epochs=0, trained_layers=-1, align_weight=0.0)
GAIN = torch.tensor([GAINS[label] for label in LABELS])


@dataclass
class Marketplace:
    """All queries of the marketplace, its judgements, and which queries are held out."""

    world: World
    judgements: dict[Pair, dict]
    held_out: frozenset[str]
    frozen_states: FrozenStates | None = None  # of the encoder, which no student changes

    @classmethod
    def load(cls, folder: Path) -> "Marketplace":
        """Generate the marketplace below a folder, where it is not there yet, and load it."""
        load_world(folder)  # writes prepared.parquet, by the product's own preparation
        rows = list(contracts.read_batches(contracts.JUDGEMENTS, folder / "prepared.parquet"))
        everything = folder / "all_queries.parquet"
        contracts.write([row | {"split": "valid"} for row in rows], contracts.JUDGEMENTS, everything)
        judgements = {(row["query_id"], row["item_id"]): row for row in rows}
        held_out = frozenset(row["query_id"] for row in rows if row["split"] != "train")
        return cls(load(everything, folder / "truth.parquet"), judgements, held_out)

    def states(self, student: LateInteractionStudent, queries: Sequence, items: Sequence) -> FrozenStates:
        """Return the encoder's states of tokenised pairs, computed for what is new alone."""
        pairs = [{"query": query, "item": item} for query, item in zip(queries, items, strict=True)]
        before = self.frozen_states
        if before is not None:
            pairs = [pair for pair in pairs if not has_states(before, pair)]
        if pairs:
            states = compute_frozen_states(student, pairs)
            self.frozen_states = join_states(before, states) if before else states
        return self.frozen_states


def has_states(states: FrozenStates, pair: Mapping) -> bool:
    """Return whether the states of a pair's two texts are there."""
    return {name_text(QUERY, pair["query"]), name_text(ITEM, pair["item"])} <= states.first_token.keys()


def join_states(before: FrozenStates, after: FrozenStates) -> FrozenStates:
    """Return the states of both."""
    moved = {text: first + len(before.states) for text, first in after.first_token.items()}
    return FrozenStates(torch.cat([before.states, after.states]), before.first_token | moved)


class Shop:
    """One shop: the queries that people judged, those that shoppers search, and those held out for the truth."""

    def __init__(self, market: Marketplace, seed: int):
        self.market = market
        self.seed = seed
        others = [query for query in market.world.queries if query.query_id not in market.held_out]
        others.sort(key=lambda query: hash_fraction(f"shop {seed}\n{query.query_id}"))
        self.judged = others[:JUDGED_QUERIES]
        self.searched = others[JUDGED_QUERIES : JUDGED_QUERIES + SEARCHED_QUERIES]
        self.held_out = [query for query in market.world.queries if query.query_id in market.held_out]
        self.queries = [*self.judged, *self.searched, *self.held_out]
        self.items = {query.query_id: market.world.retrieve(query) for query in self.queries}
        judged_ids = {query.query_id for query in self.judged}
        self.judged_rows = [row for (query_id, _), row in market.judgements.items() if query_id in judged_ids]
        self.rows = [self.pair_row(query, item) for query in self.queries for item in self.items[query.query_id]]

    def training_rows(self, click_labels: Mapping[Pair, str]) -> list[dict]:
        """Return TRAINING_SET rows: of people's labels, and of those from clicks."""
        queries = {query.query_id: query for query in self.queries}
        rows = [*self.judged_rows]
        for (query_id, item_id), label in click_labels.items():
            rows.append(self.pair_row(queries[query_id], item_id) | {"label": label})
        return [row | dict.fromkeys(contracts.FEATURES, 0.0) | {"split": "train"} for row in rows]

    def pair_row(self, query: Query, item_id: str) -> dict:
        """Return a pair's texts as a JUDGEMENTS row without a label."""
        texts = {"query_id": query.query_id, "query": query.query, "locale": query.locale, "item_id": item_id}
        empty = dict.fromkeys(contracts.JUDGEMENTS.names)
        return empty | self.market.world.texts[item_id] | texts | {"query_class": query.query_class}

    def train_student(self, rows: Sequence[dict]) -> np.ndarray:
        """Fit a student's head and return its scores of all queries' items, (Q, N)."""
        with TemporaryDirectory() as folder:
            tables = [Path(folder, name) for name in ("training_set.parquet", "embeddings.parquet")]
            contracts.write(rows, contracts.TRAINING_SET, tables[0])
            contracts.write([], contracts.RATIONALE_EMBEDDINGS, tables[1])
            train(*tables, STUDENT, Path(folder, "student"))
            return self.score(Path(folder, "student"))

    def score(self, folder: Path) -> np.ndarray:
        """Return a student's expected gain of each query's items, (Q, N)."""
        student, config = load_student(folder)
        freeze_lower_layers(student.encoder, STUDENT.trained_layers)
        student.frozen_layers = frozen_layers(student.encoder)
        tokenizer = PairTokenizer(folder / "tokenizer.json", config["max_length"], config["query_length"])
        queries = tokenizer.encode_queries([row["query"] for row in self.rows])
        items = tokenizer.encode_items([item_text(row) for row in self.rows])
        states = self.market.states(student, queries, items)
        gains = torch.zeros(len(self.rows))
        with torch.inference_mode():
            for numbers, batch in pair_batches(queries, items, tokenizer.lexical_features(queries, items)):
                inputs = {name: batch[name] for name in student.inputs}
                texts = [queries[number] for number in numbers], [items[number] for number in numbers]
                logits = student(**inputs, frozen_states=states.pad(*texts))[0]
                gains[numbers] = logits.softmax(-1) @ GAIN
        return gains.numpy().reshape(len(self.queries), -1)

    def measure(self, scores: np.ndarray) -> np.ndarray:
        """Return each query's NDCG@10 by the hidden truth, (Q,)."""
        values = []
        for query, query_scores in zip(self.queries, scores, strict=True):
            labels = [query.labels.get(item, "Irrelevant") for item in self.items[query.query_id]]
            values.append(ndcg(np.array([GAINS[label] for label in labels]), query_scores))
        return np.array(values)
