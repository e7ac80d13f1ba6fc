"""A file written whole or not at all, and what killed writers left behind.

A writer holds a lock on its temporary file. The system lets go of it when the writer dies, so a
temporary file that can be locked is nobody's any more.
"""

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".tmp"


def put(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Makes `parts`, one after the other, the content of the file `path`.

    They go to a temporary file in the same folder, which is synced and then renamed; the folder is
    synced last. Whenever this stops, `path` holds all of the old content or all of the new. The
    file has the mode that the umask gives. OSError, which names `path`, if the system refuses; the
    temporary file is gone after any exception.
    """
    try:
        temporary, file = _begin(path)
        try:
            with file:
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, path)  # while the lock is held
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def remove_leftovers(folder: Path, names: str) -> None:
    """Removes what writers that were killed left of files whose names fit the pattern `names`.

    Where the file system has no locks, nothing is removed.
    """
    for leftover in folder.glob(f".{names}.*{SUFFIX}"):
        with suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _begin(path: Path) -> tuple[Path, BinaryIO]:
    """A new temporary file for `path`, locked."""
    while True:
        temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}{SUFFIX}")
        file = temporary.open("xb")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, file
        file.close()  # another process found it before it was locked, and removed it


def _sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
