"""How many users an experiment needs: the power of always-valid intervals at every look, computed beforehand.

`python -m components.experiment.power --rpm 50 --lift 1.42% --users-a-day 50000`
"""

import argparse
import json
import math
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.stats import norm

from components.experiment.plan import TUNING_SHARE, ExperimentPlan
from components.experiment.power_curve import draw_curve

GRID_POINTS = 2001  # points of the density of the test statistic
MOST_LOOKS = 5_000  # that are computed in a minute
LARGEST_LIFT = 1e6  # beyond any that is looked for


@dataclass(frozen=True)
class Sequence:
    """Looks after equal shares of the horizon.

    A look stops the experiment when its interval excludes zero.
    """

    looks: int
    alpha: float

    def boundary(self) -> np.ndarray:
        """Return |z| at which each look stops, (looks,).

        This is gbstats' interval (Waudby-Smith et al., equations 9 and 161).
        """
        rho2 = (-2 * math.log(self.alpha) + math.log(1 - 2 * math.log(self.alpha))) / TUNING_SHARE
        n = np.arange(1, self.looks + 1) / self.looks
        growth = n * rho2 + 1
        return np.sqrt(2 * growth / (n * rho2) * np.log(np.sqrt(growth) / self.alpha))

    def stops(self, drift: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the probabilities to stop at each look above, and below, (looks,) each.

        `drift` is the mean of z at the horizon. The statistic's density is carried from look to look on a grid, as in
        Armitage, McPherson and Rowe (1969).
        """
        step = 1 / self.looks
        edges = self.boundary() * np.sqrt(np.arange(1, self.looks + 1) * step)  # of the score process
        reach = 1.05 * (edges.max() + abs(drift))
        points = np.linspace(-reach, reach, GRID_POINTS)
        width = points[1] - points[0]
        density = None
        above = []
        below = []
        kernel = norm.pdf(points, drift * step, math.sqrt(step)) * width  # of one stretch of traffic
        for edge in edges:
            density = kernel / width if density is None else fftconvolve(density, kernel, mode="same")
            above.append(density[points > edge].sum() * width)
            below.append(density[points < -edge].sum() * width)
            density = np.where(abs(points) > edge, 0.0, density)
        return np.array(above), np.array(below)

    def power(self, drift: float) -> float:
        """Return the probability that some look stops above."""
        return float(self.stops(drift)[0].sum())

    def drift(self, power: float) -> float:
        """Return the mean of z at the horizon that gives this power."""
        low = 0.0
        high = 12.0
        for _ in range(40):
            middle = (low + high) / 2
            if self.power(middle) < power:
                low = middle
            else:
                high = middle
        return high

    def cost(self, power: float) -> dict[str, float]:
        """Compare users, at most and on average, with a fixed-horizon test of the same power."""
        drift = self.drift(power)
        fixed_drift = norm.ppf(1 - self.alpha / 2) + norm.ppf(power)
        above, below = self.stops(drift)
        stops = above + below
        horizon_share = np.arange(1, self.looks + 1) / self.looks
        mean = float((stops * horizon_share).sum() + 1 - stops.sum())
        ratio = drift**2 / fixed_drift**2
        return {"at_most": ratio, "mean": mean * ratio}


def users_needed(lift: float, coefficient_of_variation: float, power: float, sequence: Sequence) -> int:
    """Return the users in both arms at the horizon.

    `coefficient_of_variation` is the standard deviation of a user's RPM over its mean.
    """
    drift = sequence.drift(power)
    return math.ceil((drift / expected_drift(lift, coefficient_of_variation, 1)) ** 2)


def expected_drift(lift: float, coefficient_of_variation: float, users: float) -> float:
    """Return the mean of z after so many users in both arms.

    A relative lift's error grows with it (delta method): control's share by its square, treatment's with its orders.
    """
    growth = ((1 + lift) ** 2 + (1 + lift)) / 2
    return lift * math.sqrt(users) / (2 * coefficient_of_variation * math.sqrt(growth))


def smallest_lift(users: int, coefficient_of_variation: float, power: float, sequence: Sequence) -> float:
    """Return the relative lift that is found with this power in so many users."""
    drift = sequence.drift(power)
    return float(brentq(lambda lift: expected_drift(lift, coefficient_of_variation, users) - drift, 0, LARGEST_LIFT))


def percentage(text: str) -> float:
    """Parse 1.42% or 0.0142."""
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line, ending the process with a sentence where it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m components.experiment.power",
        description="Users and days that a lift of RPM needs, valid at every look.",
    )
    parser.add_argument("--rpm", type=float, required=True, help="revenue per thousand exposures now, currency units")
    parser.add_argument("--lift", type=percentage, default=0.0142, help="relative, as in 1.42%% (the paper's)")
    parser.add_argument("--spread", type=float, default=4.0, help="standard deviation of users' RPM over its mean")
    parser.add_argument("--power", type=percentage, default=0.9, help="probability to find the lift (default 90%%)")
    parser.add_argument("--looks", type=int, default=100, help="how often one looks at most (default %(default)s)")
    parser.add_argument("--alpha", type=percentage, default=ExperimentPlan().alpha, help="two-sided")
    parser.add_argument("--users-a-day", type=float, default=50_000, help="new ones, in both arms together")
    parser.add_argument("--out", type=Path, help="folder for the power curve, power.svg")
    args = parser.parse_args(arguments)
    check_numbers(parser, args, ("rpm", "lift", "spread", "looks", "users_a_day"))
    return args


def check_numbers(parser: argparse.ArgumentParser, args: argparse.Namespace, positive: tuple[str, ...]) -> None:
    """End the process with a sentence where a number is out of its range."""
    for name in positive:
        if not 0 < vars(args)[name] < math.inf:
            parser.error(f"--{name.replace('_', '-')} is {vars(args)[name]:g}: give a number above 0")
    for name in ("power", "alpha"):
        if not 0 < vars(args)[name] < 1:
            parser.error(f"--{name} is {vars(args)[name]:g}: give a number between 0 and 1, or percent")
    if args.looks > MOST_LOOKS:
        parser.error(f"--looks is {args.looks:,}: give at most {MOST_LOOKS:,}")


def main(arguments: list[str]) -> int:
    """Print the plan, and write the power curve where a folder is named."""
    args = parse_arguments(arguments)
    sequence = Sequence(args.looks, args.alpha)
    users = users_needed(args.lift, args.spread, args.power, sequence)
    cost = sequence.cost(args.power)
    fixed_horizon = math.ceil(users / cost["at_most"])
    result = {
        "rpm": args.rpm,
        "rpm_with_lift": args.rpm * (1 + args.lift),
        "users_at_most": users,
        "users_on_average": math.ceil(fixed_horizon * cost["mean"]),
        "users_fixed_horizon": fixed_horizon,
        "days_at_most": math.ceil(users / args.users_a_day),
        "sample_size_cost_at_most": round(cost["at_most"], 3),
        "sample_size_cost_mean": round(cost["mean"], 3),
    }
    print(json.dumps(result, indent=1))
    if warning := horizon_warning(args, users, sequence):
        print(warning, file=sys.stderr)
    if args.out:
        print(f"power curve: {draw_curve(partial(power_at, args, users, sequence), args.lift, users, args.out)}")
    return 0


def power_at(args: argparse.Namespace, users: int, sequence: Sequence, lift: float) -> float:
    """Return the probability to find a lift in so many users."""
    return sequence.power(expected_drift(lift, args.spread, users))


def horizon_warning(args: argparse.Namespace, users: int, sequence: Sequence) -> str:
    """Return a sentence where the default plan ends too early for this lift."""
    if users <= (horizon := ExperimentPlan().horizon_users):
        return ""
    lift = smallest_lift(horizon, args.spread, args.power, sequence)
    return (
        f"the default plan ends at {horizon:,} users, and this lift needs {users:,}, {users / args.users_a_day:,.0f} "
        f"days at {args.users_a_day:,.0f} a day (--users-a-day): by its end lifts from {lift:.2%} on are found. Raise "
        "the plan's horizon_users, or let interleaving decide (promote_on_preference)"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
