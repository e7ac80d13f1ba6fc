"""`write` and `read`: what comes back, what other programs make of it, what is refused."""

import json
import math
import os
import sys
from collections import OrderedDict

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support import LAYOUTS, numbers

from minidl.checkpoint import files, read, write
from minidl.errors import ArgumentError, DTypeError, MinidlError, MissingPackageError

DTYPES = [
    "float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16",
    "uint32", "uint64", ">f4", ">i8", "longlong",
]  # fmt: skip

arrays = st.dictionaries(
    st.text(max_size=8).filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_side=4))
    ),
    max_size=4,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoint") / "a.safetensors"


@pytest.fixture
def no_sync(monkeypatch):
    """Hundreds of files are written; none has to outlast a power failure."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].tobytes() == array.astype(found[name].dtype).tobytes(), name


# ---- what comes back ----------------------------------------------------------------------------


@pytest.mark.usefixtures("no_sync")
@settings(max_examples=100, deadline=None)
@given(arrays, st.dictionaries(st.text(), json_values, max_size=4))
def test_round_trip(path, arrays, state):
    write(path, arrays, state)
    found, found_state = read(path)
    assert_same(found, arrays)
    assert repr(found_state) == repr(state)  # tells -0.0 from 0.0, 1 from 1.0 and True, takes NaN


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(path, layout):
    array = LAYOUTS[layout](numbers(3, 4))
    write(path, {"a": array, "b": array.T})
    assert_same(read(path)[0], {"a": array, "b": array.T})


def test_the_arrays_are_the_callers_own(path):
    write(path, {"a": np.zeros(3), "b": np.zeros((2, 0))})
    found, _ = read(path)
    found["a"][:] = 1
    assert found["a"].flags.aligned
    assert read(path)[0]["a"].tolist() == [0, 0, 0]


def test_exact_numbers(path):
    state = {
        "ints": [2**53 + 1, -(2**64), 10**300],
        "floats": [0.1, 5e-324, 1.7976931348623157e308, -0.0, math.pi],
        "none": [float("inf"), -float("inf"), float("nan"), None, True],
    }
    write(path, {}, state)
    assert repr(read(path)[1]) == repr(state)


def test_what_json_has_no_word_for_comes_back_as_its_like(path):
    write(path, {}, OrderedDict(betas=(0.9, (1, 2)), loss=np.float64(0.1)))
    assert read(path)[1] == {"betas": [0.9, [1, 2]], "loss": 0.1}


def test_a_state_that_looks_like_the_checksum(path):
    state = {"minidl.sha256": "0" * 64, "text": '"minidl.sha256":"' + "0" * 64}
    write(path, {"0" * 64: np.ones(1)}, state)
    assert read(path)[1] == state


def test_the_same_content_gives_the_same_bytes(path, tmp_path):
    content = {"b": np.ones(3, np.float32), "a": np.ones(2), "c": np.ones(1, np.float32)}
    write(path, content, {"x": 1, "y": 2})
    write(tmp_path / "other", dict(reversed(content.items())), {"x": 1, "y": 2})
    assert path.read_bytes() == (tmp_path / "other").read_bytes()


# ---- other programs -----------------------------------------------------------------------------


@pytest.mark.usefixtures("no_sync")
@settings(max_examples=50, deadline=None)
@given(arrays)
def test_the_safetensors_package_reads_it(path, arrays):
    write(path, arrays, {"epoch": 3})
    assert_same(safetensors.numpy.load_file(path), arrays)


def test_files_of_the_safetensors_package_are_read(path):
    content = {"w": numbers(2, 3), "n": np.arange(4)}
    for metadata in (None, {}, {"format": "pt", "note": "{}"}):
        safetensors.numpy.save_file(content, path, metadata)
        found, state = read(path)
        assert_same(found, content)
        assert state == {}


def test_the_state_is_json_in_the_metadata(path):
    write(path, {}, {"epoch": 3})
    with safetensors.safe_open(path, "np") as file:
        assert json.loads(file.metadata()["minidl"])["state"] == {"epoch": 3}


# ---- what is refused ----------------------------------------------------------------------------

CYCLE: list = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    ("arrays", "state", "error", "words"),
    [
        ([], {}, DTypeError, ["dict of arrays", "list"]),
        ({"a": 1.0}, {}, DTypeError, ["'a'", "array", "float"]),
        ({"a": [1.0]}, {}, DTypeError, ["'a'", "array", "list"]),
        ({"a": np.array(["x"])}, {}, DTypeError, ["'a'", "<U1"]),
        ({"a": np.array([None])}, {}, DTypeError, ["'a'", "object"]),
        ({"a": np.ones(1, complex)}, {}, DTypeError, ["'a'", "complex128"]),
        ({"a": np.ones(1, np.complex64)}, {}, DTypeError, ["'a'", "complex64"]),
        ({"a": np.ones(1, "f4,i4")}, {}, DTypeError, ["'a'"]),
        ({3: np.ones(1)}, {}, ArgumentError, ["names", "3"]),
        ({"__metadata__": np.ones(1)}, {}, ArgumentError, ["names", "__metadata__"]),
        ({"\ud800": np.ones(1)}, {}, ArgumentError, ["names", "ud800"]),
        ({}, [], DTypeError, ["state", "dict", "list"]),
        ({}, {"a": {3: 4}}, DTypeError, ["state['a']", "keys", "3", "str(key)"]),
        ({}, {"a": [0, np.float32(1)]}, DTypeError, ["state['a'][1]", "float32", ".item()"]),
        ({}, {"a": np.int64(1)}, DTypeError, ["state['a']", "int64", ".item()"]),
        ({}, {"a": np.bool_(1)}, DTypeError, ["state['a']", "bool", ".item()"]),
        ({}, {"a": np.ones(2)}, DTypeError, ["state['a']", "ndarray", "arrays"]),
        ({}, {"a": {1, 2}}, DTypeError, ["state['a']", "set"]),
        ({}, {"a": b"x"}, DTypeError, ["state['a']", "bytes"]),
        ({}, {"a": 1j}, DTypeError, ["state['a']", "complex"]),
        ({}, {"a": CYCLE}, ArgumentError, ["100 levels"]),
        ({}, {"a": "x" * files.HEADER_LIMIT}, ArgumentError, ["bytes", "arrays"]),
    ],
)
def test_what_cannot_be_saved(tmp_path, arrays, state, error, words):
    path = tmp_path / "a"
    path.write_bytes(b"before")
    with pytest.raises(error, match="checkpoint.write: expected") as refusal:
        write(path, arrays, state)
    for word in words:
        assert word in str(refusal.value)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"before"]


def test_numbers_as_large_as_a_float_can_be(path):
    state = {"a": [2**1023, -(2**1023)]}
    write(path, {}, state)
    assert read(path)[1] == state
    for number in (2**1024, -(2**1024), 1 << 20000):
        with pytest.raises(ArgumentError, match=r"state\['a'\]\[0\] to be a number that fits"):
            write(path, {}, {"a": [number]})


def test_a_state_of_as_many_levels_as_are_allowed(path):
    state: dict = {}
    for _ in range(100):
        state = {"a": state}
    write(path, {}, state)
    assert read(path)[1] == state
    with pytest.raises(ArgumentError, match="levels"):
        write(path, {}, {"a": state})


def test_paths(tmp_path):
    for name in ("a", "b.safetensors"):
        for form in (tmp_path / name, str(tmp_path / name), bytes(tmp_path / name)):
            write(form, {"a": np.ones(1)})
            assert read(form)[0]["a"].tolist() == [1]
    for function in (read, lambda path: write(path, {})):
        with pytest.raises(ArgumentError, match="expected a path"):
            function(3)
        with pytest.raises(OSError, match="nowhere"):
            function(tmp_path / "nowhere" / "a")


def test_without_the_package(tmp_path, monkeypatch):
    write(tmp_path / "a", {})
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for function in (read, lambda path: write(path, {"a": np.ones(1)})):
        with pytest.raises(MissingPackageError, match="pip install safetensors") as refusal:
            function(tmp_path / "a")
        assert isinstance(refusal.value, (MinidlError, ImportError))
