"""What stands where a file is to be written: links, modes, owners, pipes, devices, names."""

import os
import socket
import stat
import subprocess
import sys
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from minidl import checkpoint, nn
from minidl.cli.command_line import main
from minidl.diagnostics import Report
from minidl.errors import ArgumentError, DataError
from minidl.tools import disk
from minidl.train import History
from minidl_lab import FULL, runner
from minidl_lab.report import page
from minidl_lab.store import Store

NEW = [b"ne", memoryview(b"w")]


@pytest.fixture
def path(tmp_path):
    """A file that is there."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


# ---- what is kept -------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [0o600, 0o644, 0o755, 0o2640])
def test_the_mode_stays(path, bits):
    path.chmod(bits)
    disk.put(path, NEW)
    assert (path.read_bytes(), mode(path)) == (b"new", bits)


def test_the_owner_stays(path):
    owner = (
        (12345, 23456) if os.geteuid() == 0 else (os.getuid(), [os.getgid(), *os.getgroups()][-1])
    )
    os.chown(path, *owner)
    path.chmod(0o4711)
    disk.put(path, NEW)
    assert (path.stat().st_uid, path.stat().st_gid) == owner
    assert mode(path) == 0o4711


def test_a_secret_is_nobodys_while_it_is_written(path):
    path.chmod(0o600)
    seen = []

    def parts():
        seen.extend(mode(file) for file in path.parent.glob(".file.*"))
        yield b"secret"

    disk.put(path, parts())
    assert seen == [0o600]


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(
    ("links", "target"),
    [
        ({"link": "file"}, "file"),
        ({"link": "one", "one": "two", "two": "file"}, "file"),
        ({"link": "folder/../file"}, "file"),
        ({"here": "folder", "link": "here/inner", "folder/inner": "../file"}, "file"),
        ({"link": "{tmp}/folder/file"}, "folder/file"),
    ],
)
def test_links_are_followed(tmp_path, links, target, is_there):
    (tmp_path / "folder").mkdir()
    for name, goal in links.items():
        (tmp_path / name).symlink_to(goal.format(tmp=tmp_path))
    if is_there:
        (tmp_path / target).write_bytes(b"old")
    disk.put(tmp_path / "link", NEW)
    assert all((tmp_path / name).is_symlink() for name in links)
    assert (tmp_path / target).read_bytes() == b"new"
    assert not (tmp_path / target).is_symlink()


# ---- what is written into -----------------------------------------------------------------------


def read_from(path, found):
    found.append(path.read_bytes())


@pytest.mark.parametrize("is_link", [False, True])
def test_a_named_pipe(tmp_path, is_link):
    pipe = path = tmp_path / "pipe"
    os.mkfifo(pipe)
    if is_link:
        path = tmp_path / "link"
        path.symlink_to("pipe")
    found = []
    reader = threading.Thread(target=read_from, args=(pipe, found))
    reader.start()
    disk.put(path, NEW)
    reader.join()
    assert found == [b"new"]
    assert pipe.is_fifo()


def test_a_device(tmp_path):
    """A terminal's other end: as the superuser one could replace /dev/null."""
    mine, terminal = os.openpty()
    with open(mine, "rb"), open(terminal, "rb"):
        disk.put(Path(os.ttyname(terminal)), NEW)
        assert os.read(mine, 100) == b"new"


@pytest.mark.parametrize("name", ["/dev/fd/1", "link"])
def test_what_stands_for_an_open_file_is_written_to_from_where_it_is(path, name):
    """As with a shell's `>>`; what opens it by its name begins at its first byte. (A link of the
    test's own is as good as /dev/stdout, and cannot be replaced for the whole machine.)"""
    (path.parent / "link").symlink_to("/dev/fd/1")
    load = "from pathlib import Path; from minidl.tools.disk import put"
    program = f"{load}; put(Path({name!r}), [b'new'])"
    with path.open("ab") as file:
        command = [sys.executable, "-c", program]
        subprocess.run(command, stdout=file, cwd=path.parent, check=True)
    assert path.read_bytes() == b"oldnew"


# ---- what is refused ----------------------------------------------------------------------------


def hard_link(path):
    (path.parent / "other").hardlink_to(path)


def pipe_for_sockets(path):
    path.unlink()
    with closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind(str(path))


