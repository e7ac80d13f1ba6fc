"""Data frames in fit, evaluate and predict: columns of numbers are an array, others are refused."""

import datetime

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import minidl
from minidl import functional as F
from minidl import nn, optim, train
from minidl.data.kinds import rows_of

ROWS = 30
PANDAS = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64"]
NULLABLE = ["boolean", "Int32", "UInt8", "Float64", "float64[pyarrow]", "int64[pyarrow]"]
FRAMES = {
    "pandas": lambda columns: columns,
    "polars": polars.from_pandas,
    "pyarrow": lambda columns: pyarrow.Table.from_pandas(columns, preserve_index=False),
}


def trained(given, x, **options):
    """What training and validation on the data give, and the outputs for x."""
    minidl.manual_seed(0)
    net = nn.MLP([3, 4, 2])
    history = train.fit(
        net, given, F.cross_entropy, optim.Adam(net.parameters()), validation=given,
        metrics=["accuracy"], progress=False, guards=False, seed=0, **options,
    )  # fmt: skip
    return history.rows, train.predict(net, x).tolist()


@pytest.mark.parametrize("library", FRAMES)
@pytest.mark.parametrize("seed", range(25))
def test_columns_of_numbers_are_an_array(library, seed):
    """Of any dtypes, with missing numbers where the dtype can miss them."""
    rng = np.random.default_rng(seed)
    columns, expected = {}, []
    for name in "abc"[: rng.integers(1, 4)]:
        kinds = PANDAS if seed % 2 else PANDAS + NULLABLE
        dtype = str(rng.choice(kinds[: 4 if seed % 3 == 0 else None]))
        numbers = rng.integers(0, 2 if "bool" in dtype else 100, ROWS).astype(float)
        is_missing = (rng.random(ROWS) < 0.1) & (dtype in NULLABLE)
        column = pandas.Series(numbers).astype(dtype)
        columns[name] = column.mask(is_missing, pandas.NA) if is_missing.any() else column
        expected.append(np.where(is_missing, np.nan, numbers))
    frame = FRAMES[library](pandas.DataFrame(columns))
    found = rows_of("fit", "x", frame)
    np.testing.assert_array_equal(found, np.column_stack(expected))
    assert found.dtype.kind in "biuf"
    assert found.dtype != np.float16


@pytest.mark.parametrize("library", FRAMES)
def test_training_on_a_frame(library):
    rng = np.random.default_rng(1)
    columns = pandas.DataFrame(rng.normal(size=(ROWS, 3)), columns=list("abc"))
    columns["b"] = columns["b"] > 0
    y = rng.integers(0, 2, ROWS)
    frame = FRAMES[library](columns)
    numbers = columns.to_numpy(np.float64)
    expected = trained((numbers, y), numbers)
    whole = FRAMES[library](columns.assign(kind=y))
    assert trained((frame, whole["kind"]), frame) == expected
    assert trained(whole, frame, key=(["a", "b", "c"], "kind")) == expected


TABLE = pandas.DataFrame(np.zeros((4, 2)), columns=["a", "b"])
REFUSED = {
    "text": (TABLE.assign(b="x"), "column 'b' of str.*data.table"),
    "text of digits": (TABLE.assign(b="1"), "column 'b' of str.*data.table"),
    "categories": (TABLE.assign(a=pandas.Categorical(["x", "y"] * 2)), "column 'a' of category"),
    "dates": (TABLE.assign(a=datetime.datetime(2026, 1, 1)), "column 'a' of datetime64"),
    "two of one name": (pandas.DataFrame(np.zeros((4, 2)), columns=["a", "a"]), "a name of its"),
    "text of polars": (polars.from_pandas(TABLE.assign(b="x")), "column 'b' of String"),
    "dates of polars": (
        polars.from_pandas(TABLE.assign(b=datetime.datetime(2026, 1, 1))), "column 'b' of Datetime",
    ),
    "text of pyarrow": (pyarrow.table({"a": [0.0] * 4, "b": ["x"] * 4}), "column 'b' of object"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_number_is_refused_by_its_column(kind):
    frame, message = REFUSED[kind]
    net, y = nn.MLP([2, 2]), np.zeros(4, int)
    optimizer = optim.SGD(net.parameters(), 0.1)
    for call in (
        lambda: train.fit(net, (frame, y), F.cross_entropy, optimizer, progress=False),
        lambda: train.evaluate(net, (frame, y), F.cross_entropy),
        lambda: train.predict(net, frame),
    ):
        with pytest.raises(minidl.MinidlError, match=message):
            call()
