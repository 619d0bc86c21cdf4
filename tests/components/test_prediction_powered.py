"""Few labels by people and many by a teacher: intervals hold, and a bad teacher counts for nothing."""

import math

import numpy as np
import pytest

from components.metrics import macro_f1
from components.prediction_powered import (
    LabelledQueries,
    gradient_at,
    human_interval,
    mean_measure,
    powered_interval,
    standard_error,
)


def draw(rng, noise, human=60, teacher=1500, bias=0.2):
    """Return queries whose figures the teacher sees with some noise, and always too high."""
    figures = rng.beta(3, 2, (human + teacher, 1))
    seen = figures + bias + rng.normal(0, noise, figures.shape)
    return LabelledQueries(figures[:human], seen[:human], seen[human:])


@pytest.mark.parametrize(("noise", "least_narrower"), [(0.05, 0.5), (5.0, -0.03)])
def test_intervals_hold_with_any_teacher(noise, least_narrower):
    rng = np.random.default_rng(3)
    hits = 0
    widths = []
    for _ in range(300):
        queries = draw(rng, noise)
        interval = powered_interval(queries, mean_measure)
        hits += interval.low <= 0.6 <= interval.high  # the mean of the beta distribution
        widths.append((interval.width, human_interval(queries, mean_measure).width))
    powered, people = np.mean(widths, axis=0)
    assert hits >= 0.93 * 300
    assert 1 - powered / people > least_narrower


def test_a_teacher_that_knows_nothing_has_no_weight():
    rng = np.random.default_rng(4)
    queries = draw(rng, 0.0)
    assert powered_interval(queries, mean_measure).teacher_weight > 0.9
    shuffled = LabelledQueries(queries.human, 1 - queries.teacher, queries.teacher_alone)
    assert powered_interval(shuffled, mean_measure).teacher_weight == 0


def test_without_a_teacher_people_alone_count():
    human = np.array([[0.2], [0.4], [0.9]])
    interval = human_interval(LabelledQueries(human, human, human), mean_measure)
    assert interval.estimate == pytest.approx(0.5) and interval.teacher_weight == 0
    error = human.std(ddof=1) / math.sqrt(3)
    assert interval.width == pytest.approx(2 * 1.1 * 4.3027 * error, rel=1e-4)  # Student's t of two degrees
    with pytest.raises(ValueError, match="people judged 2 queries: an interval needs 3"):
        human_interval(LabelledQueries(human[:2], human[:2], human), mean_measure)


def test_the_gradient_of_macro_f1_is_its_slope():
    def measure(sums):
        return macro_f1(sums.reshape(*sums.shape[:-1], 2, 2))

    point = np.array([4.0, 1.0, 2.0, 3.0])
    slope = (measure(point + [1e-4, 0, 0, 0]) - measure(point)) / 1e-4
    assert gradient_at(measure, point)[0] == pytest.approx(slope, rel=1e-3)


def test_a_good_teacher_saves_people_work():
    assert standard_error(0.3, 0.0, 100, 10_000) == pytest.approx(0.03)
    assert standard_error(0.3, 0.8, 100, 1e12) == pytest.approx(0.03 * 0.6)
    assert standard_error(0.3, 1.0, 100, 300) == pytest.approx(0.3 / math.sqrt(400))
