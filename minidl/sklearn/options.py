"""The values of the estimators' options, and the net's shape that follows from them."""

import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..errors import ArgumentError, explain
from ..layers.activations import Activation
from ..layers.activations import activation as find
from ..optim.arguments import FLAG, NOT_NEGATIVE, POSITIVE, SHARE, Option
from ..tools.checks import is_number, is_whole
from ..train import Callback, Checkpoint
from ..train.averaging import sets_last_weights


def one_of(*names: str) -> Option:
    """An option whose value is one of these words."""
    words = ", ".join(map(repr, names))
    return Option(f"one of {words}", lambda value: isinstance(value, str) and value in names)


def or_none(option: Option) -> Option:
    """An option whose value is None, or one that `option` allows."""
    return Option(
        f"None or {option.description}", lambda value: value is None or option.allows(value)
    )


def _is_seed(value: Any) -> bool:
    try:
        check_random_state(value)
    except ValueError:
        return False
    return True


def _are_callbacks(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(x, Callback) for x in value)


def _weighs_classes(value: Any) -> bool:
    is_word = isinstance(value, str) and value == "balanced"
    return value is None or is_word or isinstance(value, (Mapping, list))


CLASS_WEIGHT = Option("None, 'balanced' or a dict", _weighs_classes)
WHOLE = Option("a whole number from 1 up", lambda value: is_whole(value, 1))
RATES = ("constant", "invscaling", "adaptive")

# scikit-learn's options with its ranges, then ours.
OPTIONS = {
    "solver": one_of("lbfgs", "sgd", "adam"),
    "alpha": NOT_NEGATIVE,
    "batch_size": Option(
        "'auto' or a whole number from 1 up", lambda value: value == "auto" or is_whole(value, 1)
    ),
    "learning_rate": Option(
        "'constant', 'invscaling', 'adaptive' or a function of the epoch",
        lambda value: callable(value) or value in RATES,
    ),
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": WHOLE,
    "shuffle": FLAG,
    "random_state": Option("None, a seed from 0 to 2**32 - 1 or a RandomState", _is_seed),
    "tol": NOT_NEGATIVE,
    "verbose": Option(
        "a truth value or a whole number", lambda value: FLAG.allows(value) or is_whole(value, 0)
    ),
    "warm_start": FLAG,
    "momentum": Option("from 0 to 1", lambda value: is_number(value) and 0 <= value <= 1),
    "nesterovs_momentum": FLAG,
    "early_stopping": FLAG,
    "validation_fraction": SHARE,
    "beta_1": SHARE,
    "beta_2": SHARE,
    "epsilon": POSITIVE,
    "n_iter_no_change": Option(
        "a whole number from 1 up, or inf", lambda value: is_whole(value, 1) or value == math.inf
    ),
    "max_fun": WHOLE,
    "maxout_pieces": WHOLE,
    "dropout": SHARE,
    "batch_norm": FLAG,
    "max_norm": or_none(POSITIVE),
    "callbacks": or_none(Option("a list of callbacks", _are_callbacks)),
    "progress": Option("True, False or 'line'", lambda value: value in (True, False, "line")),
    "n_threads": or_none(WHOLE),
}

# Options that lbfgs, which minimises one smooth function of all rows, cannot use.
STOCHASTIC_ONLY = {"dropout": 0.0, "batch_norm": False, "max_norm": None, "callbacks": None}


def check_options(estimator: Any, more: dict[str, Option]) -> None:
    """ArgumentError for an option that is out of range, or does not suit the solver."""
    operation = type(estimator).__name__
    for name, option in (OPTIONS | more).items():
        option.check(operation, name, getattr(estimator, name))
    count = len(hidden_sizes(operation, estimator.hidden_layer_sizes))
    hidden_activations(operation, estimator.activation, count, estimator.maxout_pieces)
    for callback in estimator.callbacks or ():
        check_callback(estimator, callback)
    if estimator.solver == "lbfgs":
        for name, neutral in STOCHASTIC_ONLY.items():
            value = getattr(estimator, name)
            if value != neutral:
                raise ArgumentError(
                    explain(
                        operation, f"{name}={neutral!r} with solver='lbfgs'", f"{name}={value!r}",
                        "solver='adam'",
                    )
                )  # fmt: skip


def check_callback(estimator: Any, callback: Callback) -> None:
    """ArgumentError if an option overrules the callback, or nothing can use what it does."""
    operation, name = type(estimator).__name__, type(callback).__name__
    rate = estimator.learning_rate
    if isinstance(callback, Checkpoint):
        got, hint = "Checkpoint, from which fit cannot resume", "BestWeights"
        raise ArgumentError(explain(operation, "other callbacks", got, hint))
    if callback.sets_rates and (callable(rate) or (estimator.solver == "sgd" and rate != RATES[0])):
        expected = f"learning_rate='constant' with {name}, which sets the rate"
        raise ArgumentError(explain(operation, expected, f"learning_rate={rate!r}"))
    if estimator.early_stopping and sets_last_weights(callback):
        expected = f"early_stopping=False with {name}, which sets the last weights"
        raise ArgumentError(explain(operation, expected, "early_stopping=True"))


def hidden_sizes(operation: str, value: Any) -> list[int]:
    """The hidden layers' units, from one number or several."""
    sizes = list(value) if isinstance(value, Iterable) else [value]
    if isinstance(value, str) or not all(is_whole(size, 1) for size in sizes):
        raise ArgumentError(
            explain(operation, "hidden_layer_sizes > 0, whole numbers", repr(value), "(100,)")
        )
    return [int(size) for size in sizes]


def hidden_activations(operation: str, value: Any, count: int, pieces: int) -> list[Activation]:
    """A new activation layer for each of `count` hidden layers.

    `value` is a name, a class or a layer with its own options, for all; or a list of these, one for
    each. A layer with pieces gets `pieces` of them.
    """
    kinds = list(value) if isinstance(value, (list, tuple, np.ndarray)) else [value] * count
    if len(kinds) != count:
        raise ArgumentError(
            explain(operation, f"{count} activations, one per hidden layer", len(kinds))
        )
    return [layer_of(kind, pieces) for kind in kinds]


def layer_of(kind: Any, pieces: int) -> Activation:
    """The layer for an activation's name (scikit-learn's too) or class; a copy of a layer."""
    if isinstance(kind, Activation):
        return copy.deepcopy(kind)
    found = find("sigmoid" if isinstance(kind, str) and kind == "logistic" else kind)
    takes_pieces = "pieces" in found.option_signature().parameters
    return found(pieces=pieces) if takes_pieces else found()
