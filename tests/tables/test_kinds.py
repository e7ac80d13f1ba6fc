"""What a column is taken for, what is left out, and how one says otherwise."""

import numpy as np
import pytest

from minidl import data
from minidl.errors import ArgumentError, DataError
from minidl.tables.dates import number_of, patterns_of

TARGET = ["x", "y"] * 30


def kind_of(cells, name="a", **options):
    """The kind of a column with these cells, repeated to 60 rows, beside one of numbers."""
    cells = [*cells] * (60 // len(cells))
    other = np.sin(np.arange(len(cells)))
    found = data.table({name: cells, "b": other, "y": TARGET[: len(cells)]}, "y", **options)
    if name in found.left_out:
        return found.left_out[name]
    return "category" if name in found.categories else found.kinds.get(name, ["number"])[0]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["0.5", "1"], "number"),
        ([1, 2], "number"),
        ([1, 2, 3], "category"),
        ([1, 2, 3, 4, 5], "category"),
        ([1, 2, 3, 4, 5, 6], "number"),
        ([1, 2, 3.5], "number"),
        ([1, 2, None], "number"),
        ([1, 2, 3, None], "category"),
        ([*[0] * 30, *[1] * 21, *[2] * 9], "number"),
        ([*[0] * 30, *[1] * 20, *[2] * 10], "category"),
        (["red", "blue"], "category"),
        (["4", "6", "8", "rotary"], "category"),
        (["1 pt", "2 pt", "5 pt"], "category"),
        ([f"{i}{'abc'[i % 3]}" for i in range(60)], "nearly all different"),
        ([f"10.0.0.{i}" for i in range(60)], "nearly all different"),
        (["red", None, "blue"], "category"),
        (["1", "2", "3", "x", "y", "z", "w"][2:], "category"),
        (["yes", "no"], "true/false"),
        (["True", "FALSE", "?"], "true/false"),
        ([True, False], "true/false"),
        (["2026-01-31", "2025/12/01"], "date"),
        (["31.01.2026 12:30", "1.2.2026"], "date"),
        (["01/31/2026", "01/02/2026"], "date"),
        (["12:30", "9:15:30"], "date"),
        (["Jan 1 2000", "Dec 31, 2026"], "date"),
        (["1-FEB-2000", "31 March 2026 12:30"], "date"),
        (["2026-01", "2026/12"], "date"),
        (["2026-13", "2026-12"], "category"),
        ([20260101 + i for i in range(12)], "date"),
        ([20260130 + i for i in range(12)], "number"),
        ([20260101 + i for i in range(7)], "number"),
        (["2026-02-30", "2026-01-31"], "category"),
        (np.array(["2026-01-31", "NaT"], "M8[D]"), "constant"),
        (np.array(["2026-01-31", "2026-02-01"], "M8[ns]"), "date"),
        ([7], "constant"),
        (["x"], "constant"),
        ([None, ""], "constant"),
        (range(60), "counts the rows"),
        ([f"name {i}" for i in range(60)], "nearly all different"),
        ([*(f"name {i}" for i in range(31)), *["x"] * 29], "nearly all different"),
        ([*(f"name {i}" for i in range(29)), *["x"] * 31], "category"),
        ([*range(5, 49), *(f"PC {i}" for i in range(16))], "nearly all different"),
        ([f"{i}E{i}" if i % 2 else f"A{i}" for i in range(60)], "nearly all different"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*useful for other rows")
def test_a_column_is_taken_for_what_it_looks_like(cells, kind):
    assert kind_of(cells) == kind


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("id", [7 * i for i in range(60)], "an identifier"),
        ("userId", [7 * (2 * i // 3) for i in range(60)], "an identifier"),
        ("userId", [7 * (i // 2) for i in range(60)], "number"),
        ("grid", [7 * i for i in range(60)], "number"),
        ("id", [i / 2 for i in range(1, 61)], "number"),
        ("ID", [f"a{2 * i // 3}" for i in range(60)], "an identifier"),
        ("ID", range(60), "counts the rows"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*useful for other rows")
def test_what_is_called_an_id_and_mostly_differs_is_left_out(name, cells, kind):
    assert kind_of(cells, name) == kind


@pytest.mark.parametrize(
    ("cells", "option", "kind"),
    [
        ([1, 2, 3], {"number": ["a"]}, "number"),
        ([1.5, 2, 7], {"category": ["a"]}, "category"),
        (range(60), {"number": ["a"]}, "number"),
        (["1", "2", "x"], {"category": ["a"]}, "category"),
        (["x", "y"], {"ignore": ["a"]}, "--ignore"),
        (["x", "y"], {"id": ["a"]}, "--id"),
        (["x", "y"], {"columns": ["b"]}, "not chosen"),
        ([7], {"columns": ["a", "b"]}, "number"),
        ([7], {"ignore": []}, "number"),
        ([f"name {i}" for i in range(60)], {"ignore": []}, "category"),
    ],
)
def test_one_can_say_otherwise(cells, option, kind):
    assert kind_of(cells, **option) == kind


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            [*map(str, range(50, 56)), "x"],
            "row 6, column 'a': expected a number, got 'x'. Try: to correct it",
        ),
        (["1,500", "2,750"], "row 0, column 'a': expected a number, got '1,500'. Try: --decimal"),
        (
            ["01/02/2026", "03/04/2026"],
            "expected day/month/year or month/day/year, got '01/02/2026', which",
        ),
        (
            [f"{i / 7:.4f} %" for i in range(60)],
            "row 0, column 'a': expected a number, got '0.0000",
        ),
        ([f"${i},200.50" for i in range(1, 61)], "got '$1,200.50'. Try: digits and a point alone"),
        ([f"{i} kg" for i in range(60)], "expected a number, got '0 kg'. Try: digits and"),
        ([f"\u2212{i}" for i in range(60)], "got '\u22120'. Try: digits and a point alone"),
        ([f"{i}\u00a0000" for i in range(1, 61)], "Try: digits and a point alone, as -1200.5, --c"),
        ([f"({i}.5)" for i in range(60)], "expected a number, got '(0.5)'. Try: digits and"),
        (
            ["2026-01-31", "31.12.2025", "Jan 5 2026"],
            "row 0, column 'a': expected dates written in one way, got 2026-01-31, 31.12.2025, Jan",
        ),
        ([[1, 2]], "column 'a': expected one cell for each row, got an array (60, 2)"),
        ([[1, 2], 3], "column 'a': expected one cell for each row, got setting an array"),
        ([{1: 2}], "column 'a', row 0: expected a number, a text or a date, got {1: 2}"),
        ([1.0, np.inf], "row 1: expected a number, got inf"),
    ],
)
def test_what_could_be_two_things_is_refused(cells, words):
    with pytest.raises(DataError) as refusal:
        kind_of(cells)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("missing", "rows"),
    [("fill", 6), ("drop", 4), ("error", "row 1, column 'a': expected a value")],
)
def test_rows_with_missing_inputs(missing, rows):
    columns = {"a": [1, None, 3, 4, 5, 7], "b": ["x", "y", "x", "y", "?", "x"], "y": [0, 1] * 3}
    if missing == "error":
        with pytest.raises(DataError, match=rows):
            data.table(columns, "y", missing=missing)
        return
    found = data.table(columns, "y", missing=missing)
    assert len(found) == rows
    assert found.missing() == ({"a": 1, "b": 1} if missing == "fill" else {})
    assert ("2 rows with a missing input, left out" in str(found)) == (missing == "drop")


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(ArgumentError, match="missing: one of"):
        data.table({"a": [1, 2], "y": [0, 1]}, "y", missing="mean")
    with pytest.raises(DataError, match="expected a column 'c', got the columns a, y"):
        data.table({"a": [1, 2], "y": [0, 1]}, "y", category=["c"])


def test_dates_are_the_days_that_numpy_counts():
    rng = np.random.default_rng(0)
    for seconds in rng.integers(-(10**9), 4 * 10**9, 200).tolist():
        text = str(np.datetime64(seconds, "s"))
        for written in (text, text.replace("T", " ") + "Z", text + "+00:00"):
            assert number_of(written, "year-month-day") == seconds / 86400
        year, month, day = text[:10].split("-")
        midnight = seconds // 86400
        assert number_of(f"{day}.{month}.{year}", "day.month.year") == midnight
        assert number_of(f"{int(month)}/{int(day)}/{year}", "month/day/year") == midnight
    assert number_of("2026-01-31 12:00+02:00", "year-month-day") == number_of(
        "2026-01-31 10:00", "year-month-day"
    )
    assert patterns_of(["24:00"]) == patterns_of(["2026-13-01"]) == []
