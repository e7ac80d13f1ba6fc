"""What is no table is named; and reading takes memory by the bytes that are there, not by what a
file says of itself."""

import gzip
import io
import json
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from cli_data import table

from minidl import data
from minidl.errors import DataError

PLAIN = "a,b,kind\n1,2.5,x\n-3e2,.5,y\n"
MEGABYTE = 1 << 20
ROWS = 1 << 15


def saved(save, *arrays):
    file = io.BytesIO()
    save(file, *arrays)
    return file.getvalue()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_a_packed_csv_file_is_read(tmp_path, name):
    found = table(tmp_path / name, gzip.compress(PLAIN.encode()))
    np.testing.assert_array_equal(found.x, [[1, 2.5], [-300, 0.5]])
    assert found.values == ["x", "y"]


def test_an_npz_file_is_known_by_its_content(tmp_path):
    content = saved(lambda file, x: np.savez(file, x=x, y=x[:, 0]), np.eye(2))
    assert table(tmp_path / "a.zip", content, "y").values == ["1.0", "0.0"]


@pytest.mark.parametrize(
    ("content", "what", "to_do"),
    [
        (PLAIN.encode("utf-16-be"), "bytes that are not text", ""),
        (zipped(**{"xl/workbook.xml": "<x/>"}), "", ""),
        (zipped(**{"a.csv": PLAIN}), "a ZIP file without arrays", ""),
        (b"PAR1\x15\x04", "", ""),
        (b"ARROW1\0\0", "", ""),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "to_csv"),
        (b"\x93NUMPY\1\0\x10", "", ""),
        (json.dumps([{"a": 1}]).encode(), "JSON", "to_csv"),
        (json.dumps({"a": [1]}, indent=2).encode(), "JSON", "to_csv"),
        (b"<!DOCTYPE html>", "a web page", "the link to the file itself"),
        (b"BZh91AY&SY" + bytes(9), "a bzip2 file", "to unpack it"),
        (gzip.compress(PLAIN.encode())[:30], "Compressed file ended", ""),
        (
            PLAIN.encode("latin-1") + "1,2,ä\n".encode("latin-1"),
            "can't decode byte 0xe4",
            "--encoding",
        ),
        (b"", "an empty file", ""),
        (gzip.compress(b""), "an empty file", ""),
        (b"\xef\xbb\xbf\n \n\n", "an empty file", ""),
        (b"a,b,kind\n", "the columns' names alone", ""),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, what, to_do):
    path = tmp_path / "a.csv"
    with pytest.raises(DataError) as refusal:
        table(path, content)
    got, _, hint = str(refusal.value).partition(", got ")[2].partition("Try: ")
    assert str(refusal.value).startswith(str(path))
    assert what in got
    assert to_do in hint


@pytest.mark.parametrize("name", ["a.csv", "a.npz"])
def test_a_pipe_is_refused_before_it_blocks(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=f"{name}: expected a file, got a folder, a pipe"):
        data.table(tmp_path / name)


# ---- memory -------------------------------------------------------------------------------------


def peak_of(read):
    """The bytes that were taken at once while `read` ran."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "target", "most"),
    [
        ("a\n" + "1\n" * ROWS, None, 20),
        ("a,b\n" + "1,0\n" * ROWS, "b", 12),
        ("a,b\n" + "".join(f"1,{i}\n" for i in range(ROWS)), "b", 32),
        (",".join("1" * ROWS) + "\n", None, 260),
    ],
    ids=["one column", "classes", "numbers", "one line"],
)
def test_a_csv_file_takes_a_small_multiple_of_its_size(tmp_path, content, target, most):
    path = tmp_path / "a.csv"
    path.write_text(content)
    peak = peak_of(lambda: data.table(path, target, ignore=[]))
    assert peak < 2 * MEGABYTE + most * path.stat().st_size  # a block of lines, and the file


def array_that_claims(shape, given=b""):
    """A .npy file whose header has that shape of float64, with what follows it."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"shape": shape, "fortran_order": False, "descr": "<f8"}
    )
    return file.getvalue() + given


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npz", zipped(**{"x.npy": array_that_claims((10**12, 1))}), "8,000,000,000,000 bytes"),
        ("a.npz", zipped(**{"x.npy": array_that_claims((2**62, 2**62))}), "bytes of numbers"),
        ("a.npz", zipped(**{"x.npy": array_that_claims((-1, -2), bytes(16))}), "one unknown"),
        ("a.npz", zipped(**{"x.npy": array_that_claims((ROWS * 80, 1), bytes(ROWS * 640))}),
         "at most 16,777,216 bytes packed in it"),
        ("a.csv.gz", gzip.compress(b"a\n" + b"1\n" * 9 * MEGABYTE), "bytes packed in it"),
        ("a.csv.gz", gzip.compress(b"1" * 17 * MEGABYTE), "bytes packed in it"),
    ],
    ids=["header", "header beyond int64", "negative", "bomb", "gzip bomb", "gzip bomb of one line"],
)  # fmt: skip
def test_a_file_that_claims_more_than_it_has_is_refused(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)

    def read():
        with pytest.raises(DataError) as refusal:
            data.table(path)
        assert str(refusal.value).startswith(str(path))
        assert words in str(refusal.value)

    assert peak_of(read) < 8 * MEGABYTE


def test_an_array_takes_a_small_multiple_of_its_size(tmp_path):
    x = np.random.default_rng(0).integers(0, 9, (ROWS, 2), np.int8)
    np.savez(tmp_path / "a.npz", x=x, y=x[:, 0])
    size = (tmp_path / "a.npz").stat().st_size
    peak = peak_of(lambda: data.table(tmp_path / "a.npz", "y"))
    assert peak < 16 * size
