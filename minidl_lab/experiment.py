"""What an experiment is: a claim, a protocol, numbers, a rule that judges them, and pictures."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from .bench import Bench
from .charts import Chart

Outcome = Literal["reproduced", "not reproduced", "true only when", "undecided", "seen"]
Numbers = dict[str, Any]  # what JSON can hold


class Verdict(NamedTuple):
    """How a claim fared: in a few words, which are the condition where it is true only when
    something holds; with the numbers that decided, its evidence; and first with the size of the
    effect. A quick look gives none, but says what was "seen".

    >>> print(Verdict("true only when", "the batch is small", "Of 64 images 61 % agree."))
    true only when the batch is small. Of 64 images 61 % agree.
    """

    outcome: Outcome
    words: str
    evidence: str
    effect: str = ""  # a sentence: how large what was found is

    @property
    def colon(self) -> str:
        """The sign after the outcome: none before a condition."""
        return "" if self.outcome == "true only when" else ":"

    def without_verdict(self) -> "Verdict":
        """What was seen, where there is too little for a verdict."""
        return self._replace(outcome="seen", words="")

    def __str__(self) -> str:
        parts = [self.effect, f"{self.outcome}{self.colon} {self.words}.", self.evidence]
        if self.outcome == "seen":
            parts.pop(1)
        return " ".join(part for part in parts if part)


class Experiment(ABC):
    """A claim that is put to the test.

    `measure` does all the work and gives numbers; `judge` and `charts` read these numbers alone,
    so a report can be made of a results file, and a test can plant results. `minidl_lab.rules`
    says how a rule is written.
    """

    name: ClassVar[str]  # on the command line
    title: ClassVar[str]
    claim: ClassVar[str]  # in the words of textbooks
    source: ClassVar[str]  # paper and section
    protocol: ClassVar[str]  # what is done, fixed beforehand; paragraphs
    rule: ClassVar[str]  # what `judge` does, in words
    tried: ClassVar[Mapping[str, Sequence[Any]]] = {}  # other values of the limits of `judge`
    seconds: ClassVar[dict[str, float]]  # what it takes on two cores, by the scale's name

    @abstractmethod
    def measure(self, bench: Bench) -> Numbers:
        """Runs the experiment. Everything that takes time runs in `bench.cell` or, side by
        side, in `bench.cells`, so that it is not repeated when a stopped laboratory goes on."""

    @abstractmethod
    def judge(self, numbers: Numbers) -> Verdict:
        """The verdict, by the rule; its limits are more parameters, with their defaults."""

    @abstractmethod
    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Pictures and tables."""

    def in_short(self, numbers: Numbers) -> str:
        """What came out, in a sentence for readers without statistics; nothing if it is empty."""
        return ""
