"""`Folder`: what it keeps, what it finds, and how it treats damaged files."""

import errno
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from minidl.checkpoint import Folder, files, read, write
from minidl.errors import ArgumentError, DTypeError


def save(folder, *steps, score=None):
    for step in steps:
        folder.save(step, {"w": np.full(4, step)}, {"epoch": step}, score)


def steps_in(folder):
    return sorted(int(path.name[5:13]) for path in folder.path.glob("step-????????.safetensors"))


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return bytes(content)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "run" / "checkpoints")


# ---- keeping and finding ------------------------------------------------------------------------


def test_what_is_saved_is_found(folder):
    folder.save(123, {"w": np.arange(3)}, {"epoch": 4, "loss": float("nan")}, score=0.5)
    saved = folder.newest()
    assert saved.path == folder.path / "step-00000123.safetensors"
    assert (saved.step, saved.score) == (123, 0.5)
    assert saved.arrays["w"].tolist() == [0, 1, 2]
    assert repr(saved.state) == "{'epoch': 4, 'loss': nan}"
    assert read(saved.path)[1]["state"]["epoch"] == 4


def test_an_empty_folder_and_none(folder):
    assert folder.newest() is None
    assert folder.best() is None
    folder.path.mkdir(parents=True)
    assert folder.newest() is None
    assert folder.best() is None


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_are_kept(tmp_path, keep):
    folder = Folder(tmp_path, keep)
    for step in range(0, 80, 10):
        save(folder, step)
        assert steps_in(folder) == list(range(0, step + 1, 10))[-keep:]
        assert folder.newest().step == step


def test_the_order_is_that_of_numbers(tmp_path):
    folder = Folder(tmp_path, keep=2)
    save(folder, 99_999_999, 100_000_000, 9)
    assert folder.newest().step == 100_000_000


@pytest.mark.parametrize("new_object", [False, True])
def test_the_best_is_kept_too(tmp_path, new_object):
    folder = Folder(tmp_path, keep=2)
    scores = [0.1, 0.9, 0.3, 0.2, 0.95, 0.4, 0.5, 0.95, 0.1, 0.2, 0.3]
    best = [0, 1, 1, 1, 4, 4, 4, 7, 7, 7, 7]  # the newest of two
    for step, score in enumerate(scores):
        folder = Folder(tmp_path, keep=2) if new_object else folder
        save(folder, step, score=score)
        assert steps_in(folder) == sorted({best[step], max(step - 1, 0), step})
        assert (folder.best().step, folder.best().score) == (best[step], scores[best[step]])


def test_scores_that_are_none(tmp_path):
    folder = Folder(tmp_path, keep=2)
    save(folder, 0, score=float("nan"))
    save(folder, 1)
    assert folder.best() is None
    save(folder, 2, score=np.float32(-5))
    save(folder, 3, 4)
    save(folder, 5, score=float("nan"))
    assert steps_in(folder) == [2, 4, 5]
    assert folder.best().score == -5
    save(folder, 6, score=float("inf"))
    assert folder.best().step == 6


def test_the_same_step_again(folder):
    save(folder, 1, score=3)
    folder.save(1, {}, {"again": True}, score=2)
    assert folder.newest().state == {"again": True}
    assert folder.best().score == 2
    save(folder, 2, 3, 4, 5)
    assert steps_in(folder) == [1, 3, 4, 5]


def test_one_that_goes_back_is_not_deleted_at_once(tmp_path):
    folder = Folder(tmp_path, keep=2)
    save(folder, 5, 6, 7, 1)
    assert steps_in(folder) == [1, 6, 7]


def test_other_files_are_left_alone(tmp_path):
    names = ["step-1.safetensors", "step-00000001.safetensors.bak", "notes", ".step-hidden"]
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
    folder = Folder(tmp_path, keep=1)
    save(folder, 1, 2, 3)
    assert sorted(os.listdir(tmp_path)) == sorted([*names, "step-00000003.safetensors"])
    assert folder.newest().step == 3


@pytest.mark.parametrize("keep", [0, -1, 1.5, True, None])
def test_how_many_to_keep(tmp_path, keep):
    with pytest.raises(ArgumentError, match="keep"):
        Folder(tmp_path, keep)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((-1, {}, {}), ArgumentError, "step"),
        ((1.0, {}, {}), ArgumentError, "step"),
        ((1, {}, {}, "best"), ArgumentError, "score"),
        ((1, {}, {}, True), ArgumentError, "score"),
        ((1, {"w": [1]}, {}), DTypeError, "'w'"),
        ((1, {}, {"a": {1}}), DTypeError, "'a'"),
    ],
)
def test_what_cannot_be_saved(folder, arguments, error, words):
    save(folder, 1)
    before = folder.newest().path.read_bytes()
    with pytest.raises(error, match=words):
        folder.save(*arguments)
    assert [path.read_bytes() for path in folder.path.iterdir()] == [before]


# ---- failures -----------------------------------------------------------------------------------


def test_nothing_is_deleted_when_a_save_fails(tmp_path, monkeypatch):
    save(Folder(tmp_path, keep=3), 1, 2, 3)
    folder = Folder(tmp_path, keep=1)

    def fails(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=r"No space left.*step-00000004"):
        save(folder, 4)
    assert steps_in(folder) == [1, 2, 3]
    assert len(os.listdir(tmp_path)) == 3
    monkeypatch.undo()
    save(folder, 4)
    assert steps_in(folder) == [4]


