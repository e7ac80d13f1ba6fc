"""How much is measured: the whole laboratory, or a quick look at it."""

from typing import NamedTuple


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

    def epochs(self, full: int) -> int:
        """The number of epochs here, if it is `full` in the full laboratory."""
        return max(1, round(self.share * full))

    def some(self, full: int) -> list[int]:
        """The seeds of reported results, if the full laboratory has `full` of them. Seeds below 100
        were used to try the protocols out."""
        return list(range(100, 100 + min(full, self.seeds)))

    def for_tuning(self, full: int) -> list[int]:
        """The seeds for choices; none of them is used for reported results."""
        return list(range(1000, 1000 + min(full, self.tuning_seeds)))


FULL = Scale("full", images=60_000, tests=10_000, seeds=20, tuning_seeds=3, share=1.0)
QUICK = Scale("quick", images=6_000, tests=2_000, seeds=3, tuning_seeds=1, share=0.15)
