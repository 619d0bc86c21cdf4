"""What a student is trained on, as memory-mapped tables: tokenised pairs with their mean rationale embedding.

A pair without a label is unjudged: it is aligned with its rationale, and teaches no label. It is left out where it has
no rationale, where nothing is aligned, and of the calibration fold.
The join runs in DuckDB, which spills to disk, and the rest is streamed: memory does not grow with the number of pairs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from components import contracts
from components.sampling import hash_fraction
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.config import LrkdConfig

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
        ("label", pa.int32()),  # UNJUDGED without one
        ("rationale_embedding", pa.list_(pa.float32())),  # zeros without a rationale
        ("has_rationale", pa.bool_()),
    ]
)
JOIN = """
    with by_pair as (
        select query_id, item_id, list(embedding order by key) as embeddings
        from read_parquet(?) group by query_id, item_id
    )
    select pair.*, by_pair.embeddings from read_parquet(?) pair left join by_pair using (query_id, item_id)
    where pair.split = 'train' order by query_id, item_id
"""


@dataclass(frozen=True)
class ExampleCounts:
    """How many pairs train a student, and how many do not, by reason."""

    train: int
    unjudged_pairs: int  # of these, aligned alone
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
    """Write train.arrow and held_out.arrow of whole queries below `folder`.

    Raises:
        ValueError: no pair is left to train on, or no rationale tells the embeddings' width.
    """
    training_set, embeddings = map(str, tables)
    width = read_embedding_width(embeddings, is_required=config.align_weight > 0)
    counts = Counter(count_other_splits(training_set))
    with open_folds(folder) as writers:
        for rows in batch_rows(join_rationales(training_set, embeddings), contracts.BATCH_ROWS):
            share_rows = [row for row in rows if hash_fraction(f"share\n{row['query_id']}") < config.train_share]
            counts["other queries"] += len(rows) - len(share_rows)
            for fold, fold_rows in split_folds(share_rows, calibration_share).items():
                keeps_unjudged = fold == "train" and config.align_weight > 0
                useful_rows = [row for row in fold_rows if row["label"] or (keeps_unjudged and row["embeddings"])]
                counts["unjudged"] += len(fold_rows) - len(useful_rows)
                examples = list(tokenize_examples(useful_rows, tokenizer, width))
                writers[fold].write_table(pa.Table.from_pylist(examples, schema=EXAMPLES))
                counts[fold] += len(examples)
                counts[f"{fold} with rationale"] += sum(example["has_rationale"] for example in examples)
                counts[f"{fold} unjudged"] += sum(example["label"] == UNJUDGED for example in examples)
    if counts["train"] == counts["train unjudged"]:
        raise ValueError(f"{training_set}: no train pair is left to train on")
    left_out = {"valid": counts["valid"], "test": counts["test"]}
    left_out |= {"calibration fold": counts["held_out"], "other queries": counts["other queries"]}
    left_out |= {"unjudged": counts["unjudged"]} if counts["unjudged"] else {}
    return ExampleCounts(counts["train"], counts["train unjudged"], counts["train with rationale"], left_out, width)


@contextmanager
def open_folds(folder: Path) -> Iterator[dict[str, pa.RecordBatchStreamWriter]]:
    """Open train.arrow and held_out.arrow below `folder`, and close them behind the block."""
    with ExitStack() as stack:
        yield {
            fold: stack.enter_context(pa.ipc.new_stream(str(folder / f"{fold}.arrow"), EXAMPLES))
            for fold in ("train", "held_out")
        }


def count_other_splits(training_set: str) -> dict[str, int]:
    """Count the pairs outside the train split, by split."""
    counts = Counter(row["split"] for row in contracts.read_batches(contracts.TRAINING_SET, training_set))
    return {split: count for split, count in counts.items() if split != "train"}


def join_rationales(training_set: str, embeddings: str) -> Iterator[dict]:
    """Yield train pairs by query and item, each with its rationales' embeddings."""
    import duckdb

    with duckdb.connect() as database:
        pairs = database.sql(JOIN, params=[embeddings, training_set])
        for batch in pairs.to_arrow_reader(contracts.BATCH_ROWS):
            yield from batch.to_pylist()


def batch_rows(rows: Iterable[dict], size: int) -> Iterator[list[dict]]:
    """Yield lists of `size` rows."""
    rows = iter(rows)
    return iter(lambda: list(islice(rows, size)), [])


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
