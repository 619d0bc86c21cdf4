"""When a candidate that has traffic counts as broken."""

import pytest

from components.release.candidate_health import CandidateHealth

NO_POD = "no pod is available"


@pytest.fixture
def clock():
    return iter(range(0, 1000, 5)).__next__


def test_a_short_outage_is_no_matter(clock):
    health = CandidateHealth(clock)
    assert not health.problem("v2", NO_POD, [])
    assert not health.problem("v2", "", [200])
    assert not health.problem("v2", NO_POD, [])


def test_a_longer_outage_breaks_a_candidate(clock):
    health = CandidateHealth(clock)
    problems = [health.problem("v2", NO_POD, []) for _ in range(2)]
    assert not problems[0] and problems[1] == "the candidate does not serve: no pod is available for 10 s"


def test_errors_break_a_candidate_at_once():
    problem = CandidateHealth().problem("v2", "", [200] * 6 + [500] * 4)
    assert problem == "the candidate answers 4 of 10 requests with an error, over 1.0%"


def test_an_error_at_the_bound_breaks_nothing():
    health = CandidateHealth()
    assert not any(health.problem("v2", "", [200] * 99 + [503]) for _ in range(5))


def test_the_plans_bound_is_taken():
    assert not CandidateHealth().problem("v2", "", [200] * 6 + [500] * 4, bound=0.5)


def test_another_candidate_starts_anew():
    health = CandidateHealth()
    assert not health.problem("v2", "", [200] * 8 + [503] * 1)
    assert not health.problem("v3", "", [200] * 8 + [503] * 1)
    assert list(health.errors) == [False] * 8 + [True]
