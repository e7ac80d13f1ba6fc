"""What an experiment is: a claim, a protocol, numbers, a rule that judges them, and pictures."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from .bench import Bench
from .charts import Chart

Outcome = Literal["reproduced", "not reproduced", "true only when"]
Numbers = dict[str, Any]  # JSON values


class Verdict(NamedTuple):
    """The result for a claim: the outcome, a few words (the condition, if it is true only when
    something holds), and the evidence, with the numbers that decided.

    >>> print(Verdict("true only when", "the batch is small", "Of 64 images 61 % agree."))
    true only when the batch is small. Of 64 images 61 % agree.
    """

    outcome: Outcome
    words: str
    evidence: str

    @property
    def colon(self) -> str:
        """The sign after the outcome: none before a condition."""
        return "" if self.outcome == "true only when" else ":"

    def __str__(self) -> str:
        return f"{self.outcome}{self.colon} {self.words}. {self.evidence}"


class Experiment(ABC):
    """A claim that is put to the test.

    `measure` does all the work and returns numbers; `judge` and `charts` read only these numbers.
    So a report can be made from a results file, and a test can make up results.
    """

    name: ClassVar[str]  # on the command line
    title: ClassVar[str]
    claim: ClassVar[str]  # in the words of textbooks
    source: ClassVar[str]  # paper and section
    protocol: ClassVar[str]  # what is done, fixed beforehand; paragraphs
    rule: ClassVar[str]  # what `judge` does, in words
    seconds: ClassVar[dict[str, float]]  # on two cores, by the name of the scale

    @abstractmethod
    def measure(self, bench: Bench) -> Numbers:
        """Runs the experiment. Everything that takes time runs in `bench.cell`, so that it is not
        repeated when a stopped laboratory goes on."""

    @abstractmethod
    def judge(self, numbers: Numbers) -> Verdict:
        """The verdict, by the rule."""

    @abstractmethod
    def charts(self, numbers: Numbers) -> Sequence[Chart]:
        """Pictures and tables."""
