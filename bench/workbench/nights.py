"""What a shop gains that retrains on its own clicks: `make bench-nights`. Its rules were fixed before it was run.

Each shop has 30 judged queries, 100 that shoppers search and nobody judged, and held-out ones, which are neither. After
each of five nights the students of two shops are measured by NDCG@10 of the hidden truth: one that retrains on its
judged queries alone, and so stays as it is, and one that retrains on these and on labels from all clicks so far
(`click_labels`). By day half of the pages are that student's, and half are interleaved with a ranking by shared words.
The gain is that of the fifth night on held-out queries. Its interval is of a bootstrap over shops, and over queries
within. A student is a late-interaction head, fitted on a frozen encoder. No server and no rationale has a part in it.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import torch

from bench.figures import RESULTS, mean, once, show, update_results
from bench.workbench.click_labels import label_by_clicks
from bench.workbench.shop import JUDGED_QUERIES, Marketplace, Shop
from bench.workbench.shop_days import SEARCHES, Shoppers
from components.judgements.click_counts import count_clicks

SHOPS = 4
NIGHTS = 5
SAMPLES = 2000
ARMS = {"clicks": "with its clicks", "judged": "its 30 judged queries alone"}
HERE = Path("runs/bench/nights")
MEASURED_ON = f"{SHOPS} simulated shops of {JUDGED_QUERIES} judged queries, {NIGHTS} nights (nights)"


def run_shop(market: Marketplace, seed: int, folder: Path) -> dict:
    """Retrain one shop night by night, and return each query's NDCG@10 by arm and night, and the labels' accuracy."""
    for table in ("exposures", "outcomes"):  # of a run that was stopped
        shutil.rmtree(folder / table, ignore_errors=True)
    shop = Shop(market, seed)
    shoppers = Shoppers(shop, folder)
    judged = {(row["query_id"], row["item_id"]): row["label"] for row in shop.judged_rows}
    scores = shop.train_student(shop.training_rows({}))
    judged_ndcg = shop.measure(scores).tolist()
    ndcg = {"clicks": [judged_ndcg], "judged": [judged_ndcg] * (NIGHTS + 1)}  # the same rows give the same student
    labels = []
    for night in range(1, NIGHTS + 1):
        shoppers.shop_for_a_day(night, scores)
        click_labels = label_by_clicks(count_clicks(folder / "exposures", folder / "outcomes"), judged)
        scores = shop.train_student(shop.training_rows(click_labels))
        ndcg["clicks"].append(shop.measure(scores).tolist())
        labels.append({"count": len(click_labels), "accuracy": measure_labels(shop, click_labels)})
        print(f"shop {seed}, night {night}: {describe(ndcg, len(shop.held_out))}; {labels[-1]}", flush=True)
    return {"ndcg": ndcg, "labels": labels, "held_out": len(shop.held_out)}


def measure_labels(shop: Shop, click_labels: dict) -> float:
    """Return the share of the labels from clicks that are true."""
    truth = {query.query_id: query.labels for query in shop.queries}
    hits = [truth[query_id].get(item_id, "Irrelevant") == label for (query_id, item_id), label in click_labels.items()]
    return round(float(np.mean(hits)), 4) if hits else 0.0


def describe(ndcg: dict, held_out: int) -> str:
    """Return the newest NDCG@10 of held-out queries, by arm."""
    return ", ".join(f"{arm} {np.nanmean(nights[-1][-held_out:]):.4f}" for arm, nights in ndcg.items())


def summarize(shops: list[dict]) -> dict:
    """Return the means by night, and the gains of the last night with their intervals."""
    held_out = shops[0]["held_out"]
    figures: dict = {"nights_shops": len(shops), "nights_searches_a_day": SEARCHES}
    for arm in ARMS:
        by_shop = np.array([shop["ndcg"][arm] for shop in shops])[..., -held_out:]  # (shops, nights + 1, queries)
        means = np.nanmean(by_shop, axis=2)
        figures[f"nights_ndcg_{arm}"] = {str(night): mean(means[:, night]) for night in range(NIGHTS + 1)}
    changes = np.array([np.subtract(shop["ndcg"]["clicks"][-1], shop["ndcg"]["judged"][-1]) for shop in shops])
    parts = {"ndcg_gain": changes[:, -held_out:], "searched_ndcg_gain": changes[:, JUDGED_QUERIES:-held_out]}
    for name, values in parts.items():
        low, high = bootstrap(values)
        figures |= {
            f"nights_{name}": mean(np.nanmean(values, axis=1)),
            f"nights_{name}_low": low,
            f"nights_{name}_high": high,
        }
    figures["nights_click_labels"] = round(np.mean([shop["labels"][-1]["count"] for shop in shops]))
    figures["nights_click_label_accuracy"] = mean(shop["labels"][-1]["accuracy"] for shop in shops)
    return figures


def bootstrap(values: np.ndarray) -> tuple[float, float]:
    """Return the bounds of the mean of values (S, Q) in 95 of 100 draws of shops, and of queries within a shop."""
    rng = np.random.default_rng(0)
    shops, queries = values.shape
    means = []
    for _ in range(SAMPLES):
        chosen = rng.integers(shops, size=shops)
        draws = values[chosen[:, None], rng.integers(queries, size=(shops, queries))]
        means.append(np.nanmean(draws))
    low, high = np.percentile(means, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def plot(figures: dict, path: Path) -> None:
    """Draw NDCG@10 by night."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    for arm, title in ARMS.items():
        axes.plot(range(NIGHTS + 1), figures[f"nights_ndcg_{arm}"].values(), marker="o", label=title)
    axes.set(xlabel="nights", ylabel="NDCG@10 by the hidden truth")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    drawing.savefig(path, dpi=100)


def main(arguments: list[str]) -> int:
    """Run all shops, and put the figures among the workbench's. A shop that is done is not run again."""
    home = Path(*arguments) if arguments else HERE
    torch.set_num_threads(1)
    market = Marketplace.load(home / "world")
    shops = []
    for seed in range(SHOPS):
        folder = home / f"shop-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        shops.append(once(folder / "results.json", lambda seed=seed, folder=folder: run_shop(market, seed, folder)))
    figures = summarize(shops)
    update_results("workbench", figures, MEASURED_ON)
    plot(figures, RESULTS / "nights.png")
    show("nights", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
