"""What a student is trained on, as memory-mapped tables: tokenised pairs with their mean rationale embedding.

A pair that nobody judged is aligned with its rationale, and teaches its teacher's label, by its weight. It is left out
where it has neither, and of the calibration fold, which is judged.
Tables are streamed: memory does not grow with the number of pairs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa

from components import contracts
from components.row_batches import batch_rows
from components.sampling import hash_fraction
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.config import LrkdConfig
from components.student.tables import StudentTables, join_tables

CALIBRATION_SHARE = 0.1  # of the train queries, kept out of training to fit the temperature
UNALIGNED_WIDTH = 384  # of the reasoning vector, where nothing is aligned with it
UNJUDGED = -100  # which cross-entropy ignores
LABEL_INDEX = {label: index for index, label in enumerate(contracts.LABELS)} | {None: UNJUDGED}
EXAMPLES = pa.schema(
    [
        ("query", pa.list_(pa.int32())),
        ("item", pa.list_(pa.int32())),
        ("length", pa.int32()),
        ("overlap", pa.list_(pa.float32())),  # LEXICAL_FEATURES
        ("label", pa.int32()),  # people's; UNJUDGED without one
        ("teacher_label", pa.int32()),  # of an unjudged pair; UNJUDGED without one
        ("teacher_weight", pa.float32()),  # 0 without a teacher's label
        ("rationale_embedding", pa.list_(pa.float32())),  # zeros without a rationale
        ("has_rationale", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class ExampleCounts:
    """How many pairs train a student, and how many do not, by reason."""

    train: int
    unjudged_pairs: int  # of these
    labelled_pairs: int  # of the unjudged ones, by a teacher
    with_rationale: int
    left_out: dict[str, int]
    embedding_width: int


def write_examples(
    tables: tuple,
    tokenizer: PairTokenizer,
    config: LrkdConfig,
    folder: Path,
    calibration_share: float = CALIBRATION_SHARE,
) -> ExampleCounts:
    """Write train.arrow and held_out.arrow of whole queries below `folder`, of StudentTables.

    Raises:
        ValueError: no pair is left to train on, or no rationale tells the embeddings' width.
    """
    tables = StudentTables(*tables)
    width = read_embedding_width(tables.embeddings, is_required=config.align_weight > 0)
    counts = Counter(count_other_splits(tables.training_set))
    with open_folds(folder) as writers:
        for rows in batch_rows(join_tables(tables), contracts.BATCH_ROWS):
            share_rows = [row for row in rows if hash_fraction(f"share\n{row['query_id']}") < config.train_share]
            counts["other queries"] += len(rows) - len(share_rows)
            for fold, fold_rows in split_folds(share_rows, calibration_share).items():
                is_train = fold == "train"
                useful_rows = [row for row in fold_rows if row["label"] or (is_train and teaches(row, config))]
                counts["unjudged"] += len(fold_rows) - len(useful_rows)
                examples = list(tokenize_examples(useful_rows, tokenizer, width))
                writers[fold].write_table(pa.Table.from_pylist(examples, schema=EXAMPLES))
                counts[fold] += len(examples)
                counts[f"{fold} with rationale"] += sum(example["has_rationale"] for example in examples)
                counts[f"{fold} unjudged"] += sum(example["label"] == UNJUDGED for example in examples)
                counts[f"{fold} labelled"] += sum(example["teacher_weight"] > 0 for example in examples)
    if counts["train"] == counts["train unjudged"]:
        raise ValueError(f"{tables.training_set}: no train pair is left to train on")
    return count_examples(counts, width)


def teaches(row: dict, config: LrkdConfig) -> bool:
    """Return True for an unjudged pair with a rationale or a teacher's label."""
    return bool((config.align_weight and row["embeddings"]) or row["teacher_label"])


def count_examples(counts: Counter, width: int) -> ExampleCounts:
    """Return the counts by name."""
    left_out = {"valid": counts["valid"], "test": counts["test"]}
    left_out |= {"calibration fold": counts["held_out"], "other queries": counts["other queries"]}
    left_out |= {"unjudged": counts["unjudged"]} if counts["unjudged"] else {}
    return ExampleCounts(
        train=counts["train"],
        unjudged_pairs=counts["train unjudged"],
        labelled_pairs=counts["train labelled"],
        with_rationale=counts["train with rationale"],
        left_out=left_out,
        embedding_width=width,
    )


@contextmanager
def open_folds(folder: Path) -> Iterator[dict[str, pa.RecordBatchStreamWriter]]:
    """Open train.arrow and held_out.arrow below `folder`, and close them behind the block."""
    with ExitStack() as stack:
        yield {
            fold: stack.enter_context(pa.ipc.new_stream(str(folder / f"{fold}.arrow"), EXAMPLES))
            for fold in ("train", "held_out")
        }


def count_other_splits(training_set: str | Path) -> dict[str, int]:
    """Count the pairs outside the train split, by split."""
    counts = Counter(row["split"] for row in contracts.read_batches(contracts.TRAINING_SET, training_set))
    return {split: count for split, count in counts.items() if split != "train"}


def split_folds(rows: Iterable[dict], share: float) -> dict[str, list[dict]]:
    """Split rows into train and held_out, the calibration fold, whole queries by hash."""
    folds: dict[str, list[dict]] = {"train": [], "held_out": []}
    for row in rows:
        is_held_out = hash_fraction(f"calibration\n{row['query_id']}") < share
        fold = "held_out" if is_held_out else "train"
        folds[fold].append(row)
    return folds


def tokenize_examples(rows: list[dict], tokenizer: PairTokenizer, width: int) -> Iterator[dict]:
    """Yield EXAMPLES rows."""
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    overlaps = tokenizer.lexical_features(queries, items).tolist()
    for row, query, item, overlap in zip(rows, queries, items, overlaps, strict=True):
        yield {
            "query": query,
            "item": item,
            "length": len(query) + len(item),
            "overlap": overlap,
            "label": LABEL_INDEX[row["label"]],
            "teacher_label": LABEL_INDEX[row["teacher_label"]],
            "teacher_weight": row["teacher_weight"] or 0.0,
            "rationale_embedding": mean_vector(row["embeddings"], width),
            "has_rationale": bool(row["embeddings"]),
        }


def mean_vector(vectors: list | None, width: int) -> list[float]:
    """Average vectors, and return zeros where there are none."""
    return np.mean(vectors, axis=0, dtype=np.float32).tolist() if vectors else [0.0] * width


def read_embedding_width(embeddings: str | Path, is_required: bool = True) -> int:
    """Read E from the first embedding.

    Plain cross-entropy requires none, and gets UNALIGNED_WIDTH.

    Raises:
        ValueError: there is none, and it is required.
    """
    first = next(chain(contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings), [None]))
    if first is None and not is_required:
        return UNALIGNED_WIDTH
    if first is None:
        raise ValueError(f"{embeddings} holds no rationale embedding: no final rationale kept the grammar")
    return len(first["embedding"])
