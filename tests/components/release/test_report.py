"""What the steps of the release say in a line."""

from components.release.report import traffic_facts

SERVED = {"moved": "ramp", "reason": "r", "stable": "v1", "candidate": "v2", "traffic_percent": 50}


def test_while_a_candidate_has_traffic_both_shares_are_said():
    assert traffic_facts(SERVED)["figure"] == "50% to v2, 50% to v1"


def test_without_a_candidate_everybody_is_served_by_stable():
    said = traffic_facts(SERVED | {"moved": "promote", "stable": "v2", "candidate": None, "traffic_percent": 0})
    assert (said["figure"], said["candidate"]) == ("everybody to v2", "")


def test_with_nothing_registered_nobody_is_served():
    said = traffic_facts(SERVED | {"stable": None, "candidate": None, "traffic_percent": 0})
    assert said["figure"] == "nobody is served: no version is stable"
