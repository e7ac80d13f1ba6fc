"""The kind of a data file, by its first bytes; its content, and a bound on its uncompressed size.

Memory is allocated for bytes that exist, never because a header asks for it.
"""

import codecs
import gzip
import io
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import DataError, explain
from ..tools.disk import open_plain

CSV, NPZ, NPY = "CSV", "NPZ", "NPY"
PARQUET, ARROW, EXCEL = FRAMES = ("Parquet", "Arrow", "Excel")
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"

TO_CSV = "to save it as CSV, such as by pandas' to_csv(..., index=False)"
UTF16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE
STDIN = "-"
UNPACK = "to unpack it first"
IN_UTF8 = "to save it as text in UTF-8"
# The first bytes of files of other kinds, what they are, and what to do.
FOREIGN = (
    ((b"\0\0\x08",), "an IDX file", "the folder with MNIST's four files"),
    ((b"\x89HDF",), "an HDF5 file", TO_CSV),
    ((b"SQLite format 3\0",), "an SQLite database", TO_CSV),
    ((b"%PDF-",), "a PDF file", TO_CSV),
    ((b'{"', b"{\n", b"{\r", b"[[", b"[{", b"[\n", b"[\r"), "JSON", TO_CSV),
    ((b"\x80",), "a pickle", TO_CSV),
    ((b"<!", b"<html", b"<?xml"), "a web page or XML", "the link to the file itself"),
    ((b"BZh91AY&SY",), "a bzip2 file", UNPACK),
    ((b"\xfd7zXZ",), "an xz file", UNPACK),
    ((b"\x28\xb5\x2f\xfd",), "a zstd file", UNPACK),
)

KNOWN = {b"\x93NUMPY": NPY, b"PAR1": PARQUET, b"ARROW1\0": ARROW, b"\xd0\xcf\x11\xe0": EXCEL}

MOST = 20  # times its own size: the most bytes that a file may hold compressed
ALWAYS = 1 << 24  # bytes that any file may hold compressed
CHUNK = 1 << 20


def kind_of(path: Path) -> str:
    """The kind of a file; DataError for one without a table, with what it is and what to do.

    For a file that does not exist, its name decides.
    """
    by_name = NPZ if path.suffix.lower() == ".npz" else CSV
    if str(path) == STDIN or not path.exists():
        return by_name
    with opened(path) as file:
        head = file.read(512)
    if head.startswith(ZIP):
        return EXCEL if is_workbook(path) else NPZ
    for beginning, kind in KNOWN.items():
        if head.startswith(beginning):
            return kind
    got, hint = what_is(head)
    if got != "text" or by_name == NPZ:
        expected = "an NPZ file" if by_name == NPZ else "a file with a table"
        raise DataError(explain(str(path), expected, got, hint))
    return CSV


def is_workbook(path: Path) -> bool:
    """Whether a ZIP file is one of Excel's."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def what_is(head: bytes) -> tuple[str, str]:
    """What a file with these first bytes is, and what to do about it."""
    for beginnings, what, hint in FOREIGN:
        if head.startswith(beginnings):
            return what, hint
    is_text = b"\0" not in head or head.startswith(UTF16)
    return ("text", "") if is_text else ("bytes that are not text", IN_UTF8)


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader | gzip.GzipFile]:
    """The bytes of a file, uncompressed if it is a gzip file; DataError if that is damaged."""
    with open_plain("data", path) as file:
        is_packed = file.read(len(GZIP)) == GZIP
        file.seek(0)
        try:
            yield gzip.GzipFile(fileobj=file) if is_packed else file
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(explain(str(path), "a whole gzip file", error)) from error


def content_of(path: Path) -> bytes:
    """The uncompressed bytes of a file, or of stdin; DataError, before they are kept, if a gzip
    file holds far more than its size suggests."""
    if str(path) == STDIN:
        return sys.stdin.buffer.read()
    with opened(path) as file:
        if isinstance(file, gzip.GzipFile):
            while file.read(CHUNK):
                check_size(path, file.tell())
            file.seek(0)
        return file.read()


def check_size(path: Path, unpacked: int) -> None:
    """DataError if a file may not hold so many uncompressed bytes."""
    most = max(ALWAYS, MOST * path.stat().st_size)
    if unpacked > most:
        expected = f"at most {most:,} bytes packed in it ({MOST} times its size)"
        hint = "gunzip, or np.savez, if that size is intended"
        raise DataError(explain(str(path), expected, f"{unpacked:,} or more", hint))
