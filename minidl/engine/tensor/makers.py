"""New tensors: constants, numbers in a row, random numbers.

They are float32 unless `dtype` says otherwise; whole numbers, in a row or random, are int64.
Random numbers come from minidl's generator, which `manual_seed` starts.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, DTypeError, ShapeError, explain
from ...tools.checks import is_number, is_whole
from ..random import generator
from .arrays import FLOATS, as_dtype, held, to_array
from .base import as_tensor, new_result, raw
from .indexing import as_places
from .keywords import Never, refuse
from .shapes import given_apart

if TYPE_CHECKING:
    from . import Tensor


def made(array: np.ndarray, requires_grad: bool) -> "Tensor":
    """A tensor around a new array."""
    result = new_result(array)
    if requires_grad:
        result.requires_grad = True
    return result


def as_shape(operation: str, shape: Any) -> tuple[int, ...]:
    """A shape, given as numbers or as a tuple of them."""
    lengths = given_apart(shape)
    if not all(is_whole(n, 0) for n in lengths):
        hint = f"{operation}((2, 3), dtype='float64')"
        got = ", ".join(map(repr, lengths))
        raise ArgumentError(explain(operation, "whole numbers from 0 up as a shape", got, hint))
    return tuple(int(n) for n in lengths)


def constant(
    operation: str, shape: Any, value: Any, dtype: Any, requires_grad: bool
) -> "Tensor":  # fmt: skip
    """A tensor of this shape, filled with one number; float32 if no dtype is given."""
    wanted = as_dtype(operation, np.float32 if dtype is None else dtype)
    return made(np.full(as_shape(operation, shape), value, wanted), requires_grad)


def zeros(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """Zeros: zeros(2, 3) or zeros((2, 3)).

    >>> import minidl
    >>> minidl.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return constant("zeros", shape, 0, dtype, requires_grad)


