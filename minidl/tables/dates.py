"""Dates and times as numbers: days since the beginning of 1970, a time alone as hours."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d(?:\.\d{1,9})?))?"
ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
YEAR, MONTH, DAY = r"(?P<year>\d{4})", r"(?P<month>\d{1,2})", r"(?P<day>\d{1,2})"


def dated(date: str) -> re.Pattern[str]:
    """The pattern of a date with or without a time."""
    return re.compile(rf"{date}(?:[T ]{TIME}(?: ?{ZONE}))?")


# A column is read by the first pattern that fits all of its cells.
ISO = dated(rf"{YEAR}([-/]){MONTH}(?:\2{DAY})?")
POINTS = dated(rf"{DAY}\.{MONTH}\.{YEAR}")
DAY_FIRST = dated(rf"{DAY}/{MONTH}/{YEAR}")
MONTH_FIRST = dated(rf"{MONTH}/{DAY}/{YEAR}")
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
NAMED = rf"(?P<month>(?i:{'|'.join(MONTHS)}))[a-z]*\.?"
DAY_NAMED = dated(rf"{DAY}[ -]{NAMED}[ -]{YEAR}")
NAMED_DAY = dated(rf"{NAMED}[ -]{DAY},?[ -]{YEAR}")
COMPACT = "yearmonthday"
ALONE = re.compile(TIME)
PATTERNS = {
    "year-month-day": ISO, "day.month.year": POINTS, "day/month/year": DAY_FIRST,
    "month/day/year": MONTH_FIRST, "day Month year": DAY_NAMED, "Month day year": NAMED_DAY,
    COMPACT: dated(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"), "time": ALONE,
}  # fmt: skip

BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)


def patterns_of(texts: Sequence[str]) -> list[str]:
    """The patterns by which all texts are dates or times; two if the day and the month of all of
    them can be exchanged.

    >>> patterns_of(["2026-01-31", "2026-02-01 12:30"])
    ['year-month-day']
    >>> patterns_of(["01/02/2026"]), patterns_of(["01/02/2026", "31/01/2026"]), patterns_of(["x"])
    (['day/month/year', 'month/day/year'], ['day/month/year'], [])
    >>> patterns_of(["31 January 2026", "1-Feb-2026"]), patterns_of(["Jan 31, 2026"])
    (['day Month year'], ['Month day year'])
    >>> patterns_of(["2026-01"]), patterns_of(["2026-13"])
    (['year-month-day'], [])
    """
    found = list(PATTERNS)
    for text in texts:
        found = [name for name in found if number_of(text, name) is not None]
        if not found:
            break
    return found if texts else []


def number_of(text: str, name: str) -> float | None:
    """A date as days since the beginning of 1970, a time alone as hours; None if the text is
    neither by the pattern of that name. A time without a zone is taken as UTC.

    >>> number_of("1970-01-02 12:00", "year-month-day"), number_of("7:30", "time")
    (1.5, 7.5)
    """
    match = PATTERNS[name].fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    try:
        hour, minute = int(part["hour"] or 0), int(part["minute"] or 0)
        second = float(part["second"] or 0)
        if hour > 23 or minute > 59 or second >= 60:
            return None
        time = timedelta(hours=hour, minutes=minute, seconds=second)
        if "year" not in part:
            return time / timedelta(hours=1)
        word = part["month"][:3].casefold()
        month = MONTHS.index(word) + 1 if word in MONTHS else int(word)
        year, day = int(part["year"]), int(part["day"] or 1)
        date = datetime(year, month, day, tzinfo=timezone.utc)
        return (date + time - zone_of(part["zone"]) - BEGINNING) / timedelta(days=1)
    except (ValueError, OverflowError):
        return None


def zone_of(zone: str | None) -> timedelta:
    """How far a zone's clock is ahead of UTC."""
    if zone is None or zone == "Z":
        return timedelta(0)
    digits = zone.replace(":", "")
    ahead = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return -ahead if zone[0] == "-" else ahead
