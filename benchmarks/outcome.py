"""What came out: a median with its spread, the target, and whether it is met."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Spread(NamedTuple):
    """The median of some measurements, the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        values = list(values)
        return cls(statistics.median(values), min(values), max(values))


def number(value: float) -> str:
    """Three digits: 0.0123, 1.23, 123, 1230."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


class Target(NamedTuple):
    """A bound on a median: Target("≥", 1.0)."""

    sign: str
    bound: float

    def is_met(self, spread: Spread) -> bool:
        above, below = spread.median >= self.bound, spread.median <= self.bound
        return above if self.sign == "≥" else below

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"

    @classmethod
    def read(cls, text: str) -> "Target":
        """The target that is written so."""
        sign, bound = text.split()
        return cls(sign, float(bound))


@dataclass(frozen=True)
class Outcome:
    """One line of the table. `unit` says what the numbers are, `more` what else is of interest."""

    row: str
    what: str
    spread: Spread
    unit: str
    target: Target | None = None
    more: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if there is none."""
        return None if self.target is None else self.target.is_met(self.spread)


def ratios(peer: Sequence[float], own: Sequence[float]) -> Spread:
    """How many times as long as minidl the peer took, round by round: above 1, minidl is faster."""
    return Spread.of(p / o for p, o in zip(peer, own, strict=True))


class DisagreementError(RuntimeError):
    """Contenders that did not compute the same."""


def check_agreement(
    what: str, values: Mapping[str, float], tolerances: Mapping[str, float], usual: float
) -> None:
    """DisagreementError if a value is off minidl's by more than its relative tolerance."""
    own = values["minidl"]
    for label, value in values.items():
        allowed = tolerances.get(label, usual)
        if not abs(value - own) <= allowed * abs(own):  # a NaN is off, too
            raise DisagreementError(
                f"{what}: minidl has {own:.6g}, {label} {value:.6g}, more than {allowed:.2%} off"
            )
