"""Numbers as a person reads them: the filters of the report's template. What is no number becomes a dash."""

from datetime import datetime

NONE = "–"


def figure(value, digits: int = 3) -> str:
    """A number as a person reads it; a dash for none."""
    if not isinstance(value, (int, float)):
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def signed(value, digits: int = 3) -> str:
    """A difference with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−") if isinstance(value, (int, float)) else NONE


def percent(value, sign: str = "", digits: int = 1) -> str:
    """A share or relative lift, `sign` "+" to always show one."""
    return f"{value:{sign}.{digits}%}".replace("-", "−") if isinstance(value, (int, float)) else NONE


def duration(seconds) -> str:
    """Seconds in words."""
    if not isinstance(seconds, (int, float)):
        return NONE
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def day(time) -> str:
    """A moment as a person writes it."""
    return f"{datetime.fromisoformat(time):%-d %B %Y, %H:%M %Z}" if isinstance(time, str) else NONE


FILTERS = {"figure": figure, "percent": percent, "signed": signed, "duration": duration, "day": day}
