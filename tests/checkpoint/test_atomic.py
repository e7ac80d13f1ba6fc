"""Writing: the old file or the new one, whatever goes wrong in between."""

import errno
import fcntl
import os
import resource
import runpy
import stat
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from minidl.checkpoint import Folder, read, write
from minidl.tools import disk, locks

ARRAYS = {"w": np.arange(50_000, dtype=np.float32)}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.safetensors"
    write(path, {"w": np.zeros(3)}, {"epoch": 1})
    return path


def assert_old_and_alone(path):
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert read(path)[1] == {"epoch": 1}


def test_the_file_is_synced_then_renamed_then_the_folder_is_synced(path, monkeypatch):
    kinds = []
    real = os.fsync

    def fsync(descriptor):
        status = os.fstat(descriptor)
        kinds.append("folder" if stat.S_ISDIR(status.st_mode) else status.st_size)
        real(descriptor)

    def replace(source, target):
        assert Path(source).parent == Path(target).parent == path.parent
        kinds.append("rename")
        os.rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write(path, ARRAYS)
    assert kinds == [path.stat().st_size, "rename", "folder"]


# ---- a system that refuses ----------------------------------------------------------------------


@contextmanager
def files_of_at_most(size):
    """As on a full disk, a write beyond so many bytes fails; Python ignores SIGXFSZ."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 300, 4096, 100_000, 200_000])
def test_a_disk_that_is_full_after_some_bytes(path, size):
    with files_of_at_most(size), pytest.raises(OSError, match="a.safetensors") as refusal:
        write(path, ARRAYS)
    assert refusal.value.errno == errno.EFBIG
    assert refusal.value.filename == str(path)
    assert_old_and_alone(path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_system_call_that_fails(path, monkeypatch, function, number):
    def fails(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, function, fails)
    with pytest.raises(OSError, match="a.safetensors") as refusal:
        write(path, ARRAYS)
    assert refusal.value.errno == number
    assert_old_and_alone(path)


def test_the_folder_cannot_be_synced(path, monkeypatch):
    """The new file is there and whole; whether it outlasts a power failure is not known."""
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="a.safetensors"):
        write(path, ARRAYS, {"epoch": 2})
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert read(path)[1] == {"epoch": 2}


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_ctrl_c(path, monkeypatch, function):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, function, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(path, ARRAYS)
    assert_old_and_alone(path)


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"):
        write(tmp_path / "a", ARRAYS)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


# ---- modes and leftovers ------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_the_mode_is_the_umasks(tmp_path, umask):
    before = os.umask(umask)
    try:
        write(tmp_path / "a", {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


def begun(path):
    """What a writer of this file has while it writes."""
    temporary = disk._temporary(path)
    file = temporary.open("xb")
    fcntl.flock(file, fcntl.LOCK_EX)
    return temporary, file


def test_a_dead_writers_file_is_removed_a_live_ones_is_not(tmp_path):
    folder = Folder(tmp_path)
    temporary, file = begun(tmp_path / "step-00000007.safetensors")
    other, other_file = begun(tmp_path / "another.safetensors")
    other_file.close()
    folder.save(1, ARRAYS, {})
    assert temporary.exists()
    file.close()  # as the system does it for a process that ends
    folder.save(2, ARRAYS, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        other.name,
        "step-00000001.safetensors",
        "step-00000002.safetensors",
    ]


def test_a_temporary_file_that_is_removed_before_it_is_locked(path, monkeypatch):
    real = fcntl.flock
    removed = []

    def flock(file, operation):
        if not removed:
            removed.append(Path(file.name))
            removed[0].unlink()
        real(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    write(path, {}, {"epoch": 1})
    assert removed
    assert_old_and_alone(path)


def test_the_windows_branch(tmp_path, monkeypatch):
    """Nothing that Windows refuses: to rename or to remove an open file, and to open a folder."""
    opened = {}
    real_open, real_replace, real_unlink = os.open, os.replace, Path.unlink

    def is_open(path):
        return any(file.exists() and file.samefile(path) for file in Path("/dev/fd").iterdir())

    def open_(path, *options):
        assert not Path(path).is_dir()
        opened[str(path)] = True
        return real_open(path, *options)

    def replace(old, new):
        assert not is_open(old)
        real_replace(old, new)

    def unlink(path, missing_ok=False):
        if path.exists() and is_open(path):
            raise PermissionError(errno.EACCES, "in use")
        real_unlink(path, missing_ok)

    monkeypatch.setattr(disk, "IS_WINDOWS", True)
    monkeypatch.setattr(os, "open", open_)
    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.delattr(os, "geteuid")
    monkeypatch.delattr(os, "O_NONBLOCK")
    live, file = begun(tmp_path / "step-00000007.safetensors")
    dead, dead_file = begun(tmp_path / "step-00000008.safetensors")
    dead_file.close()
    for _ in range(2):
        Folder(tmp_path).save(1, ARRAYS, {})
    assert opened
    assert Folder(tmp_path).newest().step == 1
    assert live.exists()
    assert not dead.exists()
    file.close()


def test_the_windows_lock(monkeypatch, tmp_path):
    held = []
    windows = types.ModuleType("msvcrt")
    windows.LK_LOCK, windows.LK_NBLCK = "waits", "does not"
    windows.locking = lambda number, mode, size: held.append(
        (mode, size, os.lseek(number, 0, os.SEEK_CUR))
    )
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    monkeypatch.setattr(sys, "platform", "win32")
    lock = runpy.run_path(locks.__file__)["lock"]
    with open(tmp_path / "a", "xb") as file:
        file.write(b"abc")
        lock(file)
        lock(file, waits=False)
        file.write(b"def")
    assert held == [("waits", 1, 2**30), ("does not", 1, 2**30)], "a byte behind the content"
    assert (tmp_path / "a").read_bytes() == b"abcdef"


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    temporary, file = begun(tmp_path / "step-00000007.safetensors")
    file.close()
    monkeypatch.setattr(fcntl, "flock", flock)
    Folder(tmp_path).save(1, {}, {})
    assert temporary.exists()
    assert Folder(tmp_path).newest().step == 1
