"""The tables of minidl's estimators beside scikit-learn's, on small real sets."""

import importlib.util
import json

import beside_scikit
import numpy as np
import pytest
from real_sets import CLASSES, QUANTITIES
from scipy import stats

MODULES = {"scikit-learn": "sklearn"}  # those of the other packages have their names


def test_the_page_has_the_tables_of_the_numbers():
    known = json.loads(beside_scikit.NUMBERS.read_text())
    tables = f"<!-- real sets -->\n{beside_scikit.block(known)}<!-- end of real sets -->\n"
    assert tables in beside_scikit.PAGE.read_text()
    assert [set(of_kind) for of_kind in known["results"].values()] == [{*CLASSES}, {*QUANTITIES}]
    for found in (found for of_kind in known["results"].values() for found in of_kind.values()):
        counts = {len(values) for part in ("scores", "seconds") for values in found[part].values()}
        assert counts == {beside_scikit.FOLDS * beside_scikit.REPEATS}
        ours, theirs = found["scores"]["minidl"], found["scores"]["scikit-learn"]
        np.testing.assert_allclose(ours, theirs, atol=1e-9, err_msg="they train the same net")


def test_the_interval_is_that_of_nadeau_and_bengio():
    """Tested on a quarter as many rows as it trained on: five folds."""
    differences = np.random.default_rng(0).normal(0.01, 0.03, 15)
    mean, half = beside_scikit.interval(differences)
    scale = ((1 / 15 + 1 / 4) * differences.var(ddof=1)) ** 0.5
    low, high = stats.t.interval(0.95, 14, differences.mean(), scale)
    assert (mean - half, mean + half) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "real", [CLASSES["iris"], QUANTITIES["diabetes"]], ids=["iris", "diabetes"]
)
def test_a_set_is_measured(real, monkeypatch):
    monkeypatch.setattr(beside_scikit, "OPTIONS", {"max_iter": 2})
    found = beside_scikit.measured(real, repeats=1)
    scores, seconds = found["scores"], found["seconds"]
    assert {name: len(values) for name, values in scores.items()} == dict.fromkeys(seconds, 5)
    np.testing.assert_allclose(scores["minidl"], scores["scikit-learn"], atol=1e-9)
    assert beside_scikit.row("a set", found)[1] == f"{found['rows']} × {found['inputs']}"


SETS = [(name, real) for sets in (CLASSES, QUANTITIES) for name, real in sets.items()]


@pytest.mark.filterwarnings("ignore:The 'convert_dates' keyword")  # vega_datasets, pandas 3
@pytest.mark.parametrize(("name", "real"), SETS, ids=lambda value: str(value)[:20])
def test_a_set_has_no_gaps_and_its_targets_apart(name, real):
    if importlib.util.find_spec(MODULES.get(real.package, real.package)) is None:
        pytest.skip(f"{real.package} is not installed")
    X, y = real.load()
    assert len(X) == len(y) > 30
    assert not X.isna().any(axis=None)
    if y.dtype.kind == "f":
        slopes = [
            abs(np.corrcoef(column, y)[0, 1]) for _, column in X.select_dtypes("number").items()
        ]
        assert max(slopes, default=0) < 0.97, "an input is the target under another name"
