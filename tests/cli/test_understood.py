"""What the commands say of the data as they understood it, and what they find doubtful."""

import re

import numpy as np
import pytest
from cli_data import FLOWERS, HEADER, flower, write_csv

ROWS = [flower(i) for i in range(90)]
TRAIN = ("train", "--target", "kind", "--hidden", "--epochs", 1)


def text(header, rows):
    return "\n".join([header, *rows]) + "\n"


def lines(out):
    """The first lines, up to the blank one; several spaces as two."""
    return [re.sub("  +", "  ", line) for line in out.split("\n\n")[0].splitlines()]


def test_the_first_lines_say_what_was_understood(run, iris, here):
    head = "iris.csv: 90 rows, cells between ',' (--delimiter), names in line 1 (--header)"
    numbers = "  numbers  3 columns: sepal, width, petal"
    classes = f"  target  species, 3 classes: {', '.join(FLOWERS)}"
    out, _ = run("train", "--data", "iris.csv", "--target", "species", "--epochs", 1)
    told = [head, numbers, f"{classes} (--task)"]
    assert lines(out) == told
    assert lines(run("evaluate", iris, "--data", "iris.csv")[0]) == [head, numbers, classes]
    assert lines(run("summary", iris)[0].split("\n\n")[-1]) == [
        head,
        numbers,
        f"{classes} (--task)",
    ]
    out, err = run("predict", iris, "--data", "iris.csv")
    assert lines(err) == [head, numbers, "  left out  species (not chosen)"]
    assert out.splitlines()[0].startswith("species,probability of")
    out, _ = run("train", "--data", "houses.csv", "--target", "price", "--epochs", 1)
    assert lines(out)[-1] == "  target  price, a number (--task)"
    write_csv(here / "bare.csv", ROWS[0], ROWS[1:])
    out, _ = run("train", "--data", "bare.csv", "--target", -1, "--epochs", 1)
    assert lines(out)[:2] == [
        "bare.csv: 90 rows, cells between ',' (--delimiter), no names (--header)",
        "  numbers  3 columns: 0, 1, 2",
    ]
    np.savez(here / "a.npz", x=np.eye(10, dtype=np.uint8), y=np.arange(10) % 2)
    out, _ = run("train", "--data", "a.npz", "--epochs", 1, "--batch-size", 5)
    assert lines(out) == [
        "a.npz: 10 rows, array 'x' and array 'y'",
        "  pixels  10 columns",
        "  target  y, 2 classes: 0, 1 (--task)",
    ]


@pytest.mark.parametrize(
    ("name", "first"),
    [("", 0), ("", 7), ("Unnamed: 0", 0), ("id", 0), ("row", 1)],
)
def test_what_numbers_the_rows_is_not_learned(run, here, name, first):
    """What is trained is the net for the file without that column."""
    run("train", "--data", "iris.csv", "--target", "species", "--save", "without.st", "--quiet")
    rows = [[first + i, *row] for i, row in enumerate(ROWS)]
    write_csv(here / "a.csv", (name, *HEADER), rows)
    train = ("train", "--data", "a.csv", "--target", "species", "--save")
    out, err = run(*train, "with.st")
    assert err.splitlines()[0].startswith("minidl train: warning: a.csv: expected ")
    assert "which is left out. Try: " in err
    why = "counts the rows" if name in ("id", "row") else "without a name"
    assert f"  left out  {name or 'Unnamed: 0'} ({why})" in lines(out)
    saved = [run("summary", f"{kind}.st")[0].split("\ndata", 1) for kind in ("with", "without")]
    assert saved[0][0] == saved[1][0]
    write_csv(here / "other.csv", (*HEADER, "more"), [[*row, "?"] for row in ROWS])
    assert run("predict", "with.st", "--data", "other.csv")[0].count("\n") == 91
    out, err = run(*train, "all.st", "--ignore", "--quiet")
    assert err == ""
    assert "Dense(4, 128)" in run("summary", "all.st")[0]


EVEN = [f"{i * i},{'ab'[i % 2]}" for i in range(20)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (text("a,year,kind", [f"{i * i},{1990 + i},{'xy'[i % 2]}" for i in range(20)]),
         "year with a different whole number in each row, which is learned from. "
         "Try: --ignore 'year'"),
        (text("a,b,kind", [*(f"{i * i},5,{'xy'[i % 2]}" for i in range(20)), "7,6,"]),
         "the same number in all rows of column 'b'"),
        (text("a,kind", [*EVEN, "5,c"]), "two rows or more of each class to train with, got fewer "
         "of c"),
        (text("a,kind", [*EVEN, "5,A", "6,A", "7,A"]), "one spelling of each class, got 'A', 'a'"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_warned_of_in_a_line(run, here, content, words):
    (here / "a.csv").write_text(content)
    _, err = run(*TRAIN, "--data", "a.csv", "--validation", 0, "--quiet")
    assert err.startswith("minidl train: warning: a.csv: expected ")
    assert words in err
    assert err.count("\n") == 1


def test_labels_keep_their_spelling(run, here):
    rows = [[i % 7, ("01234", "00999")[i % 7 > 3]] for i in range(60)]
    write_csv(here / "zip.csv", ("a", "zip"), rows)
    run("train", "--data", "zip.csv", "--target", "zip", "--save", "zip.st", "--quiet")
    out = run("predict", "zip.st", "--data", "zip.csv")[0].splitlines()
    assert out[0] == "zip,probability of 00999,probability of 01234"
    assert [line.split(",")[0] for line in out[1:]] == [row[1] for row in rows]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "target +b, 2 classes: 0, 1"),
        (("--task", "regression"), "target +b, a number"),
    ],
)
def test_the_lines_say_how_to_say_otherwise(run, here, options, words):
    write_csv(here / "a.csv", ("a", "b"), [(i * i, f"{i % 2}") for i in range(20)])
    out, _ = run("train", "--data", "a.csv", "--target", "b", "--epochs", 1, *options)
    assert re.search(words, out)


def test_options_of_the_layout_reach_the_file(run, here):
    (here / "a.csv").write_text("2019:2020:2021\n" + "3:5:0\n4:4:1\n" * 9)
    run("train", "--data", "a.csv", "--target", 2021, "--delimiter", ":", "--header", "--epochs", 1,
        "--save", "a.st", "--quiet")  # fmt: skip
    said = ("a.st", "--data", "a.csv", "--delimiter", ":")
    assert lines(run("evaluate", *said, "--header")[0])[1] == "  numbers  2 columns: 2019, 2020"
    assert run("predict", *said, "--header")[0].count("\n") == 19
    assert "expected a column '2019'" in run("predict", *said, "--no-header", code=1)[1]


def test_of_mnist_there_is_nothing_to_say_otherwise(run, digits):
    out, _ = run("train", "--data", "digits", "--epochs", 1)
    assert lines(out) == [
        "digits: 120 rows, those to train with",
        "  pixels  12 columns",
        "  target  digit, 10 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
    ]
