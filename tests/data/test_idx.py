"""The IDX reader: what it reads, and what it does with files that lie."""

import gzip
import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minidl.data import read_idx
from minidl.errors import ArgumentError, DataError

MEGABYTE = 1 << 20


def written(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def assert_refused(path: Path, *words: str) -> None:
    with pytest.raises(DataError) as refusal:
        read_idx(path)
    for word in (str(path), "expected", "got", *words):
        assert word in str(refusal.value)


# ---- what it reads ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "form", "dtype", "values"),
    [
        (0x08, "B", np.uint8, [0, 1, 255]),
        (0x09, "b", np.int8, [-128, 1, 127]),
        (0x0B, "h", np.int16, [-32768, 1, 258]),
        (0x0C, "i", np.int32, [-(2**31), 1, 16909060]),
        (0x0D, "f", np.float32, [-1.5, float("inf"), 2.0**-149]),
        (0x0E, "d", np.float64, [-1.5, float("inf"), 2.0**-1074]),
    ],
)
@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_all_dtypes(tmp_path, code, form, dtype, values, name):
    content = bytes([0, 0, code, 1, 0, 0, 0, 3]) + struct.pack(f">3{form}", *values)
    array = read_idx(
        written(tmp_path, gzip.compress(content) if name.endswith("gz") else content, name)
    )
    assert array.dtype == dtype
    assert array.dtype.isnative
    assert array.tolist() == values
    array[0] = 0  # it is the caller's own


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 3, 4), (1, 2, 1, 3, 2), (0,), (3, 0, 2)])
def test_any_number_of_axes_the_last_fastest(tmp_path, idx, shape):
    array = np.arange(np.prod(shape, dtype=int), dtype=np.int16).reshape(shape)
    read = read_idx(written(tmp_path, idx(array)))
    assert read.shape == shape
    np.testing.assert_array_equal(read, array)


def test_gzip_in_several_members(tmp_path, idx):
    content = idx(np.arange(5, dtype=np.uint8))
    packed = gzip.compress(content[:6]) + gzip.compress(content[6:])
    assert read_idx(written(tmp_path, packed, "a.gz")).tolist() == [0, 1, 2, 3, 4]


def test_more_than_one_chunk(tmp_path, idx):
    array = np.random.default_rng(0).integers(0, 256, (3, MEGABYTE), dtype=np.uint8)
    np.testing.assert_array_equal(read_idx(written(tmp_path, idx(array))), array)
    packed = gzip.compress(idx(array), compresslevel=1)
    np.testing.assert_array_equal(read_idx(written(tmp_path, packed, "a.gz")), array)


def test_paths(tmp_path, idx):
    path = written(tmp_path, idx(np.arange(2, dtype=np.uint8)))
    for form in (path, str(path), bytes(path)):
        assert read_idx(form).tolist() == [0, 1]
    for wrong in (None, 3, [path]):
        with pytest.raises(ArgumentError, match="read_idx: expected a path"):
            read_idx(wrong)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


# ---- files that lie -----------------------------------------------------------------------------

LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["magic number", "an empty file"]),
        (b"\0\0\x08", ["magic number", "00 00 08"]),
        (b"\0\1\x08\x01" + LABELS[4:], ["magic number", "00 01 08 01"]),
        (b"\1\0\x08\x01" + LABELS[4:], ["magic number", "01 00 08 01"]),
        (b"\0\0\x0a\x01" + LABELS[4:], ["magic number", "00 00 0a 01"]),
        (LABELS[:7], ["header of 8 bytes", "got 7"]),
        (LABELS[:10], ["3 bytes of uint8", "(3,)", "got 2"]),
        (LABELS + b"\0", ["3 bytes of uint8", "got 4"]),
        (b"\0\0\x0c" + LABELS[3:], ["12 bytes of int32", "got 3"]),
        (gzip.compress(LABELS), ["magic number", "1f 8b 08", "file.gz"]),
    ],
)
def test_wrong_content(tmp_path, content, words):
    assert_refused(written(tmp_path, content), *words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LABELS, ["a whole gzip file", "Not a gzipped file"]),
        (gzip.compress(LABELS[:10]), ["3 bytes of uint8", "got 2"]),
        (gzip.compress(LABELS + b"\0"), ["3 bytes of uint8", "got more"]),
        (gzip.compress(LABELS) + b"more", ["a whole gzip file"]),
        (gzip.compress(LABELS)[:-8] + bytes(8), ["a whole gzip file", "CRC"]),
        (gzip.compress(LABELS)[:10] + b"\xff" * 30, ["a whole gzip file"]),
    ],
)
def test_wrong_content_compressed(tmp_path, content, words):
    assert_refused(written(tmp_path, content, "file.gz"), *words)


@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_a_file_cut_anywhere(tmp_path, name):
    content = gzip.compress(LABELS) if name.endswith("gz") else LABELS
    for length in range(len(content)):
        assert_refused(written(tmp_path, content[:length], name))


@pytest.mark.parametrize("name", ["pipe", "pipe.gz"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert_refused(tmp_path / name, "a file")


@pytest.mark.parametrize(
    "lengths",
    [[1] * 100, [2**32 - 1, 2**32 - 1, 2**32 - 1, 0]],
    ids=["a hundred axes", "product overflows"],
)
def test_shapes_that_no_array_has(tmp_path, lengths):
    content = bytes([0, 0, 8, len(lengths)]) + struct.pack(f">{len(lengths)}I", *lengths)
    content += bytes(int(np.prod(lengths, dtype=object)))
    assert_refused(written(tmp_path, content), "the shape of an array")


def peak_memory_of_refusal(path: Path) -> int:
    tracemalloc.start()
    try:
        assert_refused(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["file", "file.gz"])
@pytest.mark.parametrize("lengths", [(2**30, 1), (2**32 - 1, 2**32 - 1)])
def test_an_absurd_size_is_not_allocated(tmp_path, name, lengths):
    content = bytes([0, 0, 8, 2]) + struct.pack(">2I", *lengths) + bytes(100)
    if name.endswith("gz"):
        content = gzip.compress(content)
    assert peak_memory_of_refusal(written(tmp_path, content, name)) < 4 * MEGABYTE


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    zeros = bytes(MEGABYTE)
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(LABELS) + b"".join(packer.compress(zeros) for _ in range(64))
    bomb += packer.flush()
    assert len(bomb) < MEGABYTE // 8
    assert peak_memory_of_refusal(written(tmp_path, bomb, "bomb.gz")) < 4 * MEGABYTE


@pytest.mark.parametrize("name", ["file", "file.gz"])
def test_damage_gives_an_array_or_a_data_error(tmp_path_factory, idx, name):
    """Whatever bytes are changed, left out or added, nothing else comes."""
    content = idx(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    content = gzip.compress(content) if name.endswith("gz") else content
    path = tmp_path_factory.mktemp("damage") / name
    refusals = []

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(content)), st.integers(0, 6), st.binary(max_size=6))
    def damage(at, removed, added):
        path.write_bytes(content[:at] + added + content[at + removed :])
        try:
            assert isinstance(read_idx(path), np.ndarray)
        except DataError as refusal:
            refusals.append(str(refusal))

    damage()
    assert refusals
    assert all(str(path) in refusal for refusal in refusals)
