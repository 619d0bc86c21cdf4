"""The tables of each arm: pairs of the marketplace of knowledge, and what a stand-in teacher says of them."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from bench.rationales.arms import ALIGNED, PLACEBO, PLACEBO_WITHIN, STUDENT, WITH_LABELS, Arm
from bench.rationales.stand_in import Answer, Pair, answer_with_errors, true_answers
from components import contracts
from components.rationales.embed import centre, embed
from components.sampling import hash_fraction
from simulation.knowledge.marketplace import Sizes, write_marketplace

TEST_QUERIES = 300
SIZES = Sizes(queries=TEST_QUERIES + 355, unjudged_queries=560)
EMBEDDER = STUDENT.encoder


@dataclass(frozen=True)
class Stage:
    """The marketplace below a folder, made once, and tables of its pairs."""

    folder: Path
    sizes: Sizes = SIZES
    test_queries: int = TEST_QUERIES
    skipped_queries: int = 0  # of the judged ones: settings are chosen without those that arms are tested on

    @cached_property
    def marketplace(self) -> Path:
        """Return the folder of the marketplace's files."""
        folder = self.folder / "marketplace"
        if not (folder / "facts.parquet").exists():
            write_marketplace(folder, self.sizes)
        return folder

    def rows(self, name: str) -> list[dict]:
        """Return the rows of one of the marketplace's files."""
        return pq.read_table(self.marketplace / f"{name}.parquet").to_pylist()

    @cached_property
    def truth(self) -> dict[Pair, Answer]:
        """Return the true facts of each pair."""
        return true_answers(self.rows("facts"))

    @cached_property
    def judged_queries(self) -> list[str]:
        """Return all judged queries in an order that is drawn: those to test on first."""
        ids = {row["query_id"] for row in self.rows("judgements")}
        return sorted(ids, key=lambda query_id: hash_fraction(f"order\n{query_id}"))[self.skipped_queries :]

    def answers(self, accuracy: float) -> dict[Pair, Answer]:
        """Return what a teacher of this accuracy says of each pair."""
        return {pair: answer_with_errors(pair, truth, accuracy) for pair, truth in self.truth.items()}

    def training_set(self, arm: Arm) -> Path:
        """Return the path of an arm's TRAINING_SET, with test pairs as its valid split.

        Arms whose rows are the same share it.
        """
        has_labels = arm.title in WITH_LABELS
        labels = f"labels {arm.accuracy:.2f}" if has_labels else "no labels"
        path = self.folder / f"tables from {self.skipped_queries}" / f"{arm.queries} queries, {labels}.parquet"
        if path.exists():
            return path
        test = set(self.judged_queries[: self.test_queries])
        train = set(self.judged_queries[self.test_queries :][: arm.queries])
        answers = self.answers(arm.accuracy) if has_labels else {}
        rows = [
            training_row(row, "valid" if row["query_id"] in test else "train", row["label"])
            for row in self.rows("judgements")
            if row["query_id"] in test | train
        ]
        for row in self.rows("unjudged"):
            answer = answers.get((row["query_id"], row["item_id"]))
            rows.append(training_row(row, "train", answer.label if answer else None))
        contracts.write(rows, contracts.TRAINING_SET, path)
        return path

    def embeddings(self, arm: Arm) -> Path:
        """Return the path of an arm's centred embeddings; without a teacher, of none."""
        if arm.title not in ALIGNED:
            return self.target_embeddings(0, arm.target)
        embeddings = self.target_embeddings(arm.accuracy, arm.target)
        if arm.title not in (PLACEBO, PLACEBO_WITHIN):
            return embeddings
        path = self.folder / "embeddings" / f"{arm.title} {arm.accuracy:.2f}.parquet"
        if not path.exists():
            donors = shuffle_pairs(self.answers(arm.accuracy), arm.title == PLACEBO_WITHIN)
            write_placebo(embeddings, donors, path)
        return path

    def target_embeddings(self, accuracy: float, target: str) -> Path:
        """Return the path of the centred embeddings of a teacher's texts; at 0, of none."""
        path = self.folder / "embeddings" / f"{target} {accuracy:.2f}.parquet"
        if not path.exists():
            answers = self.answers(accuracy) if accuracy else {}
            rows = list(rationale_rows(answers, target))
            texts = path.with_suffix(".texts")
            contracts.write(list({row["text"]: row for row in rows}.values()), contracts.RATIONALES, texts)
            embeddings = path.with_suffix(".raw")
            embed(texts, EMBEDDER, embeddings)
            by_pair = path.with_suffix(".pairs")
            spread(embeddings, rows, by_pair)
            centre(by_pair, path)
        return path


def training_row(row: dict, split: str, label: str | None) -> dict:
    """Return a TRAINING_SET row, with features of zeros that no student reads."""
    columns = {name: row.get(name) for name in contracts.JUDGEMENTS.names}
    return columns | dict.fromkeys(contracts.FEATURES, 0.0) | {"split": split, "label": label}


def shuffle_pairs(answers: dict[Pair, Answer], is_within: bool) -> dict[Pair, Pair]:
    """Return the placebo: whose facts each pair gets, of the same predicted label and kind where `is_within`."""
    groups: dict[tuple, list[Pair]] = {}
    for pair, answer in answers.items():
        groups.setdefault((answer.label, answer.item_kind) if is_within else (), []).append(pair)
    draw = random.Random(0)
    donors = {}
    for pairs in groups.values():
        donors |= dict(zip(pairs, draw.sample(pairs, len(pairs)), strict=True))
    return donors


def write_placebo(embeddings: Path, donors: dict[Pair, Pair], path: Path) -> None:
    """Write each pair with its donor's embedding."""
    rows = contracts.read(contracts.RATIONALE_EMBEDDINGS, embeddings)
    by_pair = {(row["query_id"], row["item_id"]): row["embedding"] for row in rows}
    shuffled = [row | {"embedding": by_pair[donors[row["query_id"], row["item_id"]]]} for row in rows]
    contracts.write(shuffled, contracts.RATIONALE_EMBEDDINGS, path)


def spread(embeddings: Path, rows: Iterable[dict], path: Path) -> None:
    """Write the embedding of each RATIONALES row from one of every text."""
    by_text = {row["text"]: row for row in contracts.read(contracts.RATIONALE_EMBEDDINGS, embeddings)}
    pairs = [by_text[row["text"]] | {name: row[name] for name in ("query_id", "item_id", "key")} for row in rows]
    contracts.write(pairs, contracts.RATIONALE_EMBEDDINGS, path)


def rationale_rows(answers: dict[Pair, Answer], target: str) -> Iterable[dict]:
    """Yield RATIONALES rows, one a pair."""
    empty = dict.fromkeys(contracts.RATIONALES.names)
    for (query_id, item_id), answer in answers.items():
        key = f"{query_id} {item_id}"
        row = {"query_id": query_id, "item_id": item_id, "perspective": "facts", "sample": 0, "key": key}
        yield empty | row | {"text": answer.text(target), "predicted_label": answer.label}
