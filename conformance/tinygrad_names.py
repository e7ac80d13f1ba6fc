"""tinygrad's names, words, dtypes and orders of arguments, for minidl's operations.

Only what minidl has is here; nothing is made up of several operations. All else is left out.
"""

import inspect
import operator
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np
from verdicts import LeftOut

import minidl
from minidl import functional as F

# tinygrad's names where minidl's are others.
NAMES = {
    "dot": "matmul", "bitwise_not": "invert",
    "clamp": "clip", "view": "reshape", "permute": "transpose", "transpose": "swapaxes",
    "repeat_interleave": "repeat", "swish": "silu",
    "hardsigmoid": "hard_sigmoid", "logsigmoid": "log_sigmoid",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "binary_crossentropy": "binary_cross_entropy",
    "binary_crossentropy_logits": "binary_cross_entropy_with_logits",
}  # fmt: skip
WORDS = {"dim": "axis", "dims": "axis", "keepdim": "keepdims", "correction": "ddof",
         "shifts": "shift", "dim1": "axis1", "dim2": "axis2", "start_dim": "start",
         "end_dim": "end", "steps": "num", "num_classes": "classes", "sorted_": "sorted",
         "diagonal": "k"}  # fmt: skip
OF_ONE = ("neg", "invert")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
OF_TWO = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
          "lshift", "rshift")  # fmt: skip
OPERATORS = (*OF_ONE, *COMPARISONS, *OF_TWO)


class DType:
    """A dtype and, of integers, the bounds."""

    def __init__(self, name: str) -> None:
        self.numpy = np.dtype(name)
        if self.numpy.kind in "iu":
            self.min, self.max = np.iinfo(self.numpy).min, np.iinfo(self.numpy).max


DTYPES = {name: DType(name) for name in (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
    "float32", "float64")}  # fmt: skip
DTYPES |= {"int": DTYPES["int32"], "default_int": DTYPES["int32"]}
DTYPES |= {"float": DTYPES["float32"], "default_float": DTYPES["float32"]}
DTYPES |= {"half": DTYPES["float16"]}


def find(name: str) -> Callable[..., Any]:
    """minidl's operation of that name: an operator, a method, a function, a loss."""
    if name in OPERATORS and hasattr(minidl.Tensor, f"__{name}__"):
        return getattr(operator, f"__{name}__")
    for place in (minidl.Tensor, minidl, F):
        if hasattr(place, name):
            return getattr(place, name)
    raise LeftOut(name)


def given_apart(numbers: tuple[Any, ...]) -> tuple[Any, ...]:
    """f(2, 3) is f((2, 3))."""
    is_one = len(numbers) == 1 and isinstance(numbers[0], (tuple, list))
    return tuple(numbers[0]) if is_one else numbers


