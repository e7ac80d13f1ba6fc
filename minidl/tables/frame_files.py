"""Parquet, Arrow and Excel files, by pandas or polars, whichever is installed."""

from pathlib import Path
from typing import Any

from ..errors import DataError, MissingPackageError, explain
from .file_kinds import ARROW, EXCEL, PARQUET
from .frames import Frame

READERS = {  # of pandas, and of polars
    PARQUET: ("read_parquet", "read_parquet"),
    ARROW: ("read_feather", "read_ipc"),
    EXCEL: ("read_excel", "read_excel"),
}


def read_frame_file(path: Path, kind: str) -> Frame:
    """The data frame in a file; MissingPackageError if no package can read it."""
    reasons = []
    for package, reader in zip((pandas, polars), READERS[kind], strict=True):
        try:
            return Frame(getattr(package(), reader)(path), str(path))
        except ImportError as error:  # also of what the package needs itself, such as openpyxl
            reasons.append(str(error).splitlines()[0])
        except Exception as error:  # the packages have classes of their own
            raise DataError(explain(str(path), f"a whole {kind} file", error)) from error
    hint = "pip install 'minidl[tables]'"
    raise MissingPackageError(explain(str(path), "pandas or polars", "; ".join(reasons), hint))


def pandas() -> Any:
    """The package pandas."""
    import pandas

    return pandas


def polars() -> Any:
    """The package polars."""
    import polars

    return polars
