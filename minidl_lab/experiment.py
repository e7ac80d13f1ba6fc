"""What an experiment is: a claim, a protocol, numbers, a rule that judges them, and pictures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from .bench import Bench
from .charts import Chart

Outcome = Literal["reproduced", "not reproduced", "true only when"]
Numbers = dict[str, Any]  # what JSON can hold


class Verdict(NamedTuple):
    """How a claim fared: in a few words, which are the condition where it is true only when
    something holds, and with the numbers that decided, its evidence.

    >>> print(Verdict("true only when", "the batch is small", "Of 64 images 61 % agree."))
    true only when the batch is small. Of 64 images 61 % agree.
    """

    outcome: Outcome
    words: str
    evidence: str

    @property
    def colon(self) -> str:
        """What stands after the outcome: of a condition nothing."""
        return "" if self.outcome == "true only when" else ":"

    def __str__(self) -> str:
        return f"{self.outcome}{self.colon} {self.words}. {self.evidence}"


class Experiment(ABC):
    """A claim put to the test.

    `measure` does all the work and gives numbers; `judge` and `charts` read these numbers alone,
    so a report can be made of a results file, and a test can plant results.
    """

    name: ClassVar[str]  # on the command line
    title: ClassVar[str]
    claim: ClassVar[str]  # as textbooks have it
    source: ClassVar[str]  # where it is from: paper and section
    protocol: ClassVar[str]  # what is done, fixed beforehand; paragraphs
    rule: ClassVar[str]  # what `judge` does, in words
    seconds: ClassVar[dict[str, float]]  # what it takes on two cores, by the scale's name

    @abstractmethod
    def measure(self, bench: Bench) -> Numbers:
        """Runs the experiment. All that takes time is done in `bench.cell`, which is not done
        again when a laboratory that was stopped goes on."""

    @abstractmethod
    def judge(self, numbers: Numbers) -> Verdict:
        """The verdict, by the rule."""

    @abstractmethod
    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Pictures and tables."""
