"""When a schedule fires: Kubeflow's six fields (seconds first), checked before the server reads them its own way.

Kubeflow parses with robfig/cron v1.2, which takes a five-field crontab for one whose weekday was left out.
"""

import re
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

FIELDS = "second minute hour day-of-month month day-of-week"
KNOWN = re.compile(r"([0-9*/,\-?]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)+", re.I)


def next_times(cron: str, zone: str, since: datetime, count: int = 3) -> list[datetime]:
    """The next times at which `cron` fires after `since`, in the server's time zone.

    Raises:
        ValueError: the server would refuse the schedule or read it otherwise, or knows no such zone.
    """
    _check(cron)
    try:
        here = since.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"zone {zone!r} is none of the tz database; give one as Europe/Berlin or UTC") from error
    times = croniter(cron.replace("?", "*"), here, ret_type=datetime, second_at_beginning=True)
    return list(islice(times.all_next(), count))


def _check(cron: str) -> None:
    parts = cron.split()
    if len(parts) == 5:
        raise ValueError(f"cron {cron!r} has five fields; Kubeflow's have seconds first: write '0 {cron}'")
    if len(parts) != 6:
        raise ValueError(f"cron {cron!r} has {len(parts)} fields; give six: {FIELDS}, as '0 0 2 * * *'")
    for name, part in zip(FIELDS.split(), parts, strict=True):
        if not KNOWN.fullmatch(part):
            raise ValueError(
                f"cron {cron!r}: {part!r} is no {name}; give numbers, *, ranges a-b, lists a,b or steps */n"
            )
    if re.search(r"(^|[,\-])7", parts[5]):
        raise ValueError(f"cron {cron!r}: Kubeflow knows no day-of-week 7; Sunday is 0")
    try:
        next(croniter(cron.replace("?", "*"), datetime(2026, 1, 1), second_at_beginning=True).all_next())
    except (ValueError, StopIteration) as error:
        raise ValueError(f"cron {cron!r} never fires or is none: {error}") from error
