"""Every operation of tensors: our function, NumPy's of the same values, and what they are given."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from support import numbers

import minidl
from minidl import Tensor
from minidl.engine.tensor.shapes import broadcast_to

Range = tuple[float, float]


class Elementwise(NamedTuple):
    """Of each element on its own; of two inputs, which broadcast. Drawn within these ranges."""

    ours: Callable[..., Tensor]
    numpys: Callable[..., Any]
    ranges: tuple[Range, ...]


class Case(NamedTuple):
    """Of inputs of certain shapes."""

    ours: Callable[..., Tensor]
    numpys: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]


def each(ours: Callable[..., Tensor], numpys: Callable[..., Any], *ranges: Range) -> Elementwise:
    return Elementwise(ours, numpys, ranges)


def case(ours: Callable[..., Tensor], numpys: Callable[..., Any], *inputs: np.ndarray) -> Case:
    return Case(ours, numpys, inputs)


ANY, POSITIVE, INNER = (-2, 2), (0.5, 2), (-0.9, 0.9)

ELEMENTWISE = {
    "add": each(minidl.add, np.add, ANY, ANY),
    "subtract": each(minidl.subtract, np.subtract, ANY, ANY),
    "multiply": each(minidl.multiply, np.multiply, ANY, ANY),
    "divide": each(minidl.divide, np.divide, ANY, POSITIVE),
    "power": each(minidl.power, np.power, POSITIVE, ANY),
    "astype": each(lambda x: x.astype(np.float64), np.float64, ANY),
    "negative": each(minidl.negative, np.negative, ANY),
    "maximum": each(minidl.maximum, np.maximum, ANY, ANY),
    "minimum": each(minidl.minimum, np.minimum, ANY, ANY),
    "where": each(
        lambda x, y: minidl.where(x > y, x, y * y),
        lambda x, y: np.where(x > y, x, y * y),
        *[ANY, ANY],
    ),
    "abs": each(abs, abs, ANY),
    "sign": each(Tensor.sign, np.sign, ANY),
    "clip": each(lambda x: x.clip(-1, 1.5), lambda x: np.clip(x, -1, 1.5), ANY),
    "sqrt": each(Tensor.sqrt, np.sqrt, POSITIVE),
    "exp": each(Tensor.exp, np.exp, ANY),
    "expm1": each(Tensor.expm1, np.expm1, ANY),
    "log": each(Tensor.log, np.log, POSITIVE),
    "log1p": each(Tensor.log1p, np.log1p, INNER),
    "tanh": each(Tensor.tanh, np.tanh, ANY),
    "square": each(minidl.square, np.square, ANY),
    "reciprocal": each(minidl.reciprocal, np.reciprocal, POSITIVE),
    "exp2": each(minidl.exp2, np.exp2, ANY),
    "log2": each(minidl.log2, np.log2, POSITIVE),
    "log10": each(minidl.log10, np.log10, POSITIVE),
    "logaddexp": each(minidl.logaddexp, np.logaddexp, ANY, ANY),
    "hypot": each(minidl.hypot, np.hypot, ANY, POSITIVE),
    "sin": each(minidl.sin, np.sin, ANY),
    "cos": each(minidl.cos, np.cos, ANY),
    "tan": each(minidl.tan, np.tan, INNER),
    "arcsin": each(minidl.arcsin, np.arcsin, INNER),
    "arccos": each(minidl.arccos, np.arccos, INNER),
    "arctan": each(minidl.arctan, np.arctan, ANY),
    "arctan2": each(minidl.arctan2, np.arctan2, ANY, POSITIVE),
    "sinh": each(minidl.sinh, np.sinh, ANY),
    "cosh": each(minidl.cosh, np.cosh, ANY),
    "arcsinh": each(minidl.arcsinh, np.arcsinh, ANY),
    "arccosh": each(minidl.arccosh, np.arccosh, (1.1, 3)),
    "arctanh": each(minidl.arctanh, np.arctanh, INNER),
    "floor": each(minidl.floor, np.floor, ANY),
    "ceil": each(minidl.ceil, np.ceil, ANY),
    "trunc": each(minidl.trunc, np.trunc, ANY),
    "round": each(lambda x: minidl.round(x, 1), lambda x: np.round(x, 1), ANY),
    "floor_divide": each(minidl.floor_divide, np.floor_divide, ANY, POSITIVE),
    "remainder": each(minidl.remainder, np.remainder, ANY, POSITIVE),
}

X, Y, STACK = numbers(3, 4), numbers(3, 4, seed=1), numbers(2, 3, 4, seed=2)


def written(x: Any, y: Any) -> Any:
    """A part of x replaced."""
    z = 1 * x
    z[1:, [0, 2]] = y[1:, :2]
    return z


OTHERS = {
    "matmul": case(minidl.matmul, np.matmul, X, Y.T),
    "matmul of a row": case(minidl.matmul, np.matmul, X[0], STACK.swapaxes(1, 2)),
    "matmul of a column": case(minidl.matmul, np.matmul, STACK, X[0]),
    "sum": case(lambda x: x.sum((0, 2)), lambda x: x.sum((0, 2)), STACK),
    "mean": case(lambda x: x.mean(1, True), lambda x: x.mean(1, keepdims=True), STACK),
    "max": case(lambda x: x.max(1), lambda x: x.max(1), X),
    "min": case(lambda x: x.min(0), lambda x: x.min(0), X),
    "prod": case(lambda x: x.prod((0, 2)), lambda x: x.prod((0, 2)), STACK),
    "norm": case(lambda x: x.norm(2, 1), lambda x: np.linalg.norm(x, 2, 1), X),
    "logsumexp": case(lambda x: x.logsumexp(1), lambda x: np.log(np.exp(x).sum(1)), X),
    "cumsum": case(lambda x: x.cumsum(1), lambda x: x.cumsum(1), STACK),
    "cumprod": case(lambda x: x.cumprod(1), lambda x: x.cumprod(1), STACK),
    "einsum": case(
        lambda x, y: minidl.einsum("bij,kj->ibk", x, y),
        lambda x, y: np.einsum("bij,kj->ibk", x, y),
        *[STACK, Y],
    ),
    "broadcast_to": case(
        lambda x: broadcast_to(x, (2, 3, 4)),
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        X,
    ),
    "reshape": case(lambda x: x.reshape(2, 6), lambda x: x.reshape(2, 6), X),
    "transpose": case(lambda x: x.transpose(2, 0, 1), lambda x: x.transpose(2, 0, 1), STACK),
    "T": case(lambda x: x.T, lambda x: x.T, STACK),
    "concatenate": case(
        lambda x, y: minidl.concatenate([x, y], 1), lambda x, y: np.concatenate([x, y], 1), X, Y
    ),
    "stack": case(lambda x, y: minidl.stack([x, y], 1), lambda x, y: np.stack([x, y], 1), X, Y),
    "a view": case(lambda x: x[1:, ::-2], lambda x: x[1:, ::-2], X),
    "repeated indices": case(lambda x: x[[0, 0, 2], 1:], lambda x: x[[0, 0, 2], 1:], X),
    "item assignment": case(written, written, X, Y),
    "copy": case(lambda x: x.copy(), lambda x: x, X),
    "flip": case(lambda x: x.flip((0, 2)), lambda x: np.flip(x, (0, 2)), STACK),
    "roll": case(lambda x: x.roll((1, 2), (0, 1)), lambda x: np.roll(x, (1, 2), (0, 1)), X),
    "repeat": case(lambda x: x.repeat([0, 2, 1], 0), lambda x: x.repeat([0, 2, 1], 0), X),
    "tile": case(lambda x: x.tile((2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), X),
    "pad": case(lambda x: x.pad((1, 2)), lambda x: np.pad(x, (1, 2)), X),
    "diagonal": case(lambda x: x.diagonal(1, 2, 0), lambda x: x.diagonal(1, 2, 0), STACK),
    "diag": case(lambda x: x.diag(-1), lambda x: np.diag(x, -1), X[0]),
    "tril": case(lambda x: x.tril(1), lambda x: np.tril(x, 1), STACK),
    "triu": case(lambda x: x.triu(1), lambda x: np.triu(x, 1), STACK),
    "sort": case(lambda x: x.sort(0), lambda x: np.sort(x, 0), X),
    "masked fill": case(
        lambda x, y: x.masked_fill(x > y, y), lambda x, y: np.where(x > y, y, x), X, Y
    ),
}
