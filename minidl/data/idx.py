"""The IDX format, in which MNIST is published: a magic number, the sizes, the numbers.

    bytes           what
    0 and 1         zero
    2               a code for the dtype
    3               the number of axes, d
    4 to 3 + 4d     the length of every axis, uint32
    the rest        the elements, last axis fastest

All numbers are big-endian. (Y. LeCun, C. Cortes, C. J. C. Burges, the MNIST database.)

A file may come from a stranger: memory is allocated for bytes that exist, never because a header
asks for it.
"""

import gzip
import io
import math
import os
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError, explain
from ..tools.checks import to_path
from ..tools.disk import open_plain

DTYPES = {
    code: np.dtype(name)
    for code, name in {
        0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8",
    }.items()
}  # fmt: skip
CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file; a file whose name ends in .gz is unpacked.

    The dtype is uint8, int8, int16, int32, float32 or float64, in this machine's byte order.
    DataError if the magic number, the size or the compression is wrong, or if bytes follow after
    the last element.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "labels")
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = to_path("read_idx", path)
    zipped = path.suffix == ".gz"
    with open_plain("read_idx", path) as plain, gzip.open(plain) if zipped else plain as file:
        try:
            return _read(file, path, None if zipped else path.stat().st_size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _wrong(path, "a whole gzip file", error) from error


def _wrong(path: Path, expected: str, got: object, hint: str = "") -> DataError:
    return DataError(explain(f"read_idx: {path}", expected, got, hint))


def _read(file: io.BufferedIOBase, path: Path, file_size: int | None) -> np.ndarray:
    """The array in an open file, of a known size if it is not compressed."""
    dtype, shape = _read_header(file, path)
    declared = math.prod(shape) * dtype.itemsize
    expected = f"{declared} bytes of {dtype.name} after the header, for shape {shape}"
    if file_size is not None and file_size - file.tell() != declared:
        raise _wrong(path, expected, file_size - file.tell())
    content = _read_at_most(file, declared + 1)
    if len(content) != declared:
        raise _wrong(path, expected, "more" if len(content) > declared else len(content))
    try:
        array = np.frombuffer(content, dtype).reshape(shape)
    except ValueError as error:  # a hundred axes, or lengths whose product overflows
        raise _wrong(path, "the shape of an array", f"{shape}: {error}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(file: io.BufferedIOBase, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES:
        codes = ", ".join(f"{code:02x}" for code in DTYPES)
        raise _wrong(
            path,
            f"the magic number 00 00, one of {codes}, and the number of axes",
            magic.hex(" ") or "an empty file",
            f"{path.name}.gz as the name, for it is compressed" if magic[:2] == b"\x1f\x8b" else "",
        )
    axes = magic[3]
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise _wrong(path, f"a header of {4 + 4 * axes} bytes", 4 + len(lengths))
    return DTYPES[magic[2]], tuple(np.frombuffer(lengths, ">u4").tolist())


def _read_at_most(file: io.BufferedIOBase, limit: int) -> bytearray:
    content = bytearray()
    while chunk := file.read(min(CHUNK, limit - len(content))):
        content += chunk
    return content
