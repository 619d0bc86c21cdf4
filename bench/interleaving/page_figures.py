"""Figures of blocks of pages: medians, p99 and CPU of both kinds of pages, and ratios with 95% intervals by block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 2_000
SEED = 11


@dataclass(frozen=True)
class Block:
    """Pages that were sent to one target, without others in between."""

    target: str  # stable or interleaver
    clients: int
    latencies_ms: Sequence[float]
    cpu_s: dict[str, float]  # of each server

    @property
    def cpu_ms(self) -> float:
        """Return the CPU of all servers, a page."""
        return 1000 * sum(self.cpu_s.values()) / len(self.latencies_ms)


Statistic = Callable[[np.ndarray], np.ndarray]  # of latencies and CPU of draws of blocks, (D, B, P) to (D,)


def summarize(blocks: Sequence[Block]) -> dict:
    """Return figures by number of clients; those of one client also as the page's ratios."""
    figures = {}
    for clients in sorted({block.clients for block in blocks}):
        stable, interleaved = (
            [block for block in blocks if (block.target, block.clients) == (target, clients)]
            for target in ("stable", "interleaver")
        )
        latencies = [np.array([block.latencies_ms for block in each]) for each in (stable, interleaved)]
        costs = [np.array([[block.cpu_ms] for block in each]) for each in (stable, interleaved)]
        figures[f"pages_{clients}"] = latencies[0].size
        for name, (statistic, values) in {
            "p50": (lambda draws: np.quantile(draws, 0.5, (1, 2)), latencies),
            "p99": (lambda draws: np.quantile(draws, 0.99, (1, 2)), latencies),
            "cpu": (lambda draws: draws.mean((1, 2)), costs),
        }.items():
            figures |= compare(f"{name}_ms_{clients}", f"page_{name}_ratio_{clients}", values, statistic)
        for name, server in (("merging", "interleaver"), ("second_ranker", "candidate")):
            spent = [1000 * block.cpu_s[server] / len(block.latencies_ms) for block in interleaved]
            figures[f"{name}_cpu_ms_{clients}"] = round(float(np.mean(spent)), 2)
    return figures | {f"page_{name}_ratio": figures[f"page_{name}_ratio_1"] for name in ("p50", "p99", "cpu")}


def compare(name: str, ratio: str, values: Sequence[np.ndarray], statistic: Statistic) -> dict:
    """Return a figure of both kinds of pages and their ratio with its 95% interval.

    `values` are stable's and the interleaver's, a row a block (B, P). Pairs of neighbouring blocks are drawn again.
    """
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, len(values[0]), (RESAMPLES, len(values[0])))
    stable, interleaved = (float(statistic(each[None])[0]) for each in values)
    low, high = np.quantile(statistic(values[1][draws]) / statistic(values[0][draws]), [0.025, 0.975])
    ratios = {ratio: interleaved / stable, f"{ratio}_low": float(low), f"{ratio}_high": float(high)}
    figures = {f"stable_{name}": round(stable, 2), f"interleaver_{name}": round(interleaved, 2)}
    return figures | {key: round(value, 3) for key, value in ratios.items()}
