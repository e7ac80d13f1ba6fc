"""Functions that move or repeat elements: flip, roll, repeat, tile, pad."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ArgumentError, ShapeError, explain
from ...tools.checks import is_whole
from .arrays import held, unbroadcast
from .base import as_tensor, normal_axes, raw
from .indexing import WHOLE, as_places
from .keywords import Never, refuse
from .operation import Operation, record
from .shapes import Axes

if TYPE_CHECKING:
    from . import Tensor

FLIP = Operation("flip", x=lambda dy, axes: np.flip(dy, axes))


def flip(x: Any, axis: Axes = None, **wrong: Never) -> "Tensor":
    """x in reverse order along these axes; None: all axes. A view.

    >>> import minidl
    >>> minidl.flip(minidl.tensor([1.0, 2.0, 3.0]))
    tensor([3., 2., 1.])
    """
    refuse("flip", wrong)
    x = as_tensor(x, "flip")
    axes = normal_axes("flip", axis, x.ndim)
    return record(FLIP, np.flip(x._array, axes), (x,), {"axes": axes}, view_of=x)


ROLL = Operation("roll", x=lambda dy, back, axis: np.roll(dy, back, axis))


def roll(x: Any, shift: int | tuple[int, ...], axis: Axes = None, **wrong: Never) -> "Tensor":
    """x with every element `shift` places further along an axis; the last ones come first.

    For several axes, each has its own shift. Without an axis, the flat tensor is shifted.

    >>> import minidl
    >>> minidl.roll(minidl.tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.])
    """
    refuse("roll", wrong)
    x = as_tensor(x, "roll")
    axes = None if axis is None else normal_axes("roll", axis, x.ndim)
    shifts = np.asarray(raw(shift))
    if shifts.dtype.kind not in "iu" or shifts.ndim > 1:
        raise ArgumentError(explain("roll", "shift as a whole number, or several", repr(shift)))
    try:
        y = np.roll(x._array, shifts.tolist(), axes)
    except ValueError:
        got = f"shift={shift} and axis={axis}"
        raise ArgumentError(explain("roll", "a shift for each axis", got)) from None
    return record(ROLL, y, (x,), {"back": (-shifts).tolist(), "axis": axes})


def repeat(x: Any, repeats: Any, axis: int | None = None, **wrong: Never) -> "Tensor":
    """Each element along an axis `repeats` times, one after the other.

    `repeats` may be a list with a number for each element. Without an axis, the flat tensor is
    repeated. (PyTorch's `repeat` is `tile`.)

    >>> import minidl
    >>> minidl.repeat(minidl.tensor([1.0, 2.0]), 2)
    tensor([1., 1., 2., 2.])
    """
    refuse("repeat", wrong)
    x = as_tensor(x, "repeat")
    if axis is None:
        x, axis = x.reshape(-1), 0
    (along,) = normal_axes("repeat", (axis,), x.ndim)
    counts = as_places("repeat", repeats)
    n = x.shape[along]
    if counts.dtype.kind not in "iu" or counts.shape not in ((), (1,), (n,)) or (counts < 0).any():
        expected = f"a number from 0 up, or {n} of them"
        raise ArgumentError(explain("repeat", expected, f"repeats={repeats!r}"))
    return x[(*[WHOLE] * along, np.repeat(np.arange(n), counts))]


TILE = Operation(
    "tile",
    x=lambda dy, copies, apart, shape: unbroadcast(dy.reshape(copies), apart).reshape(shape),
)


def tile(x: Any, reps: int | tuple[int, ...]) -> "Tensor":
    """Copies of x next to each other, `reps` of them along each axis.

    Numbers for fewer axes than x has are for the last ones; numbers for more make new axes.

    >>> import minidl
    >>> minidl.tile(minidl.tensor([1.0, 2.0]), (2, 2))
    tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    x = as_tensor(x, "tile")
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    if not all(is_whole(count, 0) for count in counts):
        raise ArgumentError(explain("tile", "numbers from 0 up", f"reps={reps!r}"))
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    lengths = (1,) * (ndim - x.ndim) + x.shape
    apart = tuple(n for length in lengths for n in (1, length))
    copies = tuple(n for pair in zip(counts, lengths, strict=True) for n in pair)
    return record(TILE, np.tile(x._array, counts), (x,), {"copies": copies, "apart": apart})


PAD = Operation("pad", x=lambda dy, index: dy[index])
MODES = ("edge", "reflect", "symmetric", "wrap")  # in which every new element copies one of x


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> "Tensor":
    """x with more elements before and after, along each axis.

    - pad_width: how many, as in NumPy: ((before, after), ...) for each axis, (before, after) for
      all axes, or one number.
    - mode: "constant" adds `constant_values`. The others repeat x: "edge" its outermost elements,
      "wrap" from the other end, "reflect" mirrored, "symmetric" mirrored with the outermost twice.

    ArgumentError for another mode and for widths that are not whole numbers from 0 up; ShapeError
    if there is nothing to repeat.

    >>> import minidl
    >>> minidl.pad(minidl.tensor([1.0, 2.0]), (1, 2))
    tensor([0., 1., 2., 0., 0.])
    >>> minidl.pad(minidl.tensor([1.0, 2.0, 3.0]), 1, mode="reflect")
    tensor([2., 1., 2., 3., 2.])
    """
    x = as_tensor(x, "pad")
    widths = pad_widths(pad_width, x.ndim)
    if mode != "constant" and mode not in MODES:
        expected = f"mode 'constant', {', '.join(map(repr, MODES))}"
        raise ArgumentError(explain("pad", expected, repr(mode)))
    if mode == "constant" or x.ndim == 0:
        y = np.full(x.shape + widths.sum(1), held("pad", constant_values, x.dtype))
        index = tuple(slice(w, w + n) for w, n in zip(widths[:, 0], x.shape, strict=True))
        y[index] = x._array
        return record(PAD, y, (x,), {"index": index})
    for axis, width in enumerate(widths):
        x = x[(*[WHOLE] * axis, padded_places(x.shape[axis], width, mode))]
    return x


def padded_places(n: int, width: np.ndarray, mode: Any) -> np.ndarray:
    """For each element of the padded axis, its place among the n elements, as NumPy pads."""
    try:
        return np.pad(np.arange(n), width, mode)
    except ValueError:
        got = f"an axis of length {n}"
        raise ShapeError(explain("pad", f"elements to repeat by {mode!r}", got)) from None


def pad_widths(pad_width: Any, ndim: int) -> np.ndarray:
    """How many elements to add before and after, for each axis."""
    given = as_places("pad", pad_width)
    try:
        widths = np.broadcast_to(given, (ndim, 2))
    except ValueError:
        widths = None
    if widths is None or given.dtype.kind not in "iu" or (given < 0).any():
        expected = f"numbers from 0 up, as (before, after) for {ndim} axes"
        raise ArgumentError(explain("pad", expected, f"pad_width={pad_width!r}"))
    return widths
