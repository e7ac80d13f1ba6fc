"""From a table to a net's inputs and back, with what the rows to train with say, and no others."""

import numpy as np
import pandas as pd
import pytest

from minidl import data
from minidl.data import Encoder
from minidl.errors import ArgumentError, DataError


def columns(rows, seed=0):
    rng = np.random.default_rng(seed)
    size = np.where(rng.random(rows) < 0.2, np.nan, rng.normal(50, 20, rows))
    town = np.where(rng.random(rows) < 0.2, None, rng.choice(["Ulm", "Rom", "Bonn"], rows))
    return {"size": size, "town": town, "age": rng.normal(size=rows), "y": rng.integers(0, 2, rows)}


def test_the_encoding_is_the_formulas():
    """Means, deviations and modes by pandas, of the rows to train with alone."""
    frame = pd.DataFrame(columns(200))
    rows = np.arange(120)
    found = data.table(frame, "y")
    encoder = Encoder.of(found, rows)
    seen = frame.iloc[rows]
    wanted = {}
    for name in ("size", "age"):
        filled = frame[name].fillna(seen[name].mean())
        wanted[name] = (filled - seen[name].mean()) / seen[name].std(ddof=0)
    wanted["size is missing"] = frame["size"].isna()
    town = frame["town"].fillna(seen["town"].mode()[0])
    for name in ("Bonn", "Rom", "Ulm"):
        wanted[f"town = {name}"] = town == name
    wanted["town = another"] = np.zeros(200)
    wanted["town is missing"] = frame["town"].isna()
    assert encoder.names == list(wanted)
    x, y = encoder(found)
    np.testing.assert_allclose(x, np.stack([*wanted.values()], axis=1).astype(float), atol=1e-6)
    np.testing.assert_array_equal(y, frame["y"])
    assert (x.dtype, y.dtype) == (np.float32, np.int64)


def test_other_rows_change_nothing():
    """No leak: whatever stands in the other rows, the encoder is the same."""
    one, other = columns(100), columns(100)
    one["size"][60:], one["town"][60:] = 1e9, "Ulm"
    rows = np.arange(60)
    first, second = (Encoder.of(data.table(table, "y"), rows) for table in (one, other))
    x = [encoder.encode(data.table(one, like=encoder)) for encoder in (first, second)]
    np.testing.assert_array_equal(*x)


def test_texts_that_training_did_not_have():
    train = data.table({"a": ["x", "x", "y", "y", "z"] * 2, "y": [0, 1] * 5}, "y")
    rows = np.arange(5)  # z once
    new = {"a": ["x", "z", "new", None]}
    encoder = Encoder.of(train, rows)
    assert encoder.names == ["a = x", "a = y", "a = another"]
    x = encoder.encode(data.table(new, like=encoder))
    np.testing.assert_array_equal(x, [[1, 0, 0], [0, 0, 1], [0, 0, 1], [1, 0, 0]])
    strict = Encoder.of(train, rows, unseen="error")
    assert strict.names == ["a = x", "a = y", "a = z"]
    with pytest.raises(DataError, match="row 2, column 'a': expected one of x, y, z, as in train"):
        strict.encode(data.table(new, like=strict))
    with pytest.raises(ArgumentError, match="unseen: one of"):
        Encoder.of(train, unseen="ignore")


def test_categories_that_are_numbers_are_compared_by_value():
    train = data.table({"a": [1, 2, 3] * 10, "y": [0, 1] * 15}, "y")
    encoder = Encoder.of(train)
    other = data.table({"a": ["3.0", "01", "4"]}, like=encoder)
    np.testing.assert_array_equal(encoder.encode(other), [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


def test_true_and_false_and_dates_in_any_spelling():
    table = {"a": ["yes", "no"] * 5, "b": ["2026-01-01", "2026-01-03"] * 5, "y": [0, 1] * 5}
    encoder = Encoder.of(data.table(table, "y"), scales=False)
    new = data.table({"b": ["1970-01-02", "?"], "a": ["TRUE", "0"]}, like=encoder)
    days = np.datetime64("2026-01-02").astype(int)
    np.testing.assert_array_equal(encoder.encode(new), [[1, 1], [0, days]])
    for cells, words in ((["maybe"], "true/false"), (["2026"], "year-month-day")):
        column = "a" if words == "true/false" else "b"
        wrong = {"a": ["yes"], "b": ["2026-01-01"], column: cells}
        with pytest.raises(DataError, match=f"row 0, column '{column}': expected {words}"):
            data.table(wrong, like=encoder)


def test_another_table_is_refused():
    encoder = Encoder.of(data.table(columns(50), "y"))
    other = columns(50) | {"town": [1.5, 2.5] * 25}
    with pytest.raises(DataError, match="Try: data.table"):
        encoder.encode(data.table({"size": other["size"], "age": other["y"]}, ignore=[]))
    with pytest.raises(DataError, match="expected a column 'age'"):
        data.table({"size": [1], "town": ["Ulm"]}, like=encoder)


def test_categories_with_too_many_texts_are_refused():
    texts = [f"t{i // 2}" for i in range(60_000)]
    found = data.table({"a": texts, "y": [0, 1] * 30_000}, "y")
    with pytest.raises(DataError, match="at most 20,000 inputs, got 30,001. Try: --ignore 'a'"):
        Encoder.of(found).encode(found)


def test_pairs_of_arrays_and_of_images():
    x, y = np.arange(6.0).reshape(3, 2), np.array([0.5, 1.5, 2.5])
    encoder = Encoder.of(found := data.table((x, y)), scales=False)
    np.testing.assert_array_equal(encoder(found)[0], x)
    np.testing.assert_array_equal(encoder(found)[1], y[:, None])
    images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    found = data.table((images, np.array(["a", "b"])))
    np.testing.assert_array_equal(Encoder.of(found)(found)[0], images.reshape(2, 4))