def ones(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """Ones: ones(2, 3) or ones((2, 3)).

    >>> import minidl
    >>> minidl.ones(3, dtype="int64")
    tensor([1, 1, 1])
    """
    return constant("ones", shape, 1, dtype, requires_grad)


def empty(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """A tensor to write to: its elements are whatever its memory held before.

    >>> import minidl
    >>> minidl.empty(2, 3).shape
    (2, 3)
    """
    wanted = as_dtype("empty", np.float32 if dtype is None else dtype)
    return made(np.empty(as_shape("empty", shape), wanted), requires_grad)


def full(shape: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """A tensor of this shape, filled with a number, or with an array or tensor that broadcasts.

    A Python number becomes float32, as in `tensor`; else the dtype is the value's own. GraphError
    for a tensor that wants a gradient, which would be lost: use `minidl.broadcast_to`.

    >>> import minidl
    >>> minidl.full((2, 2), 7)
    tensor([[7., 7.],
            [7., 7.]])
    """
    value = np.asarray(to_array([fill_value], dtype, "full")[0])
    lengths = as_shape("full", shape if isinstance(shape, (tuple, list)) else (shape,))
    try:
        return made(np.broadcast_to(value, lengths).copy(), requires_grad)
    except ValueError:
        got = f"shape {value.shape}"
        raise ShapeError(explain("full", f"a value that broadcasts to {lengths}", got)) from None


def zeros_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """Zeros of the shape and dtype of x.

    >>> import minidl
    >>> minidl.zeros_like(minidl.arange(3))
    tensor([0, 0, 0])
    """
    x = as_tensor(x, "zeros_like")
    return zeros(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def ones_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """Ones of the shape and dtype of x.

    >>> import minidl
    >>> minidl.ones_like(minidl.arange(3))
    tensor([1, 1, 1])
    """
    x = as_tensor(x, "ones_like")
    return ones(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def empty_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """A tensor of the shape and dtype of x, to write to.

    >>> import minidl
    >>> minidl.empty_like(minidl.arange(3)).shape
    (3,)
    """
    x = as_tensor(x, "empty_like")
    return empty(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def full_like(
    x: Any, fill_value: Any, dtype: Any = None, requires_grad: bool = False
) -> "Tensor":  # fmt: skip
    """A tensor of the shape and dtype of x, filled with a number. DTypeError if the dtype cannot
    hold it: whole numbers cannot hold 0.5.

    >>> import minidl
    >>> minidl.full_like(minidl.arange(3), 7)
    tensor([7, 7, 7])
    """
    x = as_tensor(x, "full_like")
    value = held("full_like", raw(fill_value), as_dtype("full_like", dtype or x.dtype))
    return full(x.shape, value, requires_grad=requires_grad)


# ---- In a row ------------------------------------------------------------------------------------


def arange(
    start: float, stop: float | None = None, step: float = 1, dtype: Any = None,
    requires_grad: bool = False,
) -> "Tensor":  # fmt: skip
    """start, start + step, ... below stop; with one number, from 0 up to it.

    Whole numbers give int64, others float32. ArgumentError for a step of 0, and for arguments that
    are not finite numbers.

    >>> import minidl
    >>> minidl.arange(3), minidl.arange(0, 1, 0.25)
    (tensor([0, 1, 2]), tensor([0.  , 0.25, 0.5 , 0.75]))
    """
    numbers: tuple[Any, ...] = (0, start, step) if stop is None else (start, stop, step)
    if not all(is_number(n) and abs(n) < np.inf for n in numbers) or step == 0:
        expected = "finite numbers, and a step that is not 0"
        raise ArgumentError(explain("arange", expected, ", ".join(map(repr, numbers))))
    is_of_whole = all(is_whole(n, -(2**63)) for n in numbers)
    row = np.arange(*numbers, dtype=np.int64 if is_of_whole else np.float64)
    default = np.int64 if is_of_whole else np.float32
    return made(row.astype(as_dtype("arange", dtype or default)), requires_grad)


def linspace(
    start: float, stop: float, num: int = 50, endpoint: bool = True, dtype: Any = None,
    requires_grad: bool = False, **wrong: Never,
) -> "Tensor":  # fmt: skip
    """`num` numbers at equal distances, from `start` to `stop`. Without `endpoint`, `stop` would be
    the next one after the last.

    >>> import minidl
    >>> minidl.linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    refuse("linspace", wrong)
    if not (is_number(start) and is_number(stop) and is_whole(num, 0)):
        expected = "two numbers, and how many from 0 up"
        raise ArgumentError(explain("linspace", expected, f"{start!r}, {stop!r}, num={num!r}"))
    row = np.linspace(start, stop, int(num), endpoint)
    return made(row.astype(as_dtype("linspace", dtype or np.float32)), requires_grad)


def eye(
    n: int, m: int | None = None, k: int = 0, dtype: Any = None, requires_grad: bool = False
) -> "Tensor":
    """The matrix of n rows and m columns (n if m is None) with 1 on diagonal number k, else 0.

    >>> import minidl
    >>> minidl.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = as_shape("eye", (n, n if m is None else m))
    if not is_whole(k, -(2**62)):
        raise ArgumentError(explain("eye", "a whole number for the diagonal", f"k={k!r}"))
    wanted = as_dtype("eye", dtype or np.float32)
    return made(np.eye(rows, columns, k, wanted), requires_grad)


def one_hot(labels: Any, classes: int | None = None, dtype: Any = None) -> "Tensor":
    """y[..., c] = 1 where the label is c, else 0: rows of the unit matrix.

    - labels: whole numbers from 0 to classes - 1, of any shape; the result has one more axis.
    - classes: how many; None: one more than the largest label.

    DTypeError for labels that are not whole numbers, ArgumentError for one that is out of range.

    >>> import minidl
    >>> minidl.functional.one_hot([0, 2])
    tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    places = as_places("one_hot", labels)
    if places.dtype.kind not in "iu":
        raise DTypeError(explain("one_hot", "labels that are whole numbers", places.dtype))
    places = places.astype(np.int64)
    count = int(places.max(initial=-1)) + 1 if classes is None else classes
    if not is_whole(count, 0) or (places.size and not 0 <= places.min() <= places.max() < count):
        expected = f"classes as a number, and labels from 0 to {count} - 1"
        raise ArgumentError(explain("one_hot", expected, f"labels {places}"))
    return eye(count, dtype=dtype)[places]


# ---- At random -----------------------------------------------------------------------------------


def random_dtype(operation: str, dtype: Any) -> Any:
    """float32 if `dtype` is None, else `dtype`; DTypeError unless that is float32 or float64."""
    wanted = as_dtype(operation, dtype or np.float32)
    if wanted not in FLOATS:
        raise DTypeError(explain(operation, "float32 or float64", wanted, "minidl.randint"))
    return wanted


def rand(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """Random numbers, uniform in [0, 1): rand(2, 3) or rand((2, 3)).

    >>> import minidl
    >>> minidl.rand(2, 3).shape
    (2, 3)
    """
    lengths, wanted = as_shape("rand", shape), random_dtype("rand", dtype)
    return made(np.asarray(generator().random(lengths, wanted)), requires_grad)


def randn(*shape: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """Random numbers of the normal distribution N(0, 1): randn(2, 3) or randn((2, 3)).

    >>> import minidl
    >>> minidl.randn(2, 3).shape
    (2, 3)
    """
    lengths, wanted = as_shape("randn", shape), random_dtype("randn", dtype)
    return made(np.asarray(generator().standard_normal(lengths, wanted)), requires_grad)


def randint(low: int, high: int | None = None, size: Any = (), dtype: Any = None) -> "Tensor":
    """Random whole numbers from `low` up to but not including `high`, all equally likely; with one
    number, from 0 up to it.

    >>> import minidl
    >>> minidl.randint(10, size=(2, 3)).dtype
    dtype('int64')
    """
    first, end = (0, low) if high is None else (low, high)
    if not (is_whole(first, -(2**63)) and is_whole(end, first + 1) and end <= 2**63):
        expected = "whole numbers, of which the first is below the second"
        hint = "randint(0, 10, size=(2, 3))"
        raise ArgumentError(explain("randint", expected, f"{first!r} and {end!r}", hint))
    lengths = as_shape("randint", size if isinstance(size, (tuple, list)) else (size,))
    drawn = np.asarray(generator().integers(first, end, lengths))
    return made(held("randint", drawn, as_dtype("randint", dtype or np.int64)), False)


def rand_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """`rand` with the shape and dtype of x.

    >>> import minidl
    >>> minidl.rand_like(minidl.zeros(2, 3)).shape
    (2, 3)
    """
    x = as_tensor(x, "rand_like")
    return rand(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)


def randn_like(x: Any, dtype: Any = None, requires_grad: bool = False) -> "Tensor":
    """`randn` with the shape and dtype of x.

    >>> import minidl
    >>> minidl.randn_like(minidl.zeros(2, 3)).shape
    (2, 3)
    """
    x = as_tensor(x, "randn_like")
    return randn(x.shape, dtype=dtype or x.dtype, requires_grad=requires_grad)
