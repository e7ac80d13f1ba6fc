"""Files on the disk: written completely or not at all, and read only if they are plain files.

A writer holds a lock on its temporary file. The system releases the lock when the writer dies, so a
temporary file that can be locked is abandoned.
"""

import errno
import io
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ..errors import ArgumentError, DataError, explain
from .checks import to_path
from .locks import lock

SUFFIX = ".tmp"
IS_WINDOWS = os.name == "nt"  # neither renames nor removes a file that is open
DESCRIPTORS = Path("/dev/fd")  # this process' open files, by number; /dev/stdout leads there

Parts = Iterable[bytes | memoryview]


class Target(NamedTuple):
    """Where to write: a path, the status of the existing file, and whether it is written into, like
    a pipe, rather than replaced."""

    path: Path
    old: os.stat_result | None
    is_stream: bool


def put(path: Path, parts: Parts) -> None:
    """Writes `parts`, one after the other, as the content of the file `path`.

    They go to a temporary file in the same folder, which is synced and then renamed; the folder is
    synced last. Whenever this is interrupted, `path` has all of the old content or all of the new.
    A new file gets the mode of the umask; a replaced one keeps its mode and owner. Symbolic links
    are followed. A pipe or a character device, such as /dev/stdout, is written into.

    Errors as from `writable`; OSError, which names `path`, if the system refuses. After any
    exception the temporary file is removed.
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
    """Saves a matplotlib figure, in the format that the file's suffix names; without one as PNG.

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
    """The target that `put` writes to for this path.

    ArgumentError for a target that `put` neither replaces nor writes into: a socket, a block
    device, a file with several names (hard links: the others would keep the old content), or a file
    of another owner, who would lose it. OSError for a folder, for a file without permission to
    write and for circular links.
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
    if not IS_WINDOWS and os.geteuid() not in (0, old.st_uid):
        got = f"{path}, which is user {old.st_uid}'s"
        raise ArgumentError(explain("saving", "a file of your own", got, "another name"))
    if not mode & stat.S_IWUSR:  # also for root: somebody wants to keep it
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return Target(target, old, False)


def open_plain(operation: str, path: Path, error: type[DataError] = DataError) -> io.BufferedReader:
    """The file, open for reading. `error` for a folder, and for a pipe or a device, which could be
    endless or never begin; OSError if it does not exist."""
    waits_not = getattr(os, "O_NONBLOCK", 0)  # else a pipe would wait for its writer
    descriptor = os.open(path, os.O_RDONLY | waits_not)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise error(explain(f"{operation}: {path}", "a file", "a folder, a pipe or a device"))
    return open(descriptor, "rb")


def remove_leftovers(folder: Path, names: str) -> None:
    """Removes the temporary files of writers that were killed, for names that fit the pattern.

    Without locks in the file system, nothing is removed.
    """
    for leftover in folder.glob(f".{names}.*{SUFFIX}"):
        with suppress(OSError):
            if IS_WINDOWS:
                leftover.unlink()  # an error while its writer has it open
                continue
            with leftover.open("r+b") as file:
                lock(file, waits=False)
                leftover.unlink()


def _followed(path: Path) -> Path:
    """Where symbolic links lead from `path`, whether or not it exists. A path for an open file of
    this process stays as it is: that file must not be replaced while it is in use."""
    with suppress(FileNotFoundError):
        path.stat()  # an OSError for a circle
    while path.is_symlink() and not _is_descriptor(path):
        path = path.parent / path.readlink()
    return path


def _is_descriptor(path: Path) -> bool:
    """Whether the path stands for an open file of this process."""
    return path.name.isdecimal() and path.parent.resolve() == DESCRIPTORS.resolve()


def _write_into(target: Path, parts: Parts) -> None:
    """Writes into a pipe, a device or an open file, which cannot be replaced."""
    is_open = _is_descriptor(target)
    with open(os.dup(int(target.name)) if is_open else os.open(target, os.O_WRONLY), "wb") as file:
        for part in parts:
            file.write(part)


def _replace(target: Path, old: os.stat_result | None, parts: Parts) -> None:
    """Puts a new file in the place of the old one, if there is one."""
    while not _is_replaced(target, _temporary(target), old, parts):
        pass  # another process found the temporary file before it was locked, and removed it
    _sync_folder(target.parent)


def _temporary(target: Path) -> Path:
    """A name beside the target for a temporary file; no other file has it."""
    return target.with_name(f".{target.name}.{os.urandom(8).hex()}{SUFFIX}")


def _is_replaced(target: Path, temporary: Path, old: os.stat_result | None, parts: Parts) -> bool:
    """Writes the temporary file and renames it to the target; False if another process removed it
    before."""
    mode = 0o666 if old is None else 0o600  # private until it gets the old file's mode
    try:
        with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            with suppress(OSError):  # a file system without locks
                lock(file)
            if not temporary.exists():
                return False
            for part in parts:
                file.write(part)
            file.flush()
            if old is not None:
                _take_over(file, old)  # now, as writing to a file clears its set-user-ID bit
            os.fsync(file.fileno())
            if not IS_WINDOWS:
                os.replace(temporary, target)  # while the lock is held
        if IS_WINDOWS:
            try:
                os.replace(temporary, target)
            except FileNotFoundError:
                return False
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _take_over(file: BinaryIO, old: os.stat_result) -> None:
    """Gives the file the owner and the mode of an old one, where they differ: some file systems
    know neither."""
    new = os.fstat(file.fileno())
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(file.fileno(), old.st_uid, old.st_gid)
    if new.st_mode != old.st_mode:
        os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power failure. Windows opens no folders."""
    if IS_WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
