"""minidl's MLPClassifier and MLPRegressor beside scikit-learn's, on small real data sets.

Repeated cross-validation: five folds, three times, other folds each time; the classes have the same
shares in all folds. In each split scikit-learn's net, minidl's, and five of minidl's in a
VotingClassifier or VotingRegressor learn from the same rows, with the same options; scikit-learn's
and minidl's have the same seed, and another one begins each time. One thread.

A full run takes some 15 minutes. After each set it writes benchmarks/beside_scikit.json and the
tables in docs/guides/scikit-learn.md; --repeats prints only.

    OMP_NUM_THREADS=1 python benchmarks/beside_scikit.py
    OMP_NUM_THREADS=1 python benchmarks/beside_scikit.py --only iris engel --repeats 1
    python benchmarks/beside_scikit.py --redraw
"""

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pandas as pd
import sklearn
import sklearn.neural_network
from machine import describe
from real_sets import CLASSES, QUANTITIES, RealSet
from report import table, write
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import minidl
import minidl.sklearn
from minidl.tools.student import student

ROOT = Path(__file__).parents[1]
NUMBERS = ROOT / "benchmarks" / "beside_scikit.json"
PAGE = ROOT / "docs" / "guides" / "scikit-learn.md"
FOLDS, REPEATS, NETS = 5, 3, 5
OPTIONS = {"max_iter": 500}  # the others are the defaults
QUARTILES = [0.25, 0.5, 0.75]

Result = dict[str, Any]


# What is compared.


def contenders(kind: str) -> dict[str, Any]:
    """The estimators by their names: each a function of a seed."""
    theirs, ours = (getattr(room, kind) for room in (sklearn.neural_network, minidl.sklearn))
    vote: Any = partial(VotingClassifier, voting="soft")
    vote = vote if kind == "MLPClassifier" else VotingRegressor

    def several(random_state: int, **options: Any) -> Any:
        seeds = range(NETS * random_state, NETS * (random_state + 1))
        return vote([(str(seed), ours(random_state=seed, **options)) for seed in seeds])

    return {"scikit-learn": theirs, "minidl": ours, "several": several}


def splits(y: np.ndarray, repeats: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows for training and for testing, again and again."""
    folds = RepeatedKFold if y.dtype.kind == "f" else RepeatedStratifiedKFold
    return folds(n_splits=FOLDS, n_repeats=repeats, random_state=0).split(y, y)


def prepared(
    X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Inputs and targets of both parts. Numbers are scaled by the training rows' mean and standard
    deviation, the targets of a regression too; text is one-hot."""
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
         make_column_selector(dtype_exclude="number")),
    )  # fmt: skip
    if y.dtype.kind == "f":
        y = (y - y[train].mean()) / y[train].std()
    return (columns.fit_transform(X.iloc[train]), columns.transform(X.iloc[test]),
            y[train], y[test])  # fmt: skip


def measured(real: RealSet, repeats: int) -> Result:
    """The scores and the processor's seconds of all splits, by contender."""
    X, y = real.load()
    kind = "MLPRegressor" if y.dtype.kind == "f" else "MLPClassifier"
    makers = contenders(kind)
    scores: dict[str, list[float]] = {name: [] for name in makers}
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    for number, (train, test) in enumerate(splits(y, repeats)):
        X_train, X_test, y_train, y_test = prepared(X, y, train, test)
        for name in list(makers) if number % 2 else reversed(makers):
            net = makers[name](random_state=number, **OPTIONS)
            began = process_time()  # others use the processor too
            net.fit(X_train, y_train)
            seconds[name].append(process_time() - began)
            scores[name].append(float(net.score(X_test, y_test)))
    return {
        "rows": len(X), "inputs": X.shape[1], "package": real.package, "target": real.target,
        "largest class": None if kind == "MLPRegressor" else float(np.bincount(
            np.unique(y, return_inverse=True)[1]).max() / len(y)),
        "scores": scores, "seconds": seconds,
    }  # fmt: skip


# What came out.


