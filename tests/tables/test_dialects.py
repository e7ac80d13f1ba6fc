"""Tables drawn at random, written in dialects drawn at random: read, they are what was drawn."""

import csv
import gzip
import io
import re

import numpy as np
import pytest
from csv_drawn import MISSING

from minidl import data
from minidl.errors import DataError
from minidl.tables import text_file

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252")
TOWNS = ("Köln", "Ulm", "New York", "x,y", "a;b", 'say "so"', "1|2", "two\nlines", "# no", "O'Hare")
WORDS = ("Ulm", "Köln", "Rom")  # without anything that could separate cells


def drawn(rng):
    """Columns: numbers, categories, dates, true and false, with missing cells; and a target."""
    rows = int(rng.integers(10, 60))
    gaps = rng.random((4, rows)) < rng.choice([0, 0.1])
    number = np.round(rng.normal(scale=10.0 ** rng.integers(1, 7), size=rows)) / 64  # 6 decimals
    number[:2] = 0.5, -1234.5  # to tell decimal commas
    towns = rng.choice(TOWNS if rng.random() < 0.5 else WORDS, rows)
    days = rng.integers(-9000, 20000, rows)
    truth = rng.integers(0, 2, rows)
    gaps[:, :3] = False
    towns[:2], towns[2], truth[:2] = "Ulm", "Köln", [0, 1]
    kind = rng.choice(["red", "green"], rows)
    return {"number": number, "town": towns, "day": days, "is_new": truth}, gaps, kind


def written(rng, columns, gaps, kind):
    """The text of such a table, and how it is laid out."""
    delimiter = str(rng.choice([*",;\t|: "]))
    comma = bool(delimiter != "," and rng.random() < 0.3)
    yes, no = [("yes", "no"), ("True", "False"), ("T", "F")][rng.integers(3)]
    spell = {
        "number": lambda v: f"{v:.6f}".replace(".", "," if comma else "."),
        "town": str,
        "day": lambda v: str(np.datetime64(0, "D") + v),
        "is_new": lambda v: yes if v else no,
    }
    missing = str(rng.choice([m for m in MISSING if m or delimiter != " "]))
    file = io.StringIO()
    end = str(rng.choice(["\n", "\r\n"]))
    has_names = bool(rng.random() < 0.7)
    has_comments = bool(rng.random() < 0.3)
    quoting = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC][rng.integers(3)]
    if has_comments:
        file.write(f"# drawn at random{end}")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    if has_names:
        writer.writerow([*columns, "kind"])
    for i, last in enumerate(kind):
        if has_comments and rng.random() < 0.1:
            file.write(f"# a remark{end}")
        if rng.random() < 0.05:
            file.write(end)
        cells = [missing if gaps[j, i] else spell[name](v[i])
                 for j, (name, v) in enumerate(columns.items())]  # fmt: skip
        writer.writerow([*cells, last])
    encoding = str(rng.choice(ENCODINGS))
    layout = {"delimiter": delimiter, "header": has_names, "encoding": encoding,
              "decimal": "," if comma else "."}  # fmt: skip
    return file.getvalue().encode(encoding), layout


def assert_is(found, columns, gaps, kind):
    number, town, day, truth = found.names if found.target == "4" else columns
    if found.target == "4":
        number, day, truth, town = found.names  # numbers come first
    wanted = {number: columns["number"], day: columns["day"], truth: columns["is_new"]}
    rows = {number: 0, day: 2, truth: 3}
    assert found.columns == [number, day, truth]
    for i, name in enumerate(found.columns):
        np.testing.assert_array_equal(
            found.x[:, i], np.where(gaps[rows[name]], np.nan, wanted[name])
        )
    codes, words = found.categories[town]
    read = np.where(codes < 0, "", np.array(words)[codes])
    np.testing.assert_array_equal(read, np.where(gaps[1], "", columns["town"]))
    assert found.values == kind.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_what_is_written_in_any_dialect_is_read(tmp_path, seed):
    """Told how a file is laid out, always; else the same, or asked, or refused for its encoding."""
    rng = np.random.default_rng(seed)
    asked = read = 0
    for _ in range(15):
        columns, gaps, kind = drawn(rng)
        content, layout = written(rng, columns, gaps, kind)
        path = tmp_path / "a.csv"
        path.write_bytes(gzip.compress(content) if rng.random() < 0.3 else content)
        assert_is(data.table(path, "-1", category=["1"], **layout), columns, gaps, kind)
        try:
            assert_is(data.table(path, "-1", category=["1"]), columns, gaps, kind)
            read += 1
        except DataError as error:
            asked += bool(re.search("Try: --(delimiter|header|encoding|decimal)", str(error)))
    assert (read + asked, read >= 4) == (15, True)


@pytest.mark.parametrize("seed", range(4))
def test_both_readers_read_the_same(tmp_path, monkeypatch, seed):
    """The kernel for plain rows and the reader for cells, where a file of a few columns is drawn
    with some odd cells: the same table, or the same error."""
    rng = np.random.default_rng(seed)
    odd = [
        "nan",
        "+nan",
        "inf",
        "1e400",
        "1_0",
        "",
        " 7 ",
        "NA",
        "0x1",
        "x",
        "１",
        "1 2",
        "-0",
        ".5",
    ]
    for _ in range(40):
        rows = [[f"{v:.3g}" for v in row] for row in rng.normal(size=(12, 2))]
        for _ in range(rng.integers(0, 3)):
            rows[rng.integers(12)][rng.integers(2)] = str(rng.choice(odd))
        text = "a,b,kind\n" + "".join(f"{a},{b},{'xy'[i % 2]}\n" for i, (a, b) in enumerate(rows))
        (tmp_path / "a.csv").write_text(text)
        results = []
        for by_kernel in (True, False):
            with monkeypatch.context() as patch:
                if not by_kernel:
                    patch.setattr(text_file.Rows, "add_plain", lambda _: None)
                try:
                    found = data.table(tmp_path / "a.csv", "kind")
                    results.append((found.x.tobytes(), str(found)))
                except DataError as error:
                    results.append(str(error))
        assert results[0] == results[1], text
