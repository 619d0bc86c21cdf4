"""What a student is trained on, as a memory-mapped table: pairs as token ids, with the teacher's mean rationale beside.

The join runs in DuckDB, which spills to disk; the rest is streamed: memory does not grow with the number of pairs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from components import contracts
from components.sampling import hash_fraction
from components.scoring.tokenizer import PairTokenizer, item_text
from components.student.config import LrkdConfig

LABEL_INDEX = {label: index for index, label in enumerate(contracts.LABELS)}
EXAMPLES = pa.schema(
    [
        ("query", pa.list_(pa.int32())),
        ("item", pa.list_(pa.int32())),
        ("length", pa.int32()),
        ("overlap", pa.list_(pa.float32())),  # LEXICAL_FEATURES
        ("label", pa.int32()),
        ("target", pa.list_(pa.float32())),  # zeros where no rationale is known
        ("probabilities", pa.list_(pa.float32())),
        ("known", pa.bool_()),
    ]
)
JOINED = """
    with told as (
        select query_id, item_id, list(embedding order by key) as embeddings,
            list(label_probabilities order by key) filter (label_probabilities is not null) as opinions
        from read_parquet(?) group by query_id, item_id
    )
    select pair.*, told.embeddings, told.opinions from read_parquet(?) pair left join told using (query_id, item_id)
    where pair.split = 'train' order by query_id, item_id
"""


def write_examples(tables: tuple, tokenizer: PairTokenizer, config: LrkdConfig, folder: Path) -> dict:
    """Write train.arrow and held_out.arrow below `folder`, whole queries each; says how many rows went where, and why.

    Raises:
        ValueError: no pair is left to train on, or no rationale is there to take the embeddings' width from.
    """
    training_set, embeddings = map(str, tables)
    width = embedding_width(embeddings)
    counts = Counter(splits(training_set))
    writers = {name: pa.ipc.new_stream(str(folder / f"{name}.arrow"), EXAMPLES) for name in ("train", "held_out")}
    known = 0
    try:
        for rows in batched(joined(training_set, embeddings), contracts.BATCH_ROWS):
            drawn = [row for row in rows if hash_fraction(f"share\n{row['query_id']}") < config.train_share]
            counts["other queries"] += len(rows) - len(drawn)
            for name, examples in divided(drawn, config.calibration_share).items():
                made = list(tokenised(examples, tokenizer, width, config))
                writers[name].write_table(pa.Table.from_pylist(made, schema=EXAMPLES))
                counts[name] += len(made)
                known += sum(one["known"] for one in made) if name == "train" else 0
    finally:
        for writer in writers.values():
            writer.close()
    if not counts["train"]:
        raise ValueError(f"{training_set}: no train pair is left to train on")
    why = {"valid": counts["valid"], "test": counts["test"]}
    why |= {"calibration fold": counts["held_out"], "other queries": counts["other queries"]}
    return {"rows_out": counts["train"], "set_aside_why": why, "known": known, "width": width}


def splits(training_set: str) -> dict[str, int]:
    """How many pairs lie outside the train split, by split."""
    seen = Counter(row["split"] for row in contracts.read_batches(contracts.TRAINING_SET, training_set))
    return {name: count for name, count in seen.items() if name != "train"}


def joined(training_set: str, embeddings: str) -> Iterator[dict]:
    """Train pairs in the order of query and item, each with its rationales' embeddings and label probabilities."""
    import duckdb

    with duckdb.connect() as database:
        answer = database.sql(JOINED, params=[embeddings, training_set])
        for batch in answer.to_arrow_reader(contracts.BATCH_ROWS):
            yield from batch.to_pylist()


def batched(rows: Iterable[dict], size: int) -> Iterator[list[dict]]:
    """Lists of `size` rows."""
    rows = iter(rows)
    return iter(lambda: list(islice(rows, size)), [])


def divided(rows: Iterable[dict], share: float) -> dict[str, list[dict]]:
    """Train rows, and the fold that the temperature is fitted on; both whole queries, drawn by their names' hash."""
    folds: dict[str, list[dict]] = {"train": [], "held_out": []}
    for row in rows:
        folds["held_out" if hash_fraction(f"calibration\n{row['query_id']}") < share else "train"].append(row)
    return folds


def tokenised(rows: list[dict], tokenizer: PairTokenizer, width: int, config: LrkdConfig) -> Iterator[dict]:
    """EXAMPLES rows; a pair is known where the loss's second term has something to go by."""
    queries = tokenizer.encode_queries([row["query"] for row in rows])
    items = tokenizer.encode_items([item_text(row) for row in rows])
    overlaps = tokenizer.lexical_features(queries, items).tolist() if config.overlap else [[]] * len(rows)
    for row, query, item, overlap in zip(rows, queries, items, overlaps, strict=True):
        opinions = mean_of(row["opinions"], len(contracts.LABELS))
        told = row["opinions"] if config.variant == "soft_labels" else row["embeddings"]
        yield {
            "query": query,
            "item": item,
            "length": len(query) + len(item),
            "overlap": overlap,
            "label": LABEL_INDEX[row["label"]],
            "target": mean_of(row["embeddings"], width),
            "probabilities": opinions,
            "known": bool(told),
        }


def mean_of(vectors: list | None, width: int) -> list[float]:
    """The mean of some vectors; zeros where there is none."""
    return np.mean(vectors, axis=0, dtype=np.float32).tolist() if vectors else [0.0] * width


def embedding_width(embeddings: str | Path) -> int:
    """E, from any embedding.

    Raises:
        ValueError: there is none.
    """
    first = next(chain(contracts.read_batches(contracts.RATIONALE_EMBEDDINGS, embeddings), [None]))
    if first is None:
        raise ValueError(f"{embeddings} holds no rationale embedding: no final rationale kept the grammar")
    return len(first["embedding"])
