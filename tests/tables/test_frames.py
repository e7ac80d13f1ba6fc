"""Data frames and the files that hold them: the same table as from a CSV file."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pytest

from minidl import data
from minidl.errors import DataError, MissingPackageError

FRAME = pd.DataFrame({
    "size": [1.5, None, 3.0, 4.25] * 5,
    "count": np.arange(20) ** 2,
    "town": ["Ulm", "Rom", None, "Ulm"] * 5,
    "is_new": [True, False, False, True] * 5,
    "built": pd.date_range("2026-01-31", periods=20),
    "y": ["a", "b"] * 10,
})  # fmt: skip
MAKERS = {
    "pandas": lambda frame: frame,
    "pandas with its own types": pd.DataFrame.convert_dtypes,
    "pandas of categories": lambda frame: frame.astype({"town": "category", "y": "category"}),
    "polars": pl.from_pandas,
    "pyarrow": pa.Table.from_pandas,
    "dict": lambda frame: {name: frame[name].tolist() for name in frame},
}
WRITERS = {
    "a.parquet": pd.DataFrame.to_parquet,
    "a.arrow": lambda frame, path: pyarrow.feather.write_feather(frame, str(path)),
    "a.xlsx": lambda frame, path: frame.to_excel(path, index=False),
}


def assert_is_the_frame(found):
    assert (found.columns, found.target) == (["size", "count", "is_new", "built"], "y")
    days = np.datetime64("2026-01-31").astype(int) + np.arange(20)
    wanted = [FRAME["size"], FRAME["count"], FRAME["is_new"], days]
    np.testing.assert_array_equal(found.x, np.array(wanted, float).T)
    codes, words = found.categories["town"]
    assert [words[c] if c >= 0 else None for c in codes] == ["Ulm", "Rom", None, "Ulm"] * 5
    assert found.values == FRAME["y"].to_list()


@pytest.mark.parametrize("name", MAKERS)
def test_a_frame_of_any_package_is_a_table(name):
    assert_is_the_frame(data.table(MAKERS[name](FRAME), "y"))


@pytest.mark.parametrize("without", [(), ("pandas",)], ids=["pandas", "polars"])
@pytest.mark.parametrize("name", WRITERS)
def test_files_are_read_by_pandas_or_polars(tmp_path, monkeypatch, name, without):
    WRITERS[name](FRAME, tmp_path / name)
    (tmp_path / name).rename(tmp_path / "renamed")  # its content says what it is
    for package in without:
        monkeypatch.setitem(sys.modules, package, None)
    assert_is_the_frame(data.table(tmp_path / "renamed", "y"))


def test_without_packages_it_says_what_to_install(tmp_path, monkeypatch):
    FRAME.to_parquet(tmp_path / "a.parquet")
    for package in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=r"pip install 'minidl\[tables\]'"):
        data.table(tmp_path / "a.parquet", "y")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ({"a": [1, 2], "b": [1]}, "columns of one length"),
        ({"a": [], "b": []}, "columns of one length, above 0"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a name of its own for each column"),
        ({1: [1, 2], "1": [3, 4]}, "a name of its own for each column"),
    ],
)
def test_what_is_no_table_is_refused(frame, words):
    with pytest.raises(DataError, match=words):
        data.table(frame, "a")


def test_a_pair_of_npy_files(tmp_path):
    x, y = np.arange(6.0).reshape(3, 2), np.array(["a", "b", "a"])
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    found = data.table(tmp_path / "x.npy", str(tmp_path / "y.npy"))
    np.testing.assert_array_equal(found.x, x)
    assert found.values == y.tolist()
    np.save(tmp_path / "y.npy", y[:2])
    with pytest.raises(DataError, match="y.npy: expected an array of 3 numbers or texts"):
        data.table(tmp_path / "x.npy", str(tmp_path / "y.npy"))
