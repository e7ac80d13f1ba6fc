"""Data: MNIST and other IDX files, in batches. Nothing is downloaded at import."""

from .batches import Batches, batches
from .idx import read_idx
from .mnist import MissingDataError, mnist

__all__ = ["Batches", "MissingDataError", "batches", "mnist", "read_idx"]

__all__ = ["Batches", "MissingDataError", "batches", "mnist", "read_idx"]


def __dir__() -> list[str]:
    return __all__
