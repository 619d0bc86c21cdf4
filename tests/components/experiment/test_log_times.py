"""Times in anybody's logs: every usual form is read as the same moment, and others are refused in a sentence."""

from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.experiment.log_views import create_view
from components.experiment.records import AttributionRules

TIME = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)
MICROS = 1_792_483_200_000_000
HOUR = 3_600_000_000
UTC_TIME = pa.timestamp("us", "UTC")
FORMS = {
    "timestamp with zone": ([TIME], UTC_TIME),
    "timestamp": ([TIME.replace(tzinfo=None)], pa.timestamp("us")),
    "timestamp in ns": ([TIME.replace(tzinfo=None)], pa.timestamp("ns")),
    "timestamp in s": ([TIME.replace(tzinfo=None)], pa.timestamp("s")),
    "epoch s": ([MICROS // 1_000_000], pa.int64()),
    "epoch s, 32 bits": ([MICROS // 1_000_000], pa.uint32()),
    "epoch ms": ([MICROS // 1_000], pa.int64()),
    "epoch us": ([MICROS], pa.int64()),
    "epoch ns": ([MICROS * 1_000], pa.int64()),
    "epoch s as float": ([MICROS / 1_000_000], pa.float64()),
    "epoch ms as text": ([str(MICROS // 1_000)], pa.string()),
    "ISO with Z": (["2026-10-20T08:00:00Z"], pa.string()),
    "ISO with offset": (["2026-10-20T10:00:00+02:00"], pa.string()),
    "ISO without zone": (["2026-10-20 08:00:00"], pa.string()),
    "decimal s": ([Decimal(MICROS // 1_000_000)], pa.decimal128(12, 2)),
}


def read_times(tmp_path, values, type, columns=None, zone="UTC"):
    name = (columns or {}).get("time", "time")
    size = len(values)
    table = {
        name: pa.array(values, type),
        "request_id": ["r"] * size,
        "item_id": ["i"] * size,
        "kind": ["click"] * size,
    }
    pq.write_table(pa.table(table), tmp_path / "outcomes.parquet")
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        notes = create_view(db, "outcomes", tmp_path / "outcomes.parquet", columns or {}, AttributionRules(zone=zone))
        return [time for (time,) in db.execute("SELECT t FROM outcomes").fetchall()], notes


@pytest.mark.parametrize(("values", "type"), FORMS.values(), ids=FORMS)
def test_every_usual_form_is_read(tmp_path, values, type):
    assert read_times(tmp_path, values, type)[0] == [MICROS]


def test_a_date_is_midnight_and_noted(tmp_path):
    times, notes = read_times(tmp_path, [TIME.date()], pa.date32())
    assert times == [MICROS - 8 * HOUR]
    assert notes == ["outcomes.time has dates without a time: each is taken as some time on its day (UTC)"]


BERLIN = {
    "2026-10-20 10:00:00": MICROS,
    "2026-10-20T08:00:00Z": MICROS,
    "2026-10-25 02:30:00": MICROS + (5 * 24 - 7) * HOUR + HOUR // 2,  # repeated: 01:30 UTC, the second pass
    "2026-03-29 02:30:00": 1_774_747_800_000_000,  # skipped: 01:30 UTC, which is 03:30
    "infinity": None,
    "soon": None,
}


def test_local_times_are_read_in_their_zone(tmp_path):
    times, notes = read_times(tmp_path, list(BERLIN), pa.string(), zone="Europe/Berlin")
    assert times == list(BERLIN.values())
    assert notes[0].startswith("outcomes.time has times without a zone: they are taken as Europe/Berlin; in an hour")


@pytest.mark.parametrize("form", [FORMS["timestamp"], FORMS["ISO without zone"], (["2026-10-20"], pa.string())])
def test_times_without_a_zone_are_noted(tmp_path, form):
    assert "outcomes.time has times without a zone: they are taken as UTC" in read_times(tmp_path, *form)[1][0]


@pytest.mark.parametrize("form", ["timestamp with zone", "ISO with Z", "ISO with offset", "epoch ms"])
def test_times_with_a_zone_need_no_note(tmp_path, form):
    assert read_times(tmp_path, *FORMS[form])[1] == []


REFUSALS = {
    "20/10/2026 08:00": (["20/10/2026 08:00"], pa.string()),
    "20261020": ([20261020], pa.int64()),
    "yesterday": (["yesterday"], pa.string()),
    "values of type BOOLEAN": ([True], pa.bool_()),
}


@pytest.mark.parametrize(("content", "column"), REFUSALS.items(), ids=REFUSALS)
def test_other_forms_are_refused_in_a_sentence(tmp_path, content, column):
    with pytest.raises(ValueError, match="outcomes.at holds .*, which is no time that can be read: give ISO") as error:
        read_times(tmp_path, *column, columns={"time": "at"})
    assert content in str(error.value)


@pytest.mark.parametrize("stray", ["soon", "infinity", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", None])
def test_one_unreadable_time_leaves_the_others(tmp_path, stray):
    times, _ = read_times(tmp_path, ["2026-10-20T08:00:00Z", stray, "2026-10-20T08:00:00Z"], pa.string())
    assert times == [MICROS, None, MICROS]
