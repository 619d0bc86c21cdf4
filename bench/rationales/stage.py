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
        return sorted(ids, key=lambda query_id: hash_fraction(f"order\n{query_id}"))

    def answers(self, accuracy: float) -> dict[Pair, Answer]:
        """Return what a teacher of this accuracy says of each pair."""
        return {pair: answer_with_errors(pair, truth, accuracy) for pair, truth in self.truth.items()}

    def training_set(self, arm: Arm) -> Path:
        """Return the path of an arm's TRAINING_SET, with test pairs as its valid split.

        Arms whose rows are the same share it.
        """
        has_labels = arm.title in WITH_LABELS
        labels = f"labels {arm.accuracy:.2f}" if has_labels else "no labels"
        path = self.folder / "tables" / f"{arm.queries} queries, {labels}.parquet"
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
        title = arm.title if arm.title in ALIGNED else ""
        form = title if title in (PLACEBO, PLACEBO_WITHIN) else "facts" if title else "none"
        path = self.folder / "tables" / f"embeddings {form} {arm.accuracy:.2f}.parquet"
        if not path.exists():
            answers = self.answers(arm.accuracy) if title else {}
            texts = shuffle_texts(answers, form == PLACEBO_WITHIN) if "placebo" in form else texts_of_pairs(answers)
            write_embeddings(answers, texts, path)
        return path


def training_row(row: dict, split: str, label: str | None) -> dict:
    """Return a TRAINING_SET row, with features of zeros that no student reads."""
    columns = {name: row.get(name) for name in contracts.JUDGEMENTS.names}
    return columns | dict.fromkeys(contracts.FEATURES, 0.0) | {"split": split, "label": label}


def texts_of_pairs(answers: dict[Pair, Answer]) -> dict[Pair, str]:
    """Return each pair's own facts as text."""
    return {pair: answer.text for pair, answer in answers.items()}


def shuffle_texts(answers: dict[Pair, Answer], is_within: bool) -> dict[Pair, str]:
    """Return the placebo: each pair has another's facts, of the same predicted label and kind where `is_within`."""
    groups: dict[tuple, list[Pair]] = {}
    for pair, answer in answers.items():
        groups.setdefault((answer.label, answer.item_kind) if is_within else (), []).append(pair)
    draw = random.Random(0)
    texts = {}
    for pairs in groups.values():
        others = draw.sample(pairs, len(pairs))
        texts |= {pair: answers[other].text for pair, other in zip(pairs, others, strict=True)}
    return texts


def write_embeddings(answers: dict[Pair, Answer], texts: dict[Pair, str], path: Path) -> None:
    """Embed each pair's text, and write the vectors centred."""
    rationales = path.with_suffix(".rationales")
    raw = path.with_suffix(".raw")
    contracts.write(rationale_rows(answers, texts), contracts.RATIONALES, rationales)
    embed(rationales, EMBEDDER, raw)
    if answers:
        centre(raw, path)
    else:
        raw.rename(path)


def rationale_rows(answers: dict[Pair, Answer], texts: dict[Pair, str]) -> Iterable[dict]:
    """Yield RATIONALES rows, one a pair."""
    empty = dict.fromkeys(contracts.RATIONALES.names)
    for (query_id, item_id), answer in answers.items():
        key = f"{query_id} {item_id}"
        row = {"query_id": query_id, "item_id": item_id, "perspective": "facts", "sample": 0, "key": key}
        yield empty | row | {"text": texts[query_id, item_id], "predicted_label": answer.label}
