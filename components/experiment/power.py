"""How many users an experiment needs: the power of always-valid intervals at every look, computed beforehand.

`python -m components.experiment.power --rpm 50 --lift 1.42% --users-a-day 50000`
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve
from scipy.stats import norm

from components.experiment.plan import TUNED, ExperimentPlan

GRID = 2001  # points of the density of the test statistic


@dataclass(frozen=True)
class Sequence:
    """Looks after equal shares of the horizon; a look stops the experiment when its interval excludes zero."""

    looks: int
    alpha: float

    def boundary(self) -> np.ndarray:
        """|z| at which each look stops, (looks,): gbstats' interval (Waudby-Smith et al., equations 9 and 161)."""
        rho2 = (-2 * math.log(self.alpha) + math.log(1 - 2 * math.log(self.alpha))) / TUNED
        n = np.arange(1, self.looks + 1) / self.looks
        grown = n * rho2 + 1
        return np.sqrt(2 * grown / (n * rho2) * np.log(np.sqrt(grown) / self.alpha))

    def stops(self, drift: float) -> tuple[np.ndarray, np.ndarray]:
        """Probability to stop at each look above, and below, (looks,) each; `drift` is the mean of z at the horizon.

        The statistic's density is carried from look to look on a grid, as in Armitage, McPherson and Rowe (1969).
        """
        step = 1 / self.looks
        edges = self.boundary() * np.sqrt(np.arange(1, self.looks + 1) * step)  # of the score process
        reach = 1.05 * (edges.max() + abs(drift))
        places = np.linspace(-reach, reach, GRID)
        width = places[1] - places[0]
        density = None
        above, below = [], []
        kernel = norm.pdf(places, drift * step, math.sqrt(step)) * width  # of one stretch of traffic
        for edge in edges:
            density = kernel / width if density is None else fftconvolve(density, kernel, mode="same")
            above.append(density[places > edge].sum() * width)
            below.append(density[places < -edge].sum() * width)
            density = np.where(abs(places) > edge, 0.0, density)
        return np.array(above), np.array(below)

    def power(self, drift: float) -> float:
        """Probability that some look stops above."""
        return float(self.stops(drift)[0].sum())

    def drift(self, power: float) -> float:
        """The mean of z at the horizon that gives this power."""
        low, high = 0.0, 12.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.power(middle) < power else (low, middle)
        return high

    def cost(self, power: float) -> dict[str, float]:
        """Users against a fixed-horizon test of the same alpha and power: at most, and on average at the effect."""
        drift = self.drift(power)
        fixed = (norm.ppf(1 - self.alpha / 2) + norm.ppf(power)) ** 2
        above, below = self.stops(drift)
        stopped = above + below
        at = np.arange(1, self.looks + 1) / self.looks
        mean = float((stopped * at).sum() + 1 - stopped.sum())
        return {"at_most": drift**2 / fixed, "mean": mean * drift**2 / fixed}


def users_needed(lift: float, spread: float, power: float, sequence: Sequence) -> int:
    """Users in both arms at the horizon; `spread` is the standard deviation of a user's RPM over its mean."""
    return math.ceil((sequence.drift(power) / drift_of(lift, spread, 1)) ** 2)


def drift_of(lift: float, spread: float, users: float) -> float:
    """The mean of z after so many users in both arms.

    A relative lift's error grows with it (delta method): control's share by its square, treatment's with its orders.
    """
    grown = ((1 + lift) ** 2 + (1 + lift)) / 2
    return lift * math.sqrt(users) / (2 * spread * math.sqrt(grown))


def percentage(text: str) -> float:
    """1.42% or 0.0142."""
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def main(arguments: list[str]) -> int:
    """Print the plan, and write the power curve where a folder is named."""
    parser = argparse.ArgumentParser(
        prog="python -m components.experiment.power",
        description="Users and days that a lift of RPM needs, with looks whenever you like.",
    )
    parser.add_argument("--rpm", type=float, required=True, help="revenue per thousand exposures now, currency units")
    parser.add_argument("--lift", type=percentage, default=0.0142, help="relative, as in 1.42%% (the paper's)")
    parser.add_argument("--spread", type=float, default=4.0, help="standard deviation of users' RPM over its mean")
    parser.add_argument("--power", type=percentage, default=0.9)
    parser.add_argument("--looks", type=int, default=100)
    parser.add_argument("--alpha", type=percentage, default=ExperimentPlan().alpha, help="two-sided")
    parser.add_argument("--users-a-day", type=float, default=50_000, help="new ones, in both arms together")
    parser.add_argument("--out", type=Path, help="folder for the power curve, power.svg")
    said = parser.parse_args(arguments)
    if said.lift <= 0 or not 0 < said.power < 1 or not 0 < said.alpha < 1 or min(said.looks, said.users_a_day) <= 0:
        parser.error("--lift, --looks and --users-a-day are above 0; --power and --alpha lie between 0 and 1")
    sequence = Sequence(said.looks, said.alpha)
    users, cost = users_needed(said.lift, said.spread, said.power, sequence), sequence.cost(said.power)
    fixed = math.ceil(users / cost["at_most"])
    found = {
        "rpm": said.rpm,
        "rpm_with_lift": said.rpm * (1 + said.lift),
        "users_at_most": users,
        "users_on_average": math.ceil(fixed * cost["mean"]),
        "users_fixed_horizon": fixed,
        "days_at_most": math.ceil(users / said.users_a_day),
        "sample_size_cost_at_most": round(cost["at_most"], 3),
        "sample_size_cost_mean": round(cost["mean"], 3),
    }
    print(json.dumps(found, indent=1))
    if said.out:
        print(f"power curve: {draw(said, sequence, users)}")
    return 0


def draw(said: argparse.Namespace, sequence: Sequence, users: int) -> Path:
    """The power against the lift, at this number of users."""
    from matplotlib.figure import Figure

    said.out.mkdir(parents=True, exist_ok=True)
    lifts = np.linspace(0, 2 * said.lift, 25)
    drifts = [drift_of(lift, said.spread, users) for lift in lifts]
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.plot(100 * lifts, [100 * sequence.power(drift) for drift in drifts])
    axes.axvline(100 * said.lift, color="grey", linewidth=1)
    axes.set_xlabel(f"true lift of RPM in percent, {users:,} users at most")
    axes.set_ylabel("promoted, in percent")
    figure.savefig(said.out / "power.svg")
    return said.out / "power.svg"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