def test_the_new_one_is_there_before_an_old_one_goes(tmp_path, monkeypatch):
    folder = Folder(tmp_path, keep=1)
    save(folder, 1)
    real = Path.unlink
    deleted = []

    def unlink(path, missing_ok=False):
        if path.name.startswith("step-"):
            deleted.append(path.name)
            assert read(tmp_path / "step-00000002.safetensors")
        real(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    save(folder, 2)
    assert deleted == ["step-00000001.safetensors"]


# ---- damage -------------------------------------------------------------------------------------


def damaged_content(name, whole):
    return {
        "flipped": whole[:-1] + bytes([whole[-1] ^ 1]),
        "cut": whole[:-1],
        "empty": b"",
        "weights": safetensors.numpy.save({"w": np.ones(3)}),
        "lies": b"\xff" * 16,
    }[name]


@pytest.mark.parametrize("kind", ["flipped", "cut", "empty", "weights", "lies"])
def test_a_damaged_one_is_passed_over_and_kept(folder, kind):
    save(folder, 1, 2, 3, score=1)
    newest = folder.path / "step-00000003.safetensors"
    content = damaged_content(kind, newest.read_bytes())
    newest.write_bytes(content)
    for look in (folder.newest, folder.best, Folder(folder.path).newest):
        with pytest.warns(RuntimeWarning, match=r"step-00000003.safetensors is passed over") as w:
            assert look().step == 2
        assert w[0].filename == __file__
    for step in range(4, 9):
        save(folder, step)
    assert steps_in(folder) == [2, 3, 6, 7, 8]  # 2 is the best of those that are whole
    assert newest.read_bytes() == content


def test_all_are_damaged(folder):
    save(folder, 1, 2)
    contents = [flip_a_bit(path) for path in sorted(folder.path.iterdir())]
    with pytest.warns(RuntimeWarning, match="passed over") as caught:
        assert folder.newest() is None
    assert len(caught) == 2
    assert [path.read_bytes() for path in sorted(folder.path.iterdir())] == contents


def test_a_damaged_one_of_the_same_step_is_renamed(folder):
    save(folder, 1, 2)
    content = flip_a_bit(folder.path / "step-00000002.safetensors")
    save(folder, 2, 3, 4, 5, 6)
    assert folder.newest().step == 6
    (aside,) = folder.path.glob("*.damaged")
    assert aside.name.startswith("step-00000002.safetensors.")
    assert aside.read_bytes() == content
    assert steps_in(folder) == [4, 5, 6]


def test_damaged_ones_do_not_count_as_kept(tmp_path):
    folder = Folder(tmp_path, keep=2)
    save(folder, 1, 2)
    for step in (8, 9):
        (tmp_path / f"step-0000000{step}.safetensors").write_bytes(b"")
    save(folder, 3)
    assert steps_in(folder) == [2, 3, 8, 9]


def test_a_step_that_is_not_the_names(folder):
    save(folder, 1)
    (folder.path / "step-00000001.safetensors").rename(folder.path / "step-00000009.safetensors")
    with pytest.warns(RuntimeWarning, match="of this name"):
        assert folder.newest() is None


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"step": 1, "score": None},
        {"step": 1, "score": "high", "state": {}},
        {"step": 1.0, "score": None, "state": {}},
        {"step": 1, "score": None, "state": []},
    ],
)
def test_a_state_that_no_folder_wrote(folder, state):
    folder.path.mkdir(parents=True)
    write(folder.path / "step-00000001.safetensors", {}, state)
    with pytest.warns(RuntimeWarning, match="from save"):
        assert folder.newest() is None


def test_what_is_no_file_is_passed_over(folder):
    save(folder, 1)
    (folder.path / "step-00000002.safetensors").symlink_to("nowhere")
    (folder.path / "step-00000003.safetensors").mkdir()
    os.mkfifo(folder.path / "step-00000004.safetensors")
    with pytest.warns(RuntimeWarning, match="passed over") as caught:
        assert folder.newest().step == 1
    assert len(caught) == 3
    save(folder, 5, 6, 7, 8)
    assert steps_in(folder) == [2, 3, 4, 6, 7, 8]


def test_a_missing_package_is_no_damage(folder, monkeypatch):
    save(folder, 1)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match="pip install"):
        folder.newest()


# ---- other processes ----------------------------------------------------------------------------


def test_files_that_vanish_are_looked_for_again(folder, monkeypatch):
    """Another process saves, and deletes what this one has just listed."""
    save(folder, 1, 2, 3)
    other = Folder(folder.path, keep=1)
    real = files.open_plain
    vanished = []

    def open_plain(operation, path, error):
        if not vanished:
            vanished.append(path)
            monkeypatch.setattr(files, "open_plain", real)
            save(other, 4, 5)
        return real(operation, path, error)

    monkeypatch.setattr(files, "open_plain", open_plain)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert folder.newest().step == 5
    assert vanished


def test_what_another_object_saves_counts(tmp_path):
    one, two = Folder(tmp_path, keep=2), Folder(tmp_path, keep=2)
    save(one, 1, score=5)
    save(two, 2, score=7)
    save(one, 3, score=6)
    save(two, 2, score=1)  # replaces the best
    save(one, 4, 5)
    assert steps_in(one) == [3, 4, 5]
