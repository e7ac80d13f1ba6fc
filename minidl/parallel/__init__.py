"""Training on many processes and machines, which MPI connects: the bits are those of one."""

from .ranks import Ranks, world
from .step import DataParallel

__all__ = ["DataParallel", "Ranks", "world"]


def __dir__() -> list[str]:
    return __all__
