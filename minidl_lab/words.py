"""How verdicts and tables write numbers."""

import math
from collections.abc import Mapping, Sequence


def percent(share: float) -> str:
    """A share with up to three digits; 0 % and 100 % only if it is exact.

    >>> percent(0.005), percent(0.02), percent(0.0), percent(1.0)
    ('0.5 %', '2 %', '0 %', '100 %')
    >>> percent(0.9999), percent(1e-9)
    ('over 99.9 %', 'under 0.0001 %')
    """
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    if 0 < share < 1e-6:
        return "under 0.0001 %"
    return f"{100 * share:.3g} %"


def ratio(interval: Sequence[float]) -> str:
    """A ratio with its interval.

    >>> ratio([1.5, 1.25, 2.0])
    '1.50 (1.25 to 2.00)'
    """
    value, low, high = interval
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def of_100(ratio: float) -> str:
    """How many there are where the other has 100, or a dash.

    >>> of_100(1.234), of_100(float("nan"))
    ('123', '–')
    """
    return f"{100 * ratio:.0f}" if math.isfinite(ratio) else "–"


def count(value: float | None, digits: int = 0) -> str:
    """A number, or a dash.

    >>> count(12.34), count(12.34, 1), count(None)
    ('12', '12.3', '–')
    """
    return "–" if value is None else f"{value:.{digits}f}"


def points(gains: Sequence[Sequence[float]]) -> str:
    """Differences of error rates, in percentage points with their intervals.

    >>> points([(0.012, 0.01, 0.014)])
    '1.20 (1.00 to 1.40)'
    """
    return " and ".join(f"{100 * v:.2f} ({100 * lo:.2f} to {100 * hi:.2f})" for v, lo, hi in gains)


def listed(words: Sequence[str]) -> str:
    """Words one after the other.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    return " and ".join([", ".join(words[:-1]), *words[-1:]] if len(words) > 1 else words)


def parts_in_words(parts: Mapping[str, bool | None]) -> str:
    """Which parts of a claim hold, which do not, and which are undecided.

    >>> parts_in_words({"a": True, "b": True}), parts_in_words({"a": True, "b": False, "c": None})
    ('a, b', 'false: b; undecided: c; true: a')
    """
    of = {
        kind: ", ".join(part for part, holds in parts.items() if holds is one)
        for kind, one in (("false", False), ("undecided", None), ("true", True))
    }
    if of["true"] and not of["false"] and not of["undecided"]:
        return of["true"]
    return "; ".join(f"{kind}: {those}" for kind, those in of.items() if those)
