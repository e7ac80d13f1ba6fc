"""Small real data sets that scikit-learn, statsmodels and vega_datasets bring with them.

Each is a data frame of inputs and an array of targets: class labels, or float64 for regression.
"""

import importlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

Loaded = tuple[pd.DataFrame, np.ndarray]


class RealSet(NamedTuple):
    """A set's target, the package that has it, and the function that loads it."""

    target: str
    package: str
    load: Callable[[], Loaded]


def sklearn(name: str) -> RealSet:
    """A set of scikit-learn's, whole."""

    def load() -> Loaded:
        X, y = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")(
            return_X_y=True, as_frame=True
        )
        return X, y.to_numpy()

    return RealSet("", "scikit-learn", load)


def without_target(frame: pd.DataFrame, target: str, *ignored: str) -> Loaded:
    """The rows that have no gap, the target apart from the inputs."""
    frame = frame.dropna()
    return frame.drop(columns=[target, *ignored]), frame[target].to_numpy()


def statsmodels(name: str) -> pd.DataFrame:
    """A table of statsmodels'."""
    return importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data


def vega(name: str) -> pd.DataFrame:
    """A table of vega_datasets'."""
    return getattr(importlib.import_module("vega_datasets").local_data, name)()


def anes96() -> Loaded:
    return without_target(statsmodels("anes96").astype({"vote": int}), "vote", "logpopul")


def modechoice() -> Loaded:
    """A row for each traveller: what each of four modes of travel would cost and take."""
    table = statsmodels("modechoice")
    wide = table.pivot(index="individual", columns="mode", values=["ttme", "invc", "invt", "gc"])
    wide.columns = [f"{name} {mode:g}" for name, mode in wide.columns]
    travellers = table.groupby("individual")
    X = wide.join(travellers[["hinc", "psize"]].first())
    return X, table.loc[travellers["choice"].idxmax(), "mode"].to_numpy(int)


def spector() -> Loaded:
    return without_target(statsmodels("spector").astype({"GRADE": int}), "GRADE")


def seattle_weather() -> Loaded:
    return without_target(vega("seattle_weather"), "weather", "date")


def origin() -> Loaded:
    return without_target(vega("cars"), "Origin", "Name", "Year")


def engel() -> Loaded:
    return without_target(statsmodels("engel"), "foodexp")


def star98() -> Loaded:
    """The share of pupils whose results are above the national median."""
    table = statsmodels("star98")
    above, below = table.pop("NABOVE"), table.pop("NBELOW")
    return table, (above / (above + below)).to_numpy()


def grunfeld() -> Loaded:
    return without_target(statsmodels("grunfeld"), "invest", "year")


def statecrime() -> Loaded:
    return without_target(statsmodels("statecrime"), "murder", "violent")


def cars() -> Loaded:
    return without_target(vega("cars"), "Miles_per_Gallon", "Name", "Year")


def barley() -> Loaded:
    return without_target(vega("barley").astype({"year": str}), "yield")


CLASSES = {
    "iris": sklearn("iris"),
    "wine": sklearn("wine"),
    "breast_cancer": sklearn("breast_cancer"),
    "digits": sklearn("digits"),
    "anes96": RealSet("vote", "statsmodels", anes96),
    "modechoice": RealSet("the mode chosen", "statsmodels", modechoice),
    "spector": RealSet("GRADE", "statsmodels", spector),
    "cars": RealSet("Origin", "vega_datasets", origin),
    "seattle_weather": RealSet("weather", "vega_datasets", seattle_weather),
}
QUANTITIES = {
    "diabetes": sklearn("diabetes"),
    "engel": RealSet("foodexp", "statsmodels", engel),
    "star98": RealSet("share above", "statsmodels", star98),
    "grunfeld": RealSet("invest", "statsmodels", grunfeld),
    "statecrime": RealSet("murder", "statsmodels", statecrime),
    "cars": RealSet("Miles_per_Gallon", "vega_datasets", cars),
    "barley": RealSet("yield", "vega_datasets", barley),
}