def interval(values: Any) -> tuple[float, float]:
    """The mean over the splits, and the half width of its 95 % interval.

    Splits share rows, so their scores are not independent: the corrected resampled t-interval has
    the variance (1 / J + n_test / n_train) s² for J splits. Nadeau, Bengio, "Inference for the
    generalization error", Machine Learning 52, 2003.
    """
    count = len(values)
    variance = (1 / count + 1 / (FOLDS - 1)) * np.var(values, ddof=1)
    return float(np.mean(values)), float(student(count - 1) * variance**0.5)


def with_interval(values: Any, digits: int, sign: str = "") -> str:
    """As in "95.3 ± 2.1"; a difference has its sign."""
    mean, half = interval(values)
    mean = round(mean, digits) + 0.0  # -0.0 would be shown as such
    return f"{mean:{sign}.{digits}f} ± {half:.{digits}f}"


def difference(one: Any, other: Any) -> str:
    """The mean of the paired differences with its interval."""
    return with_interval(np.subtract(one, other), 2, "+")


def row(name: str, found: Result) -> list[str]:
    """A set's cells; accuracies are in percent."""
    seconds, share = found["seconds"], found["largest class"]
    factor, digits = (1, 2) if share is None else (100, 1)
    theirs, ours, several = (factor * np.array(scores) for scores in found["scores"].values())
    low, median, high = np.quantile(
        np.divide(seconds["scikit-learn"], seconds["minidl"]), QUARTILES
    )
    return [
        name + (f": {found['target']}" if found["target"] else ""),
        f"{found['rows']} × {found['inputs']}", *([] if share is None else [f"{100 * share:.1f}"]),
        with_interval(theirs, digits), with_interval(ours, digits),
        difference(ours, theirs), difference(several, ours),
        f"{median:.1f} ({low:.1f} to {high:.1f})",
    ]  # fmt: skip


def tables(results: Mapping[str, Mapping[str, Result]]) -> str:
    """The table of accuracies and that of R²."""
    shared = ["scikit-learn", "minidl", "minidl minus scikit-learn", f"{NETS} nets minus one",
              "time, scikit-learn / minidl"]  # fmt: skip
    heads = {
        "MLPClassifier": ["accuracy, %", "rows × inputs", "largest class", *shared],
        "MLPRegressor": ["R²", "rows × inputs", *shared],
    }
    return "\n\n".join(
        table(heads[kind], [row(name, found) for name, found in of_kind.items()])
        for kind, of_kind in results.items() if of_kind
    )  # fmt: skip


def facts() -> str:
    """Where, when and with what."""
    machine = describe()
    return (
        f"{machine['processor']}, one thread, {machine['date']}; Python {machine['python']}, "
        f"NumPy {np.__version__}, scikit-learn {sklearn.__version__}, minidl {minidl.__version__}"
    )


def block(known: Mapping[str, Any]) -> str:
    """What stands in the page."""
    return f"{tables(known['results'])}\n\n({known['facts']}.)\n"


def put_into_page(text: str) -> None:
    """Writes the block between its marks."""
    marks = r"(<!-- real sets -->\n).*?(<!-- end of real sets -->)"
    page = PAGE.read_text()
    write(PAGE, re.sub(marks, lambda found: found[1] + text + found[2], page, flags=re.DOTALL))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = sorted({*CLASSES, *QUANTITIES})
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="SET")
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N")
    parser.add_argument("--redraw", action="store_true", help="measure nothing, write the tables")
    arguments = parser.parse_args(argv)
    if arguments.redraw:
        put_into_page(block(json.loads(NUMBERS.read_text())))
        return
    if os.environ.get("OMP_NUM_THREADS") != "1":
        sys.exit("beside_scikit: expected one thread. Try: OMP_NUM_THREADS=1")
    warnings.simplefilter("ignore", ConvergenceWarning)
    is_whole = arguments.repeats == REPEATS
    known = json.loads(NUMBERS.read_text()) if is_whole and NUMBERS.exists() else {"results": {}}
    known["facts"] = facts()
    for kind, sets in {"MLPClassifier": CLASSES, "MLPRegressor": QUANTITIES}.items():
        for name in (name for name in sets if name in arguments.only):
            found = known["results"].setdefault(kind, {})[name] = measured(
                sets[name], arguments.repeats
            )
            print(*row(name, found), sep=" | ", flush=True)
            if is_whole:
                write(NUMBERS, json.dumps(known, ensure_ascii=False) + "\n")
                put_into_page(block(known))


if __name__ == "__main__":
    main()
