"""NPZ files: an array of inputs and an array of targets; nothing in them is executed."""

import zipfile
from pathlib import Path

import numpy as np

from ..errors import DataError, explain
from .table import Table


def read_npz(path: Path, inputs: str, target: str | None) -> Table:
    """The arrays of these names: inputs (rows, ...), flattened, uint8 ones as pixels, and targets
    (rows,) or (rows, 1). DataError, which names the file and the array, for anything else."""
    arrays = load(path, [inputs] if target is None else [inputs, target])
    x = arrays[inputs]
    if x.dtype.kind not in "biuf" or x.ndim == 0 or x.size == 0:
        expected = f"the array {inputs!r} of numbers (rows, columns)"
        raise DataError(explain(str(path), expected, f"{x.dtype} {x.shape}"))
    x = x.reshape(len(x), -1)
    if x.dtype != np.uint8:
        x = x.astype(np.float64)
        bad = np.argwhere(~np.isfinite(x))
        if len(bad):
            row, column = bad[0]
            place = f"{path}: {inputs!r}, row {row}, column {column}"
            raise DataError(explain(place, "a number", x[row, column]))
    values = None if target is None else texts(path, target, arrays[target], len(x))
    return Table(str(path), x, None, target, values, "row", range(len(x)))


def load(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """Some of a file's arrays."""
    if not zipfile.is_zipfile(path):
        path.open("rb").close()  # an OSError, if that is why
        raise DataError(explain(str(path), "an NPZ file", "something else", "np.savez"))
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in names:
                if name not in archive.files:
                    known = f"the arrays {', '.join(archive.files)}"
                    raise DataError(explain(str(path), f"an array {name!r}", known))
            return {name: archive[name] for name in names}
    except (DataError, OSError, MemoryError):
        raise
    except Exception as error:  # of zipfile, zlib, NumPy, and tokenize, by which it reads headers
        raise DataError(explain(str(path), "arrays of numbers or texts", error)) from error


def texts(path: Path, name: str, y: np.ndarray, rows: int) -> list[str]:
    """The targets as text, as a CSV file would have them."""
    if y.dtype.kind not in "biufU" or y.shape not in ((rows,), (rows, 1)):
        expected = f"the array {name!r} of {rows} numbers or texts"
        raise DataError(explain(str(path), expected, f"{y.dtype} {y.shape}"))
    return [str(value) for value in y.reshape(-1).tolist()]