def circle(path):
    path.unlink()
    (path.parent / "other").symlink_to(path)
    path.symlink_to(path.parent / "other")


def folder(path):
    path.unlink()
    path.mkdir()


def link_to_nowhere(path):
    path.unlink()
    path.symlink_to("nowhere/file")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (hard_link, ArgumentError, r"a file of one name, got .*file, which has 2 names"),
        (pipe_for_sockets, ArgumentError, r"file, a socket or"),
        (circle, OSError, r"(?i)symbolic links.*file"),
        (folder, IsADirectoryError, r"file"),
        (link_to_nowhere, FileNotFoundError, r"file"),
        (lambda path: path.chmod(0o444), PermissionError, r"file"),
    ],
    ids=["hard link", "socket", "circle", "folder", "link to nowhere", "read-only"],
)
def test_what_is_left_as_it_is(path, make, error, words):
    make(path)
    before = {file: file.lstat() for file in path.parent.iterdir()}
    with pytest.raises(error, match=words):
        disk.put(path, NEW)
    assert {file: file.lstat() for file in path.parent.iterdir()} == before


def test_a_file_of_another_user(path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(ArgumentError, match=rf"file, which is user {path.stat().st_uid}'s"):
        disk.put(path, NEW)
    assert path.read_bytes() == b"old"


def test_only_plain_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match=r"reading: .*: expected a file"):
            disk.open_plain("reading", name)
    with pytest.raises(FileNotFoundError):
        disk.open_plain("reading", tmp_path / "nowhere")


# ---- pictures -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"),
    [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF"), ("a", b"\x89PNG")],
)
def test_a_picture_has_the_format_of_its_name(tmp_path, name, start):
    disk.put_picture("plot", Figure(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_picture_of_an_unknown_format(tmp_path):
    with pytest.raises(ArgumentError, match=r"plot: expected .* \.png, .*, got .*a\.doc"):
        disk.put_picture("plot", Figure(), tmp_path / "a.doc")
    assert not list(tmp_path.iterdir())


# ---- all that writes ----------------------------------------------------------------------------


def data(folder):
    """A small CSV file."""
    path = folder / "data.csv"
    path.write_text("a,y\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(20)))
    return path


def run(*words):
    assert main([*map(str, words), "--force"]) == 0


def model_file(path):
    run("train", "--data", data(path.parent), "--target", "y", "--epochs", 1, "--save", path)


def predictions(path):
    model_file(path.parent / "model")
    run("predict", path.parent / "model", "--data", data(path.parent), "--output", path)


def activations(path):
    run("activations", "relu", "--plot", path)


WRITERS = {
    "checkpoint": partial(checkpoint.write, arrays={"a": np.ones(3)}),
    "model": partial(checkpoint.save_model, nn.MLP([2, 2], "relu")),
    "history": History([{"epoch": 1, "loss": 1.0}]).plot,
    "report": Report([{"1": {"mean": 0.5}}]).plot,
    "model file": model_file,
    "predictions": predictions,
    "activations": activations,
    "results": partial(runner.save, runner.begin(FULL)),
    "page": partial(page.write, runner.begin(FULL)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_follows_links_and_keeps_modes(path, name):
    path.chmod(0o600)
    link = path.parent / "link.png"
    link.symlink_to("file")
    WRITERS[name](link)
    assert link.is_symlink()
    assert mode(path) == 0o600
    assert path.read_bytes() != b"old"


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_writes_into_a_pipe(tmp_path, name):
    os.mkfifo(tmp_path / "pipe.png")
    found = []
    reader = threading.Thread(target=read_from, args=(tmp_path / "pipe.png", found), daemon=True)
    reader.start()
    WRITERS[name](tmp_path / "pipe.png")
    reader.join(60)
    assert found[0]
    assert (tmp_path / "pipe.png").is_fifo()


def test_a_link_to_the_laboratorys_cells(tmp_path):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "cells.jsonl").symlink_to("../cells")
    store = Store(tmp_path / "lab")
    store.add(["x"], "f", {}, 0.5, {"y": 1})
    store.close()
    assert (tmp_path / "lab" / "cells.jsonl").is_symlink()
    assert (tmp_path / "cells").read_bytes().count(b"\n") == 1
