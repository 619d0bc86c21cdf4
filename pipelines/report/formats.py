"""Numbers as a person reads them: the filters of the report's template. What is no number becomes a dash."""

from datetime import datetime

MISSING = "–"


def number(value, digits: int = 3) -> str:
    """Format a number, with thousands separated."""
    if not isinstance(value, (int, float)):
        return MISSING
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def with_sign(value, digits: int = 3) -> str:
    """Format a difference with its sign."""
    return f"{value:+.{digits}f}".replace("-", "−") if isinstance(value, (int, float)) else MISSING


def percent(value, sign: str = "", digits: int = 1) -> str:
    """Format a share or a relative lift, with `sign` "+" to always show one."""
    return f"{value:{sign}.{digits}%}".replace("-", "−") if isinstance(value, (int, float)) else MISSING


def duration(seconds) -> str:
    """Format seconds as seconds, minutes, or hours and minutes."""
    if not isinstance(seconds, (int, float)):
        return MISSING
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def day(time) -> str:
    """Format an ISO time as day, month, year and minute."""
    return f"{datetime.fromisoformat(time):%-d %B %Y, %H:%M %Z}" if isinstance(time, str) else MISSING


def words(name) -> str:
    """Replace the underscores of an identifier by blanks."""
    return str(name).replace("_", " ")


FILTERS = {"number": number, "percent": percent, "signed": with_sign, "duration": duration, "day": day, "words": words}
