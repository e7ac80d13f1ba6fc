"""How much is measured: the whole laboratory, or a quick look at it."""

from typing import NamedTuple

# The first seed of what is reported. Seeds below 100 and, after the rules of November 2026 were
# written, those from 100 to 119, which the laboratory had reported before, are for trying out.
REPORTED = 2000


class Scale(NamedTuple):
    """A size of the laboratory; everything that an experiment may read from it.

    >>> FULL.epochs(8), QUICK.epochs(8)
    (8, 1)
    """

    name: str
    images: int  # how many of MNIST's training images, from the first on
    tests: int  # how many of its test images
    seeds: int  # the most for reported results
    tuning_seeds: int  # the most for choosing a learning rate
    share: float  # of the epochs

    @property
    def is_judged(self) -> bool:
        """Whether it is the whole laboratory: of less there are no verdicts."""
        return self.name == "full"

    def epochs(self, full: int) -> int:
        """The number of epochs here, if it is `full` in the full laboratory."""
        return max(1, round(self.share * full))

    def some(self, full: int) -> list[int]:
        """The seeds of what is reported, where the full laboratory has so many."""
        return list(range(REPORTED, REPORTED + min(full, self.seeds)))

    def for_tuning(self, full: int) -> list[int]:
        """The seeds for choices; none of them is used for reported results."""
        return list(range(1000, 1000 + min(full, self.tuning_seeds)))


FULL = Scale("full", images=60_000, tests=10_000, seeds=20, tuning_seeds=3, share=1.0)
QUICK = Scale("quick", images=6_000, tests=2_000, seeds=3, tuning_seeds=1, share=0.15)
