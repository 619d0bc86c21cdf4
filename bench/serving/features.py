"""Measure what a request's features cost: ours, and Feast's plain online read, in turn.

`python -m bench.serving.features FOLDER` of a night's features. CPU of the calling thread; items and queries by Zipf.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from serving.features import ITEM_REFERENCES, QUERY_REFERENCES, OnlineFeatures

ITEMS = 50
CATALOGUE = 2_000  # items that requests draw from
REQUESTS = 600  # a minute, which is how long a row is remembered, of ten requests a second
WARM = 50  # requests before a row counts as warm


def feature_figures(folder: Path, requests: int = REQUESTS) -> dict:
    """Measure CPU ms a request of 50 items: a stream, its start, its rest."""
    from feature_repo.store import open_store

    online = OnlineFeatures(folder)
    store = open_store(folder)
    ids = read_keys(folder, "item_text", "item_id")[:CATALOGUE]
    queries = read_keys(folder, "query_statistics", "query_id")
    rng = np.random.default_rng(0)
    ours = []
    theirs = []
    hits = 0
    for _ in range(requests):
        item_ids = list(map(str, rng.choice(ids, ITEMS, replace=False, p=zipf(len(ids)))))
        query_id = str(rng.choice(queries, p=zipf(len(queries))))
        hits += sum(("item_id", item_id) in online.cache for item_id in item_ids)
        ours.append(cpu(lambda: online.lookup("trail shoes", query_id, item_ids)))  # noqa: B023
        rows = [{"item_id": item_id, "query_id": query_id} for item_id in item_ids]
        theirs.append(cpu(lambda: store.get_online_features([*ITEM_REFERENCES, *QUERY_REFERENCES], rows).to_dict()))  # noqa: B023
    return {
        "features_cpu_ms": round(float(np.mean(ours)), 3),
        "features_cpu_ms_cold": round(float(np.mean(ours[:WARM])), 3),
        "features_cpu_ms_warm": round(float(np.mean(ours[WARM:])), 3),
        "features_feast_cpu_ms": round(float(np.mean(theirs)), 3),
        "features_over_feast": round(float(np.mean(theirs) / np.mean(ours)), 2),
        "features_remembered_percent": round(100 * hits / requests / ITEMS, 1),
        "features_requests": requests,
    }


def zipf(count: int) -> np.ndarray:
    """Return shares of `count` things by Zipf's law with exponent 1."""
    shares = 1 / np.arange(1, count + 1)
    return shares / shares.sum()


def read_keys(folder: Path, view: str, key: str) -> list[str]:
    """Read the keys of a view, in order."""
    import pyarrow.parquet as pq

    return sorted(pq.read_table(Path(folder, f"{view}.parquet"), columns=[key])[key].to_pylist())


def cpu(call) -> float:
    """Measure the CPU milliseconds of this thread that a call takes."""
    start = time.thread_time()
    call()
    return 1000 * (time.thread_time() - start)


def main() -> None:
    """Measure a folder."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.features", description=__doc__)
    parser.add_argument("folder", type=Path, help="a night's features")
    print(json.dumps(feature_figures(parser.parse_args().folder), indent=1))


if __name__ == "__main__":
    main()
