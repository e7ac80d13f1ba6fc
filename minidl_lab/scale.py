"""How much is measured: the whole laboratory, or a quick look at it."""

from typing import NamedTuple


class Scale(NamedTuple):
    """A size of the laboratory. An experiment reads from it what it needs, and nothing else.

    >>> FULL.epochs(8), QUICK.epochs(8)
    (8, 1)
    """

    name: str
    images: int  # of MNIST's training images, the first so many
    tests: int  # of its test images
    seeds: int  # at most, for what is reported
    tuning_seeds: int  # at most, for choosing a learning rate
    share: float  # of the epochs

    def epochs(self, full: int) -> int:
        """How many epochs are trained where the full laboratory trains so many."""
        return max(1, round(self.share * full))

    def some(self, full: int) -> list[int]:
        """The seeds of what is reported, where the full laboratory has so many. Those below 100
        were for trying the protocols out."""
        return list(range(100, 100 + min(full, self.seeds)))

    def for_tuning(self, full: int) -> list[int]:
        """The seeds with which a choice is made: none of those that are reported."""
        return list(range(1000, 1000 + min(full, self.tuning_seeds)))


FULL = Scale("full", images=60_000, tests=10_000, seeds=20, tuning_seeds=3, share=1.0)
QUICK = Scale("quick", images=6_000, tests=2_000, seeds=3, tuning_seeds=1, share=0.15)
