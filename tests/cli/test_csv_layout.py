"""What separates the cells of a CSV file, and whether its first line has names; pandas says what
is in a file."""

import re

import numpy as np
import pytest
from cli_data import table
from csv_drawn import assert_is, by_pandas, drawn

from minidl.errors import DataError

ROWS = "1,2,x\n3,5,y\n4,4,x\n"
YEARS = "2019,2020,2021\n"


@pytest.mark.parametrize(
    ("content", "columns", "values"),
    [
        ("height, cm;weight, kg;kind\n180;80;a\n170;70;b\n", ["height, cm", "weight, kg"], "ab"),
        ('"a;b",kind\n1,x\n2,"y;z"\n', ["a;b"], ["x", "y;z"]),
        ('a|kind\n1|"x\ny|z"\n2|y\n', ["a"], ["x\ny|z", "y"]),
        ("a, b, kind\n1, 2, x\n", ["a", "b"], "x"),
        ('a, kind\n1, "x, y"\n', ["a"], ["x, y"]),
        ("a,kind\r1,x\r2,y\r", ["a"], "xy"),
        ("\ufeffa,kind\r\n1,x\r\n", ["a"], "x"),
        ("Straße\tkind\n1\tß\n", ["Straße"], "ß"),
        ("a,,kind\n1,2,x\n3,4,y\n", ["a"], "xy"),
        (",a,kind\nMazda,1,x\nFiat,2,y\n", ["a"], "xy"),
        ("a,kind,\n1,x,\n2,y,\n", ["a"], "xy"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*a name for each column")
def test_the_layout_is_told_from_the_first_lines(tmp_path, content, columns, values):
    found = table(tmp_path / "a.csv", content)
    assert (found.columns, found.values) == (columns, list(values))


@pytest.mark.parametrize(
    ("content", "names", "rows"),
    [
        (ROWS, ["0", "1"], 3),  # x comes again
        ("0,2,3\n" + ROWS.replace("x", "6").replace("y", "7"), ["0", "1"], 4),
        ("sepal,width,petal\n" + ROWS, ["sepal", "width"], 3),
        ("sepal,2019,petal\n" + ROWS * 3, ["sepal", "2019"], 9),
        (",2,x\n" + ROWS, ["0", "1"], 4),  # its first cell is empty
    ],
)
def test_the_first_line_is_a_row_or_names(tmp_path, content, names, rows):
    found = table(tmp_path / "a.csv", content, "-1")
    assert (found.columns, len(found.x)) == (names, rows)


OUTLIERS = "1995,2010,2019\n" + "1,5,0\n3,4,1\n" * 5


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (YEARS + "1,2,0\n3,5,1\n", "--header, or --no-header"),
        ("0,1,2,3\n5.1,3.5,1.4,0\n4.9,3.0,1.4,1\n", "--header, or --no-header"),
        (OUTLIERS, "--header, or --no-header"),
        ("5.1,3.5,x\n4.9,3.0,y\n", "--header, or --no-header"),
        ("5.1,3.5,low\n4.9,3.0,7\n4.8,3.2,8\n", "--header, or --no-header"),
        ("name;place, land;kind\n1;a, b;x\n", "--delimiter ';', or the other"),
    ],
)
def test_a_file_that_may_be_read_in_two_ways_is_refused(tmp_path, content, wanted):
    with pytest.raises(DataError) as refusal:
        table(tmp_path / "a.csv", content, "-1")
    assert str(refusal.value).startswith(str(tmp_path / "a.csv"))
    assert wanted in str(refusal.value)


def test_numbers_tell_the_separator_from_the_decimal_comma(tmp_path):
    found = table(tmp_path / "a.csv", "1,5;2,5;0\n2,5;3,5;1\n", "-1")
    np.testing.assert_array_equal(found.x, [[1.5, 2.5], [2.5, 3.5]])


def test_the_command_line_settles_it(tmp_path):
    path = tmp_path / "a.csv"
    years = table(path, YEARS + "1,2,0\n3,5,1\n", "-1", header=True)
    assert (years.columns, years.target, len(years.x)) == (["2019", "2020"], "2021", 2)
    years = table(path, YEARS + "1,2,0\n3,5,1\n", "-1", header=False)
    assert (years.columns, years.target, len(years.x)) == (["0", "1"], "2", 3)
    found = table(path, "a;b:kind\n1:x\n", delimiter=":")
    assert (found.columns, found.values) == (["a;b"], ["x"])
    found = table(path, "  a  b   kind\n  1  2   x\n", delimiter=" ")
    assert (found.columns, found.values) == (["a", "b"], ["x"])


# ---- drawn at random, beside pandas -------------------------------------------------------------


def test_tables_drawn_at_random_are_what_pandas_reads(tmp_path):
    """Told how a file is laid out, always; else the same, or asked."""
    rng = np.random.default_rng(13)
    read = asked = 0
    for _ in range(150):
        text, delimiter, has_names = drawn(rng)
        wanted = by_pandas(text, delimiter, has_names)
        path = tmp_path / "a.csv"
        assert_is(table(path, text, "-1", ignore=[], delimiter=delimiter, header=has_names), wanted)
        try:
            assert_is(table(path, text, "-1", ignore=[]), wanted)
            read += 1
        except DataError as error:
            asked += bool(re.search("Try: --(delimiter|header)", str(error)))
    assert (read + asked, asked < 20) == (150, True)
