"""ONNX's operators of places and shapes, as operations on tensors."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

import minidl
from minidl import Tensor

from ..errors import ArgumentError, explain
from .package import package


class UnsupportedError(ArgumentError):
    """A node has a dtype or an attribute that minidl's operations do not have."""


def whole(x: Tensor) -> list[int]:
    """The numbers of an integer tensor, as Python's."""
    return x.numpy().ravel().tolist()


def only(condition: Any, what: str) -> None:
    """UnsupportedError unless minidl has the operator with this attribute."""
    if not condition:
        raise UnsupportedError(explain("onnx.backend", "what minidl's operations have", what))


def compress(x: Tensor, condition: Tensor, axis: int | None = None) -> Tensor:
    return x.take(condition.nonzero()[0], axis)


def constant(**value: Any) -> Tensor:
    ((name, given),) = value.items()
    if name == "value":
        return minidl.tensor(package().numpy_helper.to_array(given))
    only(name in ("value_float", "value_floats", "value_int", "value_ints"), name)
    return minidl.tensor(np.array(given, np.float32 if "float" in name else np.int64))


def constant_of_shape(shape: Tensor, value: Any = None) -> Tensor:
    fill = np.zeros(1, np.float32) if value is None else package().numpy_helper.to_array(value)
    return minidl.full(whole(shape), fill[0])


def expand(x: Tensor, shape: Tensor) -> Tensor:
    """Where the shape has 1, x stays as long as it is."""
    return minidl.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(whole(shape))))


def eye_like(x: Tensor, dtype: int | None = None, k: int = 0) -> Tensor:
    wanted = x.dtype if dtype is None else package().helper.tensor_dtype_to_np_dtype(dtype)
    return minidl.eye(x.shape[0], x.shape[1], k=k, dtype=wanted)


def flatten(x: Tensor, axis: int = 1) -> Tensor:
    return x.reshape(int(np.prod(x.shape[:axis], dtype=int)), -1)


def gather_elements(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    return x.gather(axis, indices)


def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0) -> Tensor:
    only(not batch_dims, "batch_dims")
    return x[tuple(np.moveaxis(indices.numpy(), -1, 0))]


def pad(
    x: Tensor, pads: Tensor, value: Tensor | None = None, axes: Tensor | None = None,
    mode: str = "constant",
) -> Tensor:  # fmt: skip
    """All widths before come first, then those after, of these axes."""
    only(min(whole(pads)) >= 0, "widths below 0")
    widths = np.zeros((x.ndim, 2), int)
    along = slice(None) if axes is None else whole(axes)
    widths[along] = pads.numpy().reshape(2, -1).T
    return x.pad(widths, mode, 0 if value is None else value.item())


def numbers(start: Tensor, limit: Tensor, delta: Tensor) -> Tensor:
    return minidl.arange(start.item(), limit.item(), delta.item(), dtype=start.dtype)


def one_hot(indices: Tensor, depth: Tensor, values: Tensor, axis: int = -1) -> Tensor:
    n = int(depth.numpy().item())
    row = minidl.arange(n).reshape([n, *[1] * (indices.ndim - axis % (indices.ndim + 1))])
    given = indices.astype(int).expand_dims(axis)
    return minidl.where((given == row) | (given + n == row), values[1], values[0])


def reshape(x: Tensor, shape: Tensor, allowzero: int = 0) -> Tensor:
    sizes = whole(shape)
    return x.reshape([x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(sizes)])


def scatter_elements(
    x: Tensor, indices: Tensor, updates: Tensor, axis: int = 0, reduction: str = "none"
) -> Tensor:
    only(reduction in ("none", "add"), f"reduction {reduction}")
    scatter = minidl.scatter if reduction == "none" else minidl.scatter_add
    return scatter(x, axis, indices % x.shape[axis], updates)


def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, reduction: str = "none") -> Tensor:
    only(reduction == "none", f"reduction {reduction}")
    y = minidl.tensor(x)
    y[tuple(np.moveaxis(indices.numpy(), -1, 0))] = updates
    return y


def shape(x: Tensor, start: int = 0, end: int | None = None) -> Tensor:
    return minidl.tensor(np.array(x.shape[start:end], np.int64))


def size(x: Tensor) -> Tensor:
    return minidl.tensor(np.array(x.size, np.int64))


def slices(
    x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    index = [slice(None)] * x.ndim
    along = range(len(whole(starts))) if axes is None else whole(axes)
    strides = [1] * len(whole(starts)) if steps is None else whole(steps)
    for axis, start, end, step in zip(along, whole(starts), whole(ends), strides, strict=True):
        # Below the first element: a walk backwards takes that one too.
        stop = None if step < 0 and end < -x.shape[axis] else end
        index[axis] = slice(start, stop, step)
    return x[tuple(index)]


def split(
    x: Tensor, sizes: Tensor | None = None, axis: int = 0, num_outputs: int = 0
) -> list[Tensor]:
    only(sizes is not None or num_outputs, "parts counted by the node's outputs")
    if sizes is None:
        return x.chunk(num_outputs, axis)
    return x.split(list(accumulate(whole(sizes)))[:-1], axis)


def squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze(None if axes is None else tuple(whole(axes)))


def topk(
    x: Tensor, k: Tensor, axis: int = -1, largest: int = 1, sorted: int = 1
) -> tuple[Tensor, Tensor]:
    return x.topk(int(k.item()), axis, bool(largest))


def trilu(x: Tensor, k: Tensor | None = None, upper: int = 1) -> Tensor:
    return (minidl.triu if upper else minidl.tril)(x, 0 if k is None else int(k.item()))


def unique(x: Tensor, axis: int | None = None, sorted: int = 1) -> tuple[Tensor, ...]:
    only(axis is None and bool(sorted), "along an axis, or in the order of x")
    return x.unique(return_index=True, return_inverse=True, return_counts=True)


PLACES: dict[str, Callable[..., Any]] = {
    "Compress": compress,
    "Concat": lambda *xs, axis: minidl.concatenate(xs, axis=axis),
    "Constant": constant,
    "ConstantOfShape": constant_of_shape,
    "Expand": expand,
    "EyeLike": eye_like,
    "Flatten": flatten,
    "Gather": lambda x, indices, axis=0: x.take(indices, axis),
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "NonZero": lambda x: minidl.stack(x.nonzero()),
    "OneHot": one_hot,
    "Pad": pad,
    "Range": numbers,
    "Reshape": reshape,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "Shape": shape,
    "Size": size,
    "Slice": slices,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": lambda x, repeats: x.tile(whole(repeats)),
    "TopK": topk,
    "Transpose": lambda x, perm=(): x.transpose(*perm),
    "Trilu": trilu,
    "Unique": unique,
    "Unsqueeze": lambda x, axes: x.expand_dims(tuple(whole(axes))),
}
