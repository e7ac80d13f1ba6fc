"""Ctrl-C at any line of a save: what was saved counts, and nothing is left for ever."""

import errno
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from minidl.checkpoint import Folder, files, folder
from minidl.tools import disk

CODE = {module.__file__ for module in (disk, files, folder)}


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Hundreds of files are written; none has to outlast a power failure."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def save(run, *steps):
    for step in steps:
        run.save(step, {"w": np.full(4, step)}, {"epoch": step}, score=-abs(step - 2))


def interrupted(action, line):
    """Whether `action` was interrupted, as Ctrl-C does it, at the line'th line that it runs."""
    seen = 0

    def trace(frame, event, argument):
        nonlocal seen
        if frame.f_code.co_filename not in CODE:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


# Between `open` and `with` there is no `with` yet to close the file: the collector does.
@pytest.mark.filterwarnings("ignore:.*unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("again", [4, 5], ids=["the same step again", "the next step"])
def test_an_interrupted_save(tmp_path, again):
    lines = 0
    while True:
        lines += 1
        path = tmp_path / "run"
        run = Folder(path, keep=2)
        save(run, 1, 2, 3)
        if not interrupted(lambda run=run: save(run, 4), lines):
            break
        assert run.newest().step in (3, 4)
        assert run.best().step == 2
        save(run, again, 6)
        names = sorted(file.name for file in path.iterdir())
        assert names == [f"step-{n:08d}.safetensors" for n in (2, again, 6)], lines
        assert run.newest().step == 6
        shutil.rmtree(path)
    assert lines > 100


@pytest.mark.parametrize("error", [MemoryError, OSError(errno.EMFILE, "Too many open files")])
def test_what_could_not_be_read_once_is_not_damaged(tmp_path, monkeypatch, error):
    """The file is whole; only the moment was bad."""
    run = Folder(tmp_path, keep=2)
    save(Folder(tmp_path, keep=9), 1, 2, 3)

    def fails(*arguments):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(folder, "read", fails)
        with pytest.raises((MemoryError, OSError)):
            save(run, 3)
    save(run, 3, 4)
    assert sorted(map(Path.name.fget, tmp_path.iterdir())) == [
        f"step-{n:08d}.safetensors" for n in (2, 3, 4)
    ]
