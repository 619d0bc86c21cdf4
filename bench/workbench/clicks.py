"""How well clicks tell what simulated shoppers like, whose liking is known."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import spearmanr

from bench.interleaving.world import CLICKED, SEEN, SETTINGS, Market, Pages, draft_pages, draw_rankers, rank_pages
from components import contracts
from components.judgements.click_counts import ClickCounts, count_clicks
from components.judgements.click_models import MODELS

SEARCHES = 60_000  # half of them on interleaved pages
MINIMUM_IMPRESSIONS = 50
SEED = 3
START = datetime(2026, 1, 5, tzinfo=UTC)


def measure_clicks(market: Market, folder: Path) -> dict:
    """Return how each model orders items by their hidden liking, and how often its intervals hold it."""
    counts = count_clicks(*write_logs(market, folder))
    liking = np.array([CLICKED[market.labels[int(pair["query_id"]), int(pair["item_id"])]] for pair in counts.pairs])
    is_used = np.bincount(counts.pair, counts.impressions) >= MINIMUM_IMPRESSIONS
    estimates = {name: model(counts) for name, model in MODELS.items()}
    position = estimates["position"]
    covers = (position.low <= liking) & (liking <= position.high)
    return {
        "click_rank_correlation": correlate(position.value, liking, is_used),
        "coec_rank_correlation": correlate(estimates["coec"].value, liking, is_used),
        "cascade_rank_correlation": correlate(estimates["cascade"].value, liking, is_used),
        "best_position_coec_rank_correlation": correlate(credit_best_position(counts), liking, is_used),
        "click_interval_coverage": round(float(covers[is_used].mean()), 4),
        "click_pairs": int(is_used.sum()),
        "click_searches": SEARCHES,
        "propensity_largest_error": round(float(np.abs(position.propensities / SEEN - 1).max()), 4),
    }


def correlate(values: np.ndarray, liking: np.ndarray, is_used: np.ndarray) -> float:
    """Return Spearman's correlation over the pairs that are used; liking has four values, so that 1 is out of reach."""
    return round(float(spearmanr(values[is_used], liking[is_used]).statistic), 4)


def credit_best_position(counts: ClickCounts) -> np.ndarray:
    """Return clicks over expected clicks, each impression credited to the pair's best position."""
    places = counts.position.max()
    shown = np.bincount(counts.position - 1, counts.impressions, places)
    rates = np.bincount(counts.position - 1, counts.clicks, places) / shown
    best = np.full(len(counts.pairs), places)
    np.minimum.at(best, counts.pair, counts.position)
    clicks = np.bincount(counts.pair, counts.clicks)
    return clicks / (np.bincount(counts.pair, counts.impressions) * rates[best - 1])


def write_logs(market: Market, folder: Path) -> tuple[Path, Path]:
    """Write the exposures and clicks of searches on one ranker's and on interleaved pages."""
    rng = np.random.default_rng(SEED)
    stable, candidate = draw_rankers(market, SETTINGS["medium"], SEED)
    parts = [(rank_pages(stable), None), (draft_pages(stable, candidate), "interleaved")]
    exposures = [draw_part(market, pages, kind, rng) for pages, kind in parts]
    shown = pa.concat_tables([part for part, _ in exposures])
    is_clicked = np.concatenate([clicks for _, clicks in exposures])
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(shown, folder / "exposures.parquet")
    clicks = fill(shown.filter(pa.array(is_clicked)).select(["time", "request_id", "item_id"]), contracts.OUTCOMES)
    clicks = clicks.set_column(clicks.schema.get_field_index("kind"), "kind", pa.array(["click"] * len(clicks)))
    pq.write_table(clicks, folder / "outcomes.parquet")
    return folder / "exposures.parquet", folder / "outcomes.parquet"


def draw_part(market: Market, pages: Pages, kind: str | None, rng) -> tuple[pa.Table, np.ndarray]:
    """Return the exposures of half of the searches, and which of them are clicked."""
    searches = SEARCHES // 2
    query = rng.choice(len(market.shares), searches, p=market.shares)
    items = pages.items[query, rng.integers(pages.items.shape[1], size=searches)]
    chances = SEEN * CLICKED[market.labels[query[:, None], items]]
    is_clicked = (rng.random(items.shape) < chances).reshape(-1)
    places = items.shape[1]
    requests = [f"{kind or 'plain'}-{number}" for number in range(searches)]
    queries = np.repeat(query, places).astype(str)
    columns = {
        "time": pa.array([START] * items.size, contracts.EXPOSURES.field("time").type),
        "request_id": pa.array(np.repeat(requests, places)),
        "query_id": pa.array(queries),
        "query": pa.array(queries),
        "item_id": pa.array(items.reshape(-1).astype(str)),
        "position": pa.array(np.tile(np.arange(1, places + 1, dtype=np.int32), searches)),
        "page_kind": pa.array([kind] * items.size, pa.string()),
    }
    return fill(pa.table(columns), contracts.EXPOSURES), is_clicked


def fill(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with all columns of a schema, empty where it has none."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
