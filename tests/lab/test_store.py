"""The store of cells: what was measured is there again, and nothing that was changed since."""

import os
from hashlib import sha256

import pytest

from minidl import ArgumentError, DataError
from minidl.tools import disk
from minidl_lab import runner
from minidl_lab.store import Cell, Store, cell_in


def test_a_store_goes_on(tmp_path):
    with_one = Store(tmp_path)
    with_one.add(["x"], "f", {"n": 1}, 0.5, {"y": 0.1})
    with_one.close()
    again = Store(tmp_path)
    assert again.find(["x"], "f", {"n": 1}).result == {"y": 0.1}
    assert again.find(["x"], "f", {"n": 2}) is None
    again.close()


def test_a_line_that_was_cut_short_is_dropped(tmp_path):
    store = Store(tmp_path)
    for n in (1, 2):
        store.add(["x"], "f", {"n": n}, 0.5, {"y": n})
    store.close()
    text = store.path.read_text()
    store.path.write_text(text[:-7])
    cut = Store(tmp_path)
    assert cut.find(["x"], "f", {"n": 1})
    assert cut.find(["x"], "f", {"n": 2}) is None
    cut.add(["x"], "f", {"n": 2}, 0.5, {"y": 2})
    cut.close()
    assert store.path.read_text() == text


def sealed(cell):
    """A line with the checksum that belongs to it, whatever is in it."""
    return b'{"sha256": "%s", "cell": %s}' % (sha256(cell).hexdigest().encode(), cell)


CELL = b'{"name": "[\\"x\\"]", "what": "f", "arguments": {}, "seconds": 1, "result": {"y": 0.25}}'


@pytest.mark.parametrize(
    "damage",
    [
        b"\xff\xfe",
        b"3",
        b'["[\\"x\\"]", "f", {}, 1, {}]',  # without a checksum
        CELL,
        sealed(CELL).replace(b"0.25", b"0.26"),
        sealed(CELL)[:-1],
        *[
            sealed(CELL.replace(old, new))
            for old, new in [
                (b"0.25", b"NaN"), (b"0.25", b"1e999"), (b"0.25", b"1" * 400), (b"1,", b"true,"),
                (b"0.25", b"[" * 200 + b"]" * 200), (b"0.25", b"[" * 100_000), (b"f", b"\xff"),
                (b'"f"', b"3"), (b"{}", b"[]"), (b"[\\", b"\\"), (b'[\\"x\\"]', b"[]"),
                (b'"what": "f", ', b""), (b"}}", b'}, "what": "f"}'),
            ]
        ],
    ],
)  # fmt: skip
def test_a_damaged_line_is_passed_over(tmp_path, damage):
    store = Store(tmp_path)
    store.add(["x"], "f", {"n": 1}, 0.5, {"y": 1})
    store.close()
    text = store.path.read_bytes()
    store.path.write_bytes(damage + b"\n" + text)
    with pytest.warns(RuntimeWarning, match="damaged in line 1; what was there is measured again"):
        again = Store(tmp_path)
    assert again.find(["x"], "f", {"n": 1})
    again.close()
    assert store.path.read_bytes() == text
    store.path.write_bytes(damage + b"\n" + text)
    Store(tmp_path, fresh=True).close()
    assert store.path.read_bytes() == b""


def test_every_changed_bit_of_a_line_is_found(tmp_path):
    (tmp_path / "cells.jsonl").write_bytes(sealed(CELL) + b"\n")
    store = Store(tmp_path)
    assert store.cells == {'["x"]': Cell("f", {}, 1, {"y": 0.25})}
    store.close()
    for bit in range(8 * len(sealed(CELL))):
        line = bytearray(sealed(CELL))
        line[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum"):
            cell_in(bytes(line))


def test_a_store_full_of_damage_is_told_in_few_words(tmp_path):
    (tmp_path / "cells.jsonl").write_text("[]\n" * 1000)
    with pytest.warns(RuntimeWarning, match=r"line 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \.\.\.; what"):
        Store(tmp_path).close()


def test_only_plain_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "cells.jsonl")
    os.mkfifo(tmp_path / "results.json")
    for fresh in (False, True):
        with pytest.raises(DataError, match=r"cells.jsonl: expected a file"):
            Store(tmp_path, fresh)
    with pytest.raises(DataError, match=r"results.json: expected a file"):
        runner.load(tmp_path / "results.json")


def test_what_is_not_fresh_outlives_a_full_disk(tmp_path, monkeypatch):
    store = Store(tmp_path)
    for name in ("a", "b"):
        store.add([name], "f", {}, 0.5, {"y": 1})
    store.close()
    text = store.path.read_text()

    def full(path, parts):
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(disk, "put", full)
        with pytest.raises(OSError, match="No space"):
            Store(tmp_path, fresh=["b"])
    assert store.path.read_text() == text
    Store(tmp_path, fresh=["b"]).close()
    assert store.path.read_text() == text.splitlines(keepends=True)[0]


def test_two_laboratories_do_not_share_a_folder(tmp_path):
    store = Store(tmp_path)
    store.add(["x"], "f", {}, 0.0, {})
    with pytest.raises(ArgumentError, match="no other laboratory"):
        Store(tmp_path, fresh=True)
    assert store.path.read_text()  # fresh has not emptied what the other writes
    store.close()
    Store(tmp_path).close()
