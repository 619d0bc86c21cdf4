"""What stored states lose in fewer bits: NDCG@10, macro-F1 and labels, by students of several seeds."""

from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from components import contracts
from components.metrics import confusion_matrix, macro_f1, ndcg
from components.scoring.runtime import Item
from components.scoring.scorer import Scorer, softmax
from components.scoring.scores import Scores
from components.scoring.state_precision import FLOAT16, PRECISIONS, StateLayout
from components.scoring.tokenizer import item_text

BOOTSTRAPS = 2000


def measure_precisions(packages: list[Path], training_set: Path) -> dict:
    """Return what each precision loses beside float16, as means over the packages' seeds.

    Held-out queries with many items are few: the train queries', which the students have seen, stand beside them.
    """
    rows = list(contracts.read_batches(contracts.TRAINING_SET, training_set))
    figures: dict = {"ndcg_seeds": len(packages)}
    for split, prefix in (("valid", ""), ("train", "train_")):
        rows_of_split = sorted((row for row in rows if row["split"] == split), key=itemgetter("query_id"))
        losses = measure_losses([score_by_precision(package, rows_of_split) for package in packages], rows_of_split)
        figures |= {f"{prefix}{name}": value for name, value in losses.items()}
    return figures


def measure_losses(results: list[dict[str, tuple]], rows: list[dict]) -> dict:
    """Return the losses of NDCG@10, of labels and of macro-F1 by precision.

    The loss of NDCG has the 95% interval of a bootstrap over queries, whose losses are means over seeds.
    """
    query_ndcg = {name: np.mean([each[name][0] for each in results], 0) for name in PRECISIONS}
    is_defined = ~np.isnan(query_ndcg[FLOAT16])
    figures: dict = {"ndcg_queries": int(is_defined.sum()), "ndcg_pairs": len(rows)}
    figures["ndcg_float16"] = round(float(query_ndcg[FLOAT16][is_defined].mean()), 4)
    labels = [row["label"] for row in rows]
    exact_f1 = [macro_f1(confusion_matrix(labels, each[FLOAT16][1])) for each in results]
    for name in PRECISIONS[1:]:
        losses = (query_ndcg[FLOAT16] - query_ndcg[name])[is_defined]
        draws = np.random.default_rng(0).choice(losses, (BOOTSTRAPS, len(losses))).mean(1)
        low, high = np.quantile(draws, [0.025, 0.975])
        agreements = [np.mean(np.array(each[name][1]) == np.array(each[FLOAT16][1])) for each in results]
        f1 = [macro_f1(confusion_matrix(labels, each[name][1])) for each in results]
        figures |= {
            f"ndcg_loss_{name}": round(float(losses.mean()), 5),
            f"ndcg_loss_{name}_low": round(float(low), 5),
            f"ndcg_loss_{name}_high": round(float(high), 5),
            f"label_agreement_{name}": round(float(np.mean(agreements)), 4),
            f"label_agreement_{name}_low": round(float(min(agreements)), 4),
            f"label_agreement_{name}_high": round(float(max(agreements)), 4),
            f"macro_f1_loss_{name}": round(float(np.mean(np.array(exact_f1) - np.array(f1))), 4),
        }
    return figures


def score_by_precision(package: Path, rows: list[dict]) -> dict[str, tuple[np.ndarray, list[str]]]:
    """Return NDCG@10 of each query and the label of each row, by the precision of the items' states."""
    scorer = Scorer(package)
    texts = [item_text(row) for row in rows]
    items = [Item(np.array(ids, np.int32)) for ids in scorer.tokenizer.encode_items(texts)]
    scorer.runtime.encode_items(items)
    queries = scorer.tokenizer.encode_queries([row["query"] for row in rows])
    gains = np.array([contracts.GAINS[row["label"]] for row in rows])
    results = {}
    for precision in PRECISIONS:
        scores = score(scorer, queries, [store(item, precision) for item in items])
        query_ndcg = []
        for _, group in groupby(range(len(rows)), lambda number: rows[number]["query_id"]):
            numbers = list(group)
            query_ndcg.append(ndcg(gains[numbers], scores.scores[numbers]))
        results[precision] = (np.array(query_ndcg), scores.labels)
    return results


def store(item: Item, precision: str) -> Item:
    """Return an item as it comes back from an index."""
    layout = StateLayout(precision, item.states.shape[1], item.vectors.shape[1])
    (content,) = layout.pack(item.states, [item.vectors])
    return Item(item.ids, *layout.unpack(content))


def score(scorer: Scorer, queries: list[list[int]], items: list[Item]) -> Scores:
    """Score pairs of known items."""
    logits, hidden_vectors = scorer.runtime(queries, items)
    return Scores(scorer.labels, softmax(logits / scorer.config.temperature), hidden_vectors)
