"""NPZ files, and pairs of .npy files: an array of inputs and one of targets; nothing in them is
executed."""

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from ..errors import DataError, explain, some
from .file_kinds import TO_CSV, check_size
from .table import Table


def read_npz(path: Path, inputs: str, target: str | None) -> Table:
    """The arrays with these names: inputs (rows, ...), flattened, where uint8 are pixels and NaN is
    a missing number; and targets (rows,) or (rows, 1). DataError, which names the file and the
    array, for anything else."""
    arrays = load(path, [inputs] if target is None else [inputs, target])
    x = numbers_of(f"{path}: {inputs!r}", arrays[inputs])
    values = None if target is None else texts(f"{path}: {target!r}", arrays[target], len(x))
    look = " and ".join(f"array {name!r}" for name in arrays)
    return Table(str(path), x, None, target, values, "row", range(len(x)), look)


def read_npy(path: Path, target: str | None) -> Table:
    """The inputs in a .npy file, and the targets in the .npy file `target`."""
    x = numbers_of(str(path), array_of(path))
    values = None if target is None else texts(target, array_of(Path(target)), len(x))
    return Table(str(path), x, None, target, values, "row", range(len(x)), "an array")


def array_of(path: Path) -> np.ndarray:
    """The array in a .npy file."""
    try:
        return array_in(str(path), lambda: path.open("rb"), path.stat().st_size)
    except (ValueError, KeyError, EOFError) as error:
        raise DataError(explain(str(path), "a whole .npy file", error)) from error


def load(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """Some of a file's arrays."""
    if not zipfile.is_zipfile(path):
        path.open("rb").close()  # an OSError, if that is why
        raise DataError(explain(str(path), "an NPZ file", "something else", "np.savez"))
    try:
        with zipfile.ZipFile(path) as archive:
            files = archive.namelist()
            known = [name.removesuffix(".npy") for name in files if name.endswith(".npy")]
            if not known:
                got = "a ZIP file without arrays"
                raise DataError(explain(str(path), "an NPZ file", got, TO_CSV))
            for name in names:
                if name not in known:
                    got = f"the arrays {some(known)}"
                    raise DataError(explain(str(path), f"an array {name!r}", got))
            return {name: array(path, archive, name) for name in names}
    except (DataError, MemoryError):
        raise
    except Exception as error:  # of zipfile, zlib, NumPy, tokenize; OSError for wrong offsets
        raise DataError(explain(str(path), "arrays of numbers or texts", error)) from error


def array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array of an archive."""
    member = archive.getinfo(f"{name}.npy")
    check_size(path, member.file_size)
    return array_in(f"{path}: {name!r}", lambda: archive.open(member), member.file_size)


def array_in(place: str, opened: Callable[[], IO[bytes]], size: int) -> np.ndarray:
    """The array in a .npy file of that size; it takes no more memory than it has bytes there."""
    with opened() as file:
        read_header = {
            (1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0,
        }[npy.read_magic(file)]  # fmt: skip
        shape, _, dtype = read_header(file)
        wanted, given = math.prod(shape) * dtype.itemsize, size - file.tell()
    if wanted != given and not dtype.hasobject:
        expected = f"{wanted:,} bytes of numbers, for {dtype} {shape}"
        raise DataError(explain(place, expected, f"{given:,}"))
    with opened() as file:
        return npy.read_array(file, allow_pickle=False)


def numbers_of(place: str, x: np.ndarray) -> np.ndarray:
    """An array of inputs as rows of float64, or uint8; DataError if these are no numbers."""
    if x.dtype.kind not in "biuf" or x.ndim == 0 or x.size == 0:
        raise DataError(
            explain(place, "an array of numbers (rows, columns)", f"{x.dtype} {x.shape}")
        )
    x = x.reshape(len(x), -1)
    if x.dtype == np.uint8:
        return x
    x = x.astype(np.float64)
    for row, column in np.argwhere(np.isinf(x)):
        at = f"{place}, row {row}, column {column}"
        raise DataError(explain(at, "a number", x[row, column]))
    return x


def texts(place: str, y: np.ndarray, rows: int) -> list[str]:
    """An array of targets as texts, as in a CSV file."""
    if y.dtype.kind not in "biufU" or y.shape not in ((rows,), (rows, 1)):
        expected = f"an array of {rows} numbers or texts"
        raise DataError(explain(place, expected, f"{y.dtype} {y.shape}"))
    spelled: dict[str, str] = {}  # keeps each text once
    return [spelled.setdefault(text, text) for text in map(str, y.reshape(-1))]
