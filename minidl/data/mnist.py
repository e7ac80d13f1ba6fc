"""MNIST: 60,000 images of handwritten digits for training and 10,000 for testing.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
recognition, Proceedings of the IEEE 86 (1998).
"""

import os
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..errors import DataError, explain
from ..tools.checks import to_path
from .download import RemoteFile, download
from .idx import read_idx

# The files as they were published; the mirrors have the same bytes.
FILES = (
    RemoteFile(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    RemoteFile(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    RemoteFile(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    RemoteFile(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
)
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
CLASSES = 10

Split: TypeAlias = tuple[np.ndarray, np.ndarray]


class MissingDataError(DataError, FileNotFoundError):
    """Files that are needed do not exist."""


def mnist(root: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """`(x_train, y_train), (x_test, y_test)`: uint8 pixels (n, height · width), int64 labels (n,).

    The four files are in the folder `root`; without it in the folder that $MINIDL_DATA names; else
    in the user's cache folder, into which missing files are downloaded (12 MB, once). They have
    the names under which MNIST is published, compressed (.gz) or not; Fashion-MNIST and other data
    sets that use these names work too.

    MissingDataError (a DataError and a FileNotFoundError) if a file is missing and cannot be
    downloaded; DataError if its content is wrong: there must be as many labels as images, from 0
    to 9.

    >>> (x_train, y_train), (x_test, y_test) = mnist("examples/data/mnist")
    >>> x_train.shape, x_train.dtype, y_train[:5]
    ((60000, 784), dtype('uint8'), array([5, 0, 4, 1, 9]))
    """
    named = root if root is not None else os.environ.get("MINIDL_DATA") or None
    folder = cache_folder() if named is None else to_path("mnist", named).expanduser()
    x_train, y_train, x_test, y_test = _locate(folder, may_download=named is None)
    return _read_split(x_train, y_train), _read_split(x_test, y_test)


def cache_folder() -> Path:
    """The folder for downloads: $XDG_CACHE_HOME/minidl/mnist, else ~/.cache/minidl/mnist."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "minidl" / "mnist"


def _locate(folder: Path, may_download: bool) -> list[Path]:
    """The paths of the four files, in the order of FILES; missing ones are downloaded first."""
    paths = {file: path for file in FILES if (path := _find(folder, file))}
    missing = [file for file in FILES if file not in paths]
    if missing and not may_download:
        raise _not_there(folder, missing, "to name no folder, for mnist() to download them")
    for file in missing:
        try:
            paths[file] = download(file, MIRRORS, folder)
        except DataError as error:
            hint = f"a network, for the first time ({str(error).removesuffix('.')})"
            raise _not_there(folder, missing, hint) from error
    return [paths[file] for file in FILES]


def _find(folder: Path, file: RemoteFile) -> Path | None:
    """The file under one of its names: a-idx3-ubyte, or a.idx3-ubyte as in some archives."""
    name = file.name.removesuffix(".gz")
    dotted = name.replace("-idx", ".idx")
    candidates = (folder / n for n in (name, dotted, f"{name}.gz", f"{dotted}.gz"))
    return next((path for path in candidates if path.is_file()), None)


def _not_there(folder: Path, missing: list[RemoteFile], hint: str) -> MissingDataError:
    names = ", ".join(file.name for file in FILES)
    expected = f"the files {names} (or unpacked, without .gz) in the folder {folder}"
    got = f"no {', no '.join(file.name for file in missing)}"
    if not folder.is_dir():
        got = "a file" if folder.exists() else "no such folder"
    hint += "; or a folder that has them: mnist(root=...) or $MINIDL_DATA"
    return MissingDataError(explain("mnist", expected, got, hint))


def _read_split(x_path: Path, y_path: Path) -> Split:
    x, y = _read_uint8(x_path, axes=3), _read_uint8(y_path, axes=1)
    n, height, width = x.shape
    if len(y) != n:
        raise DataError(explain(f"mnist: {y_path}", f"{n} labels as in {x_path.name}", len(y)))
    if y.max(initial=0) >= CLASSES:
        raise DataError(
            explain(
                f"mnist: {y_path}",
                f"labels from 0 to {CLASSES - 1}",
                f"{y.max()} as number {y.argmax()}",
            )
        )
    return x.reshape(n, height * width), y.astype(np.int64)


def _read_uint8(path: Path, axes: int) -> np.ndarray:
    array = read_idx(path)
    if array.dtype != np.uint8 or array.ndim != axes:
        raise DataError(
            explain(
                f"mnist: {path}",
                f"uint8 with {axes} axes (magic number 00 00 08 {axes:02x})",
                f"{array.dtype} with {array.ndim}",
            )
        )
    return array
