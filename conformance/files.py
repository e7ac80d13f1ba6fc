"""Files drawn at random, and damaged ones: read as another reader does, or refused by name."""

import gzip
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import safetensors.numpy
from csv_drawn import assert_is, by_pandas, drawn
from verdicts import Case, Part, judge

from minidl import checkpoint, data
from minidl.data import read_idx
from minidl.train import History


def damaged(content: bytes, rng: np.random.Generator, places: int = 3) -> bytes:
    """At up to so many places bytes changed, left out or put in, or all that follows cut off."""
    for _ in range(rng.integers(1, places + 1)):
        at, removed = rng.integers(len(content) + 1), rng.integers(4)
        rest = content[at + removed :] if rng.random() < 0.9 else b""
        content = content[:at] + rng.bytes(rng.integers(4)) + rest
    return content


def same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    """AssertionError unless names, shapes, dtypes and all bits are equal."""
    described = [
        {name: (a.shape, a.dtype.str, a.tobytes()) for name, a in arrays.items()}
        for arrays in (found, wanted)
    ]
    assert described[0] == described[1], "other arrays than the other reader's"


def table(path: Path, drawn: tuple[str, str, bool], is_told: bool) -> None:
    """A CSV file of that text, beside pandas, which is told how it is laid out."""
    text, delimiter, has_names = drawn
    path.write_bytes(text.encode(errors="surrogateescape"))
    layout = {"delimiter": delimiter, "header": has_names} if is_told else {}
    found = data.table(path, "-1", ignore=[], **layout)
    assert_is(found, by_pandas(path.read_text("utf-8"), delimiter, has_names))


def table_told(path: Path, rng: np.random.Generator) -> None:
    table(path, drawn(rng), is_told=True)


def table_as_it_looks(path: Path, rng: np.random.Generator) -> None:
    table(path, drawn(rng), is_told=False)


def table_damaged(path: Path, rng: np.random.Generator) -> None:
    text, *layout = drawn(rng)
    text = damaged(text.encode(), rng).decode(errors="surrogateescape")
    table(path, (text, *layout), is_told=True)


def npz_damaged(path: Path, rng: np.random.Generator) -> None:
    path = path.with_suffix(".npz")
    save = np.savez if rng.random() < 0.5 else np.savez_compressed
    save(path, x=rng.normal(size=(5, 3)), y=rng.integers(3, size=5))
    path.write_bytes(damaged(path.read_bytes(), rng))
    found = data.table(path, "y")
    with np.load(path) as arrays:
        np.testing.assert_array_equal(found.x, arrays["x"])
        assert found.values == [str(label) for label in arrays["y"]]


def checkpoint_damaged(path: Path, rng: np.random.Generator) -> None:
    """A checksum is in it, so nothing but its own bytes is read. At one place: a file that lost
    both marks of minidl's, which lie apart, is to any reader one that another program wrote."""
    checkpoint.write(path, {"w": rng.normal(size=(3, 2)), "n": np.arange(4)}, {"epoch": 3})
    whole = path.read_bytes()
    path.write_bytes(damaged(whole, rng, places=1))
    checkpoint.read(path)
    assert path.read_bytes() == whole, "a damaged checkpoint was read"


def safetensors_damaged(path: Path, rng: np.random.Generator) -> None:
    content = safetensors.numpy.save({"w": rng.normal(size=(3, 2)), "t": np.array([True])})
    path.write_bytes(damaged(content, rng))
    arrays, state = checkpoint.read(path)
    same(arrays, safetensors.numpy.load(path.read_bytes()))
    assert not state


def idx_damaged(path: Path, rng: np.random.Generator) -> None:
    """By its definition: two zeros, the kind of numbers, the count of axes, their lengths."""
    array = rng.integers(0, 256, (3, 2), np.uint8)
    content = bytes([0, 0, 8, 2, *b"\0\0\0\3", *b"\0\0\0\2"]) + array.tobytes()
    is_packed = rng.random() < 0.5
    path = path.with_suffix(".gz" if is_packed else "")
    path.write_bytes(damaged(gzip.compress(content) if is_packed else content, rng))
    found = read_idx(path)
    content = gzip.decompress(path.read_bytes()) if is_packed else path.read_bytes()
    assert content[:2] == b"\0\0"
    dtype = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}[content[2]]
    shape = np.frombuffer(content, ">u4", content[3], offset=4).astype(int)
    wanted = np.frombuffer(content, dtype, offset=4 + 4 * content[3]).reshape(shape)
    same({"": found}, {"": wanted.astype(found.dtype)})


def history_damaged(path: Path, rng: np.random.Generator) -> None:
    history = History([{"epoch": 1, "loss": 0.25}, {"epoch": 2, "loss": rng.normal()}])
    text = damaged(history.to_json().encode(), rng).decode(errors="replace")
    assert json.loads(History.from_json(text).to_json()) == json.loads(text), "other numbers"


KINDS: dict[str, Callable[[Path, np.random.Generator], None]] = {
    "CSV, told its layout": table_told,
    "CSV, by its looks": table_as_it_looks,
    "CSV, damaged": table_damaged,
    "NPZ, damaged": npz_damaged,
    "checkpoints, damaged": checkpoint_damaged,
    "safetensors of others, damaged": safetensors_damaged,
    "IDX, plain and packed, damaged": idx_damaged,
    "history, damaged": history_damaged,
}


def cases(short: bool) -> Iterator[Case]:
    """1,000 files of each kind, or 50."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "a.file")
        for group, check in KINDS.items():
            for seed in range(50 if short else 1000):
                rng = np.random.default_rng(seed)
                yield judge(group, f"seed {seed}", check, path, rng)


PART = Part(
    "Files",
    "Files drawn at random, each from its seed. Damaged ones have bytes changed, left out, added "
    "or cut off at one to three places. Right is what pandas, NumPy, the safetensors package or "
    "the format's definition find in the same bytes. minidl's own checkpoints have a checksum, so "
    "no changed one is read.",
    "kind of file",
    ("pandas", "safetensors"),
    cases,
)
