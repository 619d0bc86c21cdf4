"""A server that is killed under load loses nothing that it answered."""

import pytest

from testing.server_faults import fault_figures

pytestmark = pytest.mark.slow  # starts servers, and kills them


def test_what_a_killed_server_answered_is_on_s3_once(tmp_path):
    found = fault_figures(tmp_path, rounds=1)
    assert found["exposures_answered"] > 0 and found["outcomes_answered"] > 0
    assert (found["exposures_lost"], found["requests_lost"], found["outcomes_lost"]) == (0, 0, 0)
    assert found["exposures_duplicated"] == 0
