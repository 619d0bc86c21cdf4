"""Six-field schedules as Kubeflow reads them."""

from datetime import UTC, datetime

import pytest

from pipelines.cluster.cron import next_times

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday


def said(cron, zone="UTC"):
    return [f"{time:%a %d %H:%M:%S %z}" for time in next_times(cron, zone, NOON)]


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("0 0 2 * * *", ["Fri 27 02:00:00 +0000", "Sat 28 02:00:00 +0000", "Sun 29 02:00:00 +0000"]),
        ("30 */20 * * * ?", ["Thu 26 12:00:30 +0000", "Thu 26 12:20:30 +0000", "Thu 26 12:40:30 +0000"]),
        ("0 0 9 * * mon-wed", ["Mon 30 09:00:00 +0000", "Tue 01 09:00:00 +0000", "Wed 02 09:00:00 +0000"]),
        ("0 0 0 1 1,7 *", ["Fri 01 00:00:00 +0000", "Thu 01 00:00:00 +0000", "Sat 01 00:00:00 +0000"]),
    ],
)
def test_the_next_three_times_are_those_after_the_moment(cron, times):
    assert said(cron) == times


def test_times_are_in_the_servers_zone_and_follow_its_summer_time():
    assert said("0 0 2 * * *", "Europe/Berlin")[0] == "Fri 27 02:00:00 +0100"
    assert f"{next_times('0 0 2 * * *', 'Europe/Berlin', datetime(2026, 7, 1, tzinfo=UTC))[0]:%z}" == "+0200"


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("0 2 * * *", "has five fields; Kubeflow's have seconds first: write '0 0 2 * * *'"),
        ("0 0 2 * *  * 2026", "has 7 fields; give six: second minute hour"),
        ("@daily", "has 1 fields; give six"),
        ("0 0 2 L * *", "'L' is no day-of-month"),
        ("0 0 25 * * *", "never fires or is none"),
        ("0 0 2 30 2 *", "never fires or is none"),
        ("0 0 2 * * 7", "Kubeflow knows no day-of-week 7; Sunday is 0"),
    ],
)
def test_what_the_server_would_refuse_or_read_otherwise_is_refused_here(cron, sentence):
    with pytest.raises(ValueError, match=sentence.replace("*", r"\*").replace("(", r"\(")):
        next_times(cron, "UTC", NOON)


def test_a_zone_that_is_none_is_refused():
    with pytest.raises(ValueError, match="zone 'Berlin' is none of the tz database"):
        next_times("0 0 2 * * *", "Berlin", NOON)
