"""When a schedule fires: Kubeflow's six fields (seconds first), read by the rules of robfig/cron v1.2.

Kubeflow parses with that library. It takes a five-field crontab for one whose weekday was left out, refuses ranges that
wrap around, wants both day fields to match where one of them has a star, and fires at each instant whose local time
matches: never in an hour that the clock skips, twice in one that it repeats.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
RANGE = re.compile(r"(?P<low>\*|\?|[a-z0-9]+)(-(?P<high>[a-z0-9]+))?(/(?P<step>\d+))?", re.I)
YEARS = 5  # robfig/cron looks no further ahead
QUARTER = timedelta(minutes=15)  # all offsets of zones are multiples of it


@dataclass(frozen=True)
class Field:
    """One field of a schedule: its name, bounds, and names of its values."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day-of-month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day-of-week", 0, 6, WEEKDAYS),
)


@dataclass(frozen=True)
class Values:
    """The values of one field, and whether it has a star."""

    numbers: frozenset[int]
    has_star: bool


@dataclass(frozen=True)
class Schedule:
    """The six fields of a schedule."""

    second: Values
    minute: Values
    hour: Values
    day: Values
    month: Values
    weekday: Values

    def fires_on(self, date: datetime) -> bool:
        """Return whether the schedule fires on a date.

        Both day fields must match where one has a star, or else one of them.
        """
        if date.month not in self.month.numbers:
            return False
        day_matches = date.day in self.day.numbers
        weekday_matches = date.isoweekday() % 7 in self.weekday.numbers
        if self.day.has_star or self.weekday.has_star:
            return day_matches and weekday_matches
        return day_matches or weekday_matches


def next_times(cron: str, zone: str, since: datetime, count: int = 3) -> list[datetime]:
    """Return the next times at which `cron` fires after `since`, in the server's zone.

    Raises:
        ValueError: the server would refuse the schedule or read it otherwise, or the zone does not exist.
    """
    schedule = parse(cron)
    try:
        zone_info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"zone {zone!r} is none of the tz database; give one as Europe/Berlin or UTC") from error
    times = list(islice(_fire_times(schedule, zone_info, since), count))
    if not times:
        raise ValueError(f"cron {cron!r} never fires in {YEARS} years")
    return times


def parse(cron: str) -> Schedule:
    """Read a schedule of six fields.

    Raises:
        ValueError: the server would refuse it or read it otherwise.
    """
    texts = cron.split()
    if len(texts) == 5:
        raise ValueError(f"cron {cron!r} has five fields; Kubeflow's have seconds first: write '0 {cron}'")
    if len(texts) != 6:
        names = " ".join(field.name for field in FIELDS)
        raise ValueError(f"cron {cron!r} has {len(texts)} fields; give six: {names}, as '0 0 2 * * *'")
    try:
        return Schedule(*(_parse_field(field, text) for field, text in zip(FIELDS, texts, strict=True)))
    except ValueError as error:
        raise ValueError(f"cron {cron!r}: {error}") from None


def _parse_field(field: Field, text: str) -> Values:
    numbers = set()
    has_star = False
    for part in text.split(","):
        match = RANGE.fullmatch(part)
        if not match:
            raise ValueError(f"{part!r} is no {field.name}; give numbers, *, ranges a-b, lists a,b or steps */n")
        is_star = match["low"] in "*?"
        low = field.low if is_star else _parse_number(field, match["low"])
        high = _range_end(field, match, low)
        if low > high:
            ranges = f"{_show_range(low, field.high)},{_show_range(field.low, high)}"
            raise ValueError(f"{part!r} runs backwards, which Kubeflow refuses: write '{ranges}'")
        step = int(match["step"] or 1)
        if not step:
            raise ValueError(f"{part!r} has step 0; give a step from 1")
        numbers |= set(range(low, high + 1, step))
        has_star |= is_star
    return Values(frozenset(numbers), has_star)


def _show_range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _range_end(field: Field, match: re.Match, low: int) -> int:
    if match["high"]:
        return _parse_number(field, match["high"])
    runs_to_the_end = match["low"] in "*?" or match["step"]  # "5/10" means "5-59/10"
    return field.high if runs_to_the_end else low


def _parse_number(field: Field, text: str) -> int:
    if text.lower() in field.names:
        return field.low + field.names.index(text.lower())
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no {field.name}; give numbers, *, ranges a-b, lists a,b or steps */n")
    if not field.low <= int(text) <= field.high:
        if field.name == "day-of-week" and text == "7":
            raise ValueError("Kubeflow knows no day-of-week 7; Sunday is 0")
        raise ValueError(f"{text} is no {field.name}, which goes from {field.low} to {field.high}")
    return int(text)


def _fire_times(schedule: Schedule, zone: ZoneInfo, since: datetime) -> Iterator[datetime]:
    """Yield the instants after `since` whose local time matches, quarter of an hour by quarter."""
    since = since.astimezone(UTC)
    quarter = since.replace(minute=since.minute // 15 * 15, second=0, microsecond=0)
    last_year = since.astimezone(zone).year + YEARS
    while (local := quarter.astimezone(zone)).year <= last_year:
        if not schedule.fires_on(local):
            quarter += max(QUARTER, timedelta(hours=20 - local.hour))  # never past midnight, even as clocks change
            continue
        if local.hour in schedule.hour.numbers:
            yield from (time.astimezone(zone) for time in _times_in_quarter(schedule, quarter, local) if time > since)
        quarter += QUARTER


def _times_in_quarter(schedule: Schedule, quarter: datetime, local: datetime) -> Iterator[datetime]:
    minutes = sorted(minute - local.minute for minute in schedule.minute.numbers)
    for minute in (minute for minute in minutes if 0 <= minute < 15):
        for second in sorted(schedule.second.numbers):
            yield quarter + timedelta(minutes=minute, seconds=second)
