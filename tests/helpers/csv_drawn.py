"""CSV files drawn at random, and what pandas reads in them."""

import csv
import io

import pandas as pd

MISSING = ("", "?", "-", "NA", "nan", "NaN")
NUMBERS = (str, "{:.3g}".format, "{:.17e}".format, repr, "{:+.1f}".format)
TEXTS = ("red", "x,y", "a;b", "tab\there", 'say "so"', "two\nlines", "Zürich", "1|2", "01234", "7")
NAMES = ("size", "height, cm", "2019", "a;b", 'the "best"', "größe", "x|y", "width", "two\nlines")


def drawn(rng):
    """The text of a table, its delimiter, and whether its first line has names."""
    delimiter = str(rng.choice([*",;\t|"]))
    columns, rows = rng.integers(1, 6), rng.integers(3, 30)
    texts = rng.choice(TEXTS, rng.integers(2, 5), replace=False)
    spell = [NUMBERS[i] for i in rng.integers(0, len(NUMBERS), columns)]
    has_names = bool(rng.random() < 0.7)
    file = io.StringIO()
    writer = csv.writer(
        file, delimiter=delimiter, lineterminator=str(rng.choice(["\n", "\r\n"])),
        quoting=int(rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )  # fmt: skip
    if has_names:
        writer.writerow([*rng.choice(NAMES, columns, replace=False), "kind"])
    for _ in range(rows):
        numbers = rng.normal(scale=10.0 ** rng.integers(-3, 8), size=columns)
        writer.writerow([*(s(float(v)) for s, v in zip(spell, numbers, strict=True)),
                         str(rng.choice(texts))])  # fmt: skip
    return str(rng.choice(["", "\ufeff"])) + file.getvalue(), delimiter, has_names


def by_pandas(text, delimiter, has_names):
    """The cells as texts, as pandas reads them."""
    frame = pd.read_csv(
        io.StringIO(text.removeprefix("\ufeff")), sep=delimiter, header=0 if has_names else None,
        dtype=str, keep_default_na=False,
    )  # fmt: skip
    return {str(name): [cell.strip() for cell in frame[name]] for name in frame}


def assert_is(found, cells):
    """AssertionError unless a table, whose target is the last column, has these cells."""
    *columns, last = cells
    assert (sorted(found.names), found.target) == (sorted(columns), last)
    rows = [i for i, cell in enumerate(cells[last]) if cell not in MISSING]
    assert found.values == [cells[last][i] for i in rows]
    for name, numbers in zip(found.columns, found.x.T, strict=True):
        for i, number in zip(rows, numbers.tolist(), strict=True):
            cell = cells[name][i]
            assert (cell in MISSING) if number != number else float(cell) == number
    for name, words in found.categories.items():
        read = ["" if code < 0 else words.words[code] for code in words.codes]
        assert read == ["" if cells[name][i] in MISSING else cells[name][i] for i in rows]
