"""Gaps in the logs: what they say, and which of them overlap a period."""

from datetime import UTC, datetime, timedelta

import pytest

from components import storage
from components.log_gaps import LogGap, merge_gaps, object_name, read_gaps

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GAP = LogGap(NOON, NOON + HOUR, {"exposures": 3}, "the spool is full")


def test_a_gap_survives_its_document():
    assert LogGap.from_json(GAP.to_json()) == GAP and GAP.row_count == 3


def test_merged_gaps_span_both():
    later = LogGap(NOON + 2 * HOUR, NOON + 3 * HOUR, {"exposures": 1, "requests": 1}, "the disk is full")
    assert merge_gaps(GAP, None) == merge_gaps(None, GAP) == GAP
    assert merge_gaps(GAP, later) == LogGap(NOON, NOON + 3 * HOUR, {"exposures": 4, "requests": 1}, "the disk is full")


@pytest.mark.slow
def test_only_overlapping_gaps_are_read(s3):
    storage.put_bytes(object_name(GAP, "server-1"), GAP.to_json())
    assert read_gaps(NOON - HOUR, NOON) == read_gaps(NOON + HOUR, NOON + 2 * HOUR) == [GAP]
    assert read_gaps(NOON + 2 * HOUR, NOON + 3 * HOUR) == read_gaps(NOON - 2 * HOUR, NOON - HOUR) == []
