"""Data: tables, MNIST and other IDX files, in batches. Nothing is downloaded at import."""

from ..tables import Encoder, Table, table
from .batches import Batches, batches
from .idx import read_idx
from .mnist import MissingDataError, mnist

__all__ = [
    "Batches", "Encoder", "MissingDataError", "Table", "batches", "mnist", "read_idx", "table",
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__