def div(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    """Three divisions in one."""
    names = {None: "truediv", "floor": "floordiv", "trunc": "trunc_divide"}
    return find(names.get(rounding_mode, f"div: {rounding_mode}"))(x, y)


def of_several(name: str) -> Callable[..., Any]:
    """A function of a sequence, which tinygrad takes one by one, too."""

    def apply(*tensors: Any, axis: int = 0) -> Any:
        return find(name)(tensors if isinstance(tensors[0], minidl.Tensor) else tensors[0], axis)

    return apply


def of_a_sample(name: str) -> Callable[..., Any]:
    """tinygrad divides by n - 1 if nothing is said, NumPy and minidl by n."""

    def apply(x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 1) -> Any:
        operation = find(name)
        if "ddof" not in inspect.signature(operation).parameters:
            raise LeftOut(f"{name} with n - {ddof}")
        return operation(x, axis, keepdims=keepdims, ddof=ddof)

    return apply


def as_dtype(dtype: Any) -> Any:
    return DTYPES[dtype].numpy if isinstance(dtype, str) else dtype


def of_numbers(maker: Callable[..., Any]) -> Callable[..., Any]:
    """Whole numbers make int32 in tinygrad if nothing is said."""

    def apply(*given: Any, dtype: Any = None) -> Any:
        of_whole = all(isinstance(number, int) for number in given[-1:])
        return maker(*given, dtype=as_dtype(dtype or ("int32" if of_whole else "float32")))

    return apply


def pad(x: Any, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Widths by pairs, None for none, or flat from the last axis backwards."""
    if any(isinstance(width, (tuple, type(None))) for width in padding):
        widths = [width or (0, 0) for width in padding]
    else:
        pairs = list(zip(padding[::2], padding[1::2], strict=True))
        widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]
    names = {"replicate": "edge", "circular": "wrap"}
    if np.min(widths, initial=0) < 0:
        raise LeftOut("pad: widths below 0")
    return minidl.pad(x, widths, names.get(mode, mode), value)


def scatter(x: Any, axis: int, index: Any, src: Any, reduce: str | None = None) -> Any:
    names = {None: "scatter", "add": "scatter_add"}
    return find(names.get(reduce, f"scatter: {reduce}"))(x, axis, index, src)


def scatter_reduce(
    x: Any, axis: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> Any:
    if reduce != "sum" or not include_self:
        raise LeftOut("scatter_reduce")
    return minidl.scatter_add(x, axis, index, src)


def split(x: Any, sizes: Any, axis: int = 0) -> Any:
    """The lengths of the parts, not the places between them."""
    if isinstance(sizes, int):
        places = range(sizes, x.shape[axis], sizes)
    else:
        places = list(accumulate(sizes))[:-1]
    return tuple(x.split(list(places), axis))


def masked_select(x: Any, mask: Any) -> Any:
    if mask.shape != x.shape:
        raise LeftOut("masked_select: a mask that is stretched")
    return x[mask]


def of_labels(name: str, **defaults: Any) -> Callable[..., Any]:
    """A loss, whose options minidl takes by name only."""

    def apply(x: Any, y: Any, *weight: Any, **options: Any) -> Any:
        given = defaults | dict(zip(["weight"], weight, strict=False)) | options
        return find(name)(x, y, **given)

    return apply


# Operations whose arguments are in another order, or have other defaults.
ADAPTED: dict[str, Callable[..., Any]] = {
    "div": div,
    "cat": of_several("concatenate"),
    "stack": of_several("stack"),
    "einsum": lambda formula, *xs: minidl.einsum(formula, *(xs[0] if type(xs[0]) is list else xs)),
    "var": of_a_sample("var"),
    "std": of_a_sample("std"),
    "cast": lambda x, dtype: x.astype(as_dtype(dtype)),
    "float": lambda x: x.astype(np.float32),
    "half": lambda x: x.astype(np.float16),
    "int": lambda x: x.astype(np.int32),
    "bool": lambda x: x.astype(bool),
    "softmax": lambda x, axis=-1: F.softmax(x, axis=axis),
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, axis=axis),
    "gelu": lambda x, approximate="tanh": F.gelu(x, approximate=approximate == "tanh"),
    "cross_entropy": of_labels("cross_entropy"),
    "sparse_categorical_crossentropy": of_labels("cross_entropy", ignore_index=-1),
    "nll_loss": of_labels("nll"),
    "hardtanh": lambda x, low=-1, high=1: x.clip(low, high),
    "cumsum": lambda x, axis=0: x.cumsum(axis),
    "flip": lambda x, *axes: x.flip(given_apart(axes)),
    "repeat": lambda x, *counts: x.tile(given_apart(counts)),
    "pad": pad,
    "split": split,
    "scatter": scatter,
    "scatter_reduce": scatter_reduce,
    "sort": lambda x, axis=-1, descending=False: (
        x.sort(axis, descending=descending), x.argsort(axis, descending=descending)
    ),
    "argsort": lambda x, axis=-1, descending=False: x.argsort(axis, descending=descending),
    "topk": lambda x, k, axis=-1, largest=True, sorted=True: x.topk(k, axis, largest),
    "masked_select": masked_select,
    "nonzero": lambda x: minidl.stack(x.nonzero(), axis=1),
    "one_hot": lambda x, classes: F.one_hot(x, classes, dtype=np.int32),
    "arange": of_numbers(minidl.arange),
    "full": of_numbers(minidl.full),
    "linspace": lambda start, stop, num, dtype=None: minidl.linspace(
        start, stop, num, dtype=as_dtype(dtype)
    ),
}  # fmt: skip
