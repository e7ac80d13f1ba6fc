"""Files on the disk: written whole or not at all, and read only where they are plain files.

A writer holds a lock on its temporary file. The system lets go of it when the writer dies, so a
temporary file that can be locked is nobody's any more.
"""

import errno
import fcntl
import io
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import ArgumentError, DataError, explain
from .checks import to_path

SUFFIX = ".tmp"
DESCRIPTORS = Path("/dev/fd")  # what this process has open, by numbers: /dev/stdout leads there

Parts = Iterable[bytes | memoryview]


class Target(NamedTuple):
    """Where something is to be written: a path, the status of what is there, and whether that is
    written into, as a pipe is, rather than replaced."""

    path: Path
    old: os.stat_result | None
    is_stream: bool


def put(path: Path, parts: Parts) -> None:
    """Makes `parts`, one after the other, the content of the file `path`.

    They go to a temporary file in the same folder, which is synced and then renamed; the folder is
    synced last. Whenever this stops, `path` holds all of the old content or all of the new. A new
    file has the mode that the umask gives, one that is replaced keeps its mode and its owner.
    Symbolic links are followed. A pipe or a character device, such as /dev/stdout, is written into.

    Errors as from `writable`; OSError, which names `path`, if the system refuses. The temporary
    file is gone after any exception.
    """
    try:
        target = writable(path)
        if target.is_stream:
            _write_into(target.path, parts)
        else:
            _replace(target.path, target.old, parts)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def put_picture(operation: str, figure: Any, path: str | os.PathLike[str], **options: Any) -> None:
    """Saves matplotlib's figure, in the format that the name's end says; without one, as PNG.

    ArgumentError for a format that matplotlib does not know; other errors as from `put`.
    """
    path = to_path(operation, path)
    kind, known = path.suffix[1:].lower() or "png", figure.canvas.get_supported_filetypes()
    if kind not in known:
        expected = f"a name that ends in one of .{', .'.join(sorted(known))}"
        raise ArgumentError(explain(operation, expected, str(path)))
    content = io.BytesIO()
    figure.savefig(content, format=kind, **options)
    put(path, [content.getbuffer()])


def writable(path: Path) -> Target:
    """What `put` would write to for this path.

    ArgumentError for what `put` neither replaces nor writes into: a socket, a block device, a file
    that has other names (hard links: these would keep the old content), or one of another owner,
    who would lose it. OSError for a folder, for a file that must not be written and for links that
    lead in a circle.
    """
    target = _followed(path)
    try:
        old = target.stat()
    except FileNotFoundError:
        return Target(target, None, False)
    mode = old.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or _is_descriptor(target):
        return Target(target, old, True)
    if not stat.S_ISREG(mode):
        expected = "a file, a pipe or a character device"
        raise ArgumentError(explain("saving", expected, f"{path}, a socket or a block device"))
    if old.st_nlink > 1:
        got = f"{path}, which has {old.st_nlink} names (hard links)"
        raise ArgumentError(explain("saving", "a file of one name", got, "another name"))
    if os.geteuid() not in (0, old.st_uid):
        got = f"{path}, which is user {old.st_uid}'s"
        raise ArgumentError(explain("saving", "a file of your own", got, "another name"))
    if not mode & stat.S_IWUSR:  # for root too: somebody wants to keep it
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return Target(target, old, False)


def open_plain(operation: str, path: Path, error: type[DataError] = DataError) -> io.BufferedReader:
    """The file, open for reading. `error` for a folder, and for a pipe or a device, which could be
    endless or never begin; OSError if there is no such file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # else a pipe waits for its writer
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise error(explain(f"{operation}: {path}", "a file", "a folder, a pipe or a device"))
    return open(descriptor, "rb")


def remove_leftovers(folder: Path, names: str) -> None:
    """Removes what writers that were killed left of files whose names fit the pattern `names`.

    Where the file system has no locks, nothing is removed.
    """
    for leftover in folder.glob(f".{names}.*{SUFFIX}"):
        with suppress(OSError), leftover.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            leftover.unlink()


def _followed(path: Path) -> Path:
    """Where symbolic links lead from `path`, be there something or nothing yet. What stands for an
    open file of this process stays as it is: that file is not to be replaced under its feet."""
    with suppress(FileNotFoundError):
        path.stat()  # an OSError for a circle
    while path.is_symlink() and not _is_descriptor(path):
        path = path.parent / path.readlink()
    return path


def _is_descriptor(path: Path) -> bool:
    """Whether the path stands for a file that this process has open."""
    return path.name.isdecimal() and path.parent.resolve() == DESCRIPTORS.resolve()


def _write_into(target: Path, parts: Parts) -> None:
    """Writes where there is nothing to replace: into a pipe, a device or an open file."""
    is_open = _is_descriptor(target)
    with open(os.dup(int(target.name)) if is_open else os.open(target, os.O_WRONLY), "wb") as file:
        for part in parts:
            file.write(part)


def _replace(target: Path, old: os.stat_result | None, parts: Parts) -> None:
    """Puts a new file into the place of the old one, if there is one."""
    while not _is_replaced(target, _temporary(target), old, parts):
        pass  # another process found the temporary file before it was locked, and removed it
    _sync_folder(target.parent)


def _temporary(target: Path) -> Path:
    """A name for a temporary file beside the target that no other file has."""
    return target.with_name(f".{target.name}.{os.urandom(8).hex()}{SUFFIX}")


def _is_replaced(target: Path, temporary: Path, old: os.stat_result | None, parts: Parts) -> bool:
    """Writes the temporary file and gives it the target's name; False if it was gone before that
    because another process removed it."""
    mode = 0o666 if old is None else 0o600  # until it has the old one's, it is for nobody else
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            if not temporary.exists():
                return False
            for part in parts:
                file.write(part)
            file.flush()
            if old is not None:
                _take_over(file, old)  # now: to write into a file takes its set-user-ID bit away
            os.fsync(file.fileno())
            os.replace(temporary, target)  # while the lock is held
            return True
    finally:
        temporary.unlink(missing_ok=True)


def _take_over(file: BinaryIO, old: os.stat_result) -> None:
    """Gives the file the owner and the mode of an old one. What is right is left alone, as there
    are file systems that know neither."""
    new = os.fstat(file.fileno())
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(file.fileno(), old.st_uid, old.st_gid)
    if new.st_mode != old.st_mode:
        os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` outlast a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
