"""A server that is killed under load loses nothing that it answered."""

import pytest

from testing.server_faults import fault_figures

pytestmark = pytest.mark.slow  # starts servers, and kills them


def test_a_killed_server_loses_no_answered_page(tmp_path):
    figures = fault_figures(tmp_path, rounds=1)
    assert figures["exposures_answered"] > 0 and figures["outcomes_answered"] > 0
    assert (figures["exposures_lost"], figures["requests_lost"], figures["outcomes_lost"]) == (0, 0, 0)
    assert figures["exposures_duplicated"] == 0
