"""The net behind an estimator, and its weights as `coefs_` and `intercepts_`."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from ..errors import ShapeError, explain
from ..layers.activations import Activation
from ..layers.base import Parameter
from ..layers.batch_norm import BatchNorm
from ..layers.containers import Sequential
from ..layers.dense import Dense
from ..layers.dropout import Dropout
from ..layers.mlp import alternating
from ..step.prediction import predict

SPARSE_ROWS = 1024  # that are made dense at a time


def build(
    sizes: Sequence[int], activations: Sequence[Activation], dropout: float, batch_norm: bool,
    dtype: np.dtype,
) -> Sequential:  # fmt: skip
    """Dense layers of these sizes with the layers between them; all weights are 0."""
    layers = alternating(
        sizes, activations, dense, dense, normalization if batch_norm else None,
        partial(Dropout, dropout, seed=0) if dropout else None,
    )  # fmt: skip
    return Sequential(*layers).astype(dtype)


def dense(fan_in: int, columns: int) -> Dense:
    """A dense layer whose bias has no penalty."""
    layer = Dense(fan_in, columns, init=np.zeros)
    assert layer.bias is not None
    layer.bias.decays = False
    return layer


def normalization(columns: int) -> BatchNorm:
    """Batch normalisation whose weight and bias have no penalty."""
    layer = BatchNorm(columns)
    for parameter in layer.parameters():
        parameter.decays = False
    return layer


def parameters_of(net: Sequential) -> list[tuple[Parameter, Parameter]]:
    """The weight and the bias of every dense layer."""
    return [(layer.weight, layer.bias) for layer in net if isinstance(layer, Dense)]  # type: ignore[misc]


def first_weights(
    net: Sequential, activation: Any, random_state: np.random.RandomState
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """scikit-learn's first weights and intercepts, from the same random numbers.

    Both are uniform within ±sqrt(6 / (fan_in + fan_out)); for the logistic function within
    ±sqrt(2 / (fan_in + fan_out)). The last layer uses the bound of the activation before it; if
    there is none, of the option `activation`. Glorot & Bengio 2010.
    """
    activations = [layer.name for layer in net if isinstance(layer, Activation)] or [activation]
    coefs, intercepts = [], []
    for i, (weight, bias) in enumerate(parameters_of(net)):
        is_logistic = activations[min(i, len(activations) - 1)] in ("sigmoid", "logistic")
        fan_in, columns = weight.shape
        bound = math.sqrt((2 if is_logistic else 6) / (fan_in + columns))
        coefs.append(random_state.uniform(-bound, bound, weight.shape).astype(weight.dtype))
        intercepts.append(random_state.uniform(-bound, bound, columns).astype(bias.dtype))
    return coefs, intercepts


def seed_dropout(net: Sequential, random_state: np.random.RandomState) -> None:
    """Gives every dropout layer a seed of its own."""
    for layer in net:
        if isinstance(layer, Dropout):
            layer.seed = int(random_state.randint(2**31))


def adopt(net: Sequential, coefs: list[Any], intercepts: list[Any]) -> None:
    """Makes these arrays the net's weights, in place of the old ones. An array that the net cannot
    use, such as a list or one of another dtype, is replaced by a copy, in the lists too."""
    for i, (weight, bias) in enumerate(parameters_of(net)):
        adopt_one(f"coefs_[{i}]", weight, coefs, i)
        adopt_one(f"intercepts_[{i}]", bias, intercepts, i)


def adopt_one(name: str, parameter: Parameter, arrays: list[Any], i: int) -> None:
    """Makes arrays[i] the parameter's."""
    if parameter.data is arrays[i]:
        return
    array = np.require(arrays[i], parameter.dtype, ["C", "A", "W"])
    if array.shape != parameter.shape:
        raise ShapeError(explain(name, f"an array of shape {parameter.shape}", array.shape))
    parameter.data = array
    arrays[i] = array


def weights_of(net: Sequential) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The arrays that are the net's weights and biases."""
    pairs = parameters_of(net)
    return [weight.data for weight, _ in pairs], [bias.data for _, bias in pairs]


def outputs(net: Sequential, x: Any) -> np.ndarray:
    """The net's outputs for the rows of an array or a sparse matrix, in evaluation."""
    if net.training:
        net.eval()
    if not sparse.issparse(x):
        return predict(net, x)
    pieces = range(0, x.shape[0], SPARSE_ROWS)
    return np.concatenate([predict(net, x[i : i + SPARSE_ROWS].toarray()) for i in pieces])
