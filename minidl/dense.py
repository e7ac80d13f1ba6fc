"""The dense operation: y = f(x · W + b) in one kernel call, forward and backward."""

from typing import Any

import numpy as np

from . import _kernels
from .activations import Activation
from .activations.declaration import kernel_options
from .errors import DTypeError, ShapeError, explain
from .tensor import FLOATS, Tensor, as_tensor, record, require_float

# What the kernel is given in place of arrays that are not there or not asked for.
NOTHING = {dtype: (np.empty((0, 0), dtype), np.empty(0, dtype)) for dtype in FLOATS}
NO_OPTIONS = np.zeros(1)


def dense(
    x: Any, W: Tensor, b: Tensor | None = None, activation: Activation | None = None
) -> Tensor:
    """y = f(x · W + b); f is an activation layer, or nothing.

    Shapes: x (..., in), W (in, out), b (out,), y (..., out), or (..., out / pieces) for maxout;
    all of one dtype, float32 or float64. An activation that has a kernel runs in the same call
    as the product, while its data is in the cache.

    >>> import minidl
    >>> W = minidl.tensor([[1.0, -1.0], [0.5, 2.0]])
    >>> dense(minidl.tensor([[2.0, 0.0]]), W, minidl.tensor([0.0, 1.0]), minidl.nn.ReLU())
    tensor([[2., 0.]])
    """
    x = as_tensor(x, "dense")
    check(x, W, b)
    if activation is not None and activation.functions(x.dtype) is None:
        return activation(dense(x, W, b))

    x_rows = np.ascontiguousarray(x.data).reshape(-1, W.shape[0])
    W_array = np.ascontiguousarray(W.data)
    batch, (depth, out) = len(x_rows), W.shape
    dtype = x.dtype
    no_rows, no_bias = NOTHING[dtype]
    bias = no_bias if b is None else np.ascontiguousarray(b.data)
    z = np.empty((batch, out), dtype)
    threads = _kernels.threads_for(2 * batch * depth * out)

    forward = backward_function = None
    y, slopes, options = z, bias, NO_OPTIONS
    learned: tuple[Tensor, ...] = ()
    keeps_y = False
    if activation is not None:
        forward, backward_function = activation.functions(dtype)
        learned = activation.learned_parameters()
        _, units, shape = activation.rows(z.shape, activation.options)
        slopes = activation.slopes(learned, units, dtype)
        options = kernel_options(tuple(activation.options.values()))
        keeps_y = activation.keeps == "y"
        # Where backward reads y, z is not needed again and y takes its place.
        y = z if keeps_y else np.empty(shape, dtype)
    _kernels.dense.forward(x_rows, W_array, bias, forward, slopes, options, z, y, threads)

    def backward(dy: np.ndarray) -> list[np.ndarray | None]:
        dy_rows = np.ascontiguousarray(dy).reshape(y.shape)
        dz = dy_rows if backward_function is None else np.empty((batch, out), dtype)
        dx = np.empty((batch, depth), dtype) if x.requires_grad else no_rows
        dW = np.empty((depth, out), dtype) if W.requires_grad else no_rows
        db = np.empty(out, dtype) if b is not None and b.requires_grad else no_bias
        _kernels.dense.backward(
            x_rows, W_array, y if keeps_y else z, backward_function, slopes, options,
            dy_rows, dz, dx, dW, db, threads,
        )  # fmt: skip
        gradients: list[np.ndarray | None] = [
            dx.reshape(x.shape) if x.requires_grad else None,
            dW if W.requires_grad else None,
        ]
        if b is not None:
            gradients.append(db if b.requires_grad else None)
        if activation is not None and learned:
            gradients += activation.learned_gradients(z, dy_rows, learned)
        return gradients

    inputs = [x, W, *([] if b is None else [b]), *learned]
    # dW needs x, dx needs W, a learned slope is part of f'.
    keeps = [*([x] if W.requires_grad else []), *([W] if x.requires_grad else []), *learned]
    result = y.reshape(*x.shape[:-1], y.shape[1])
    name = "dense" if activation is None else f"dense+{activation.name}"
    return record(name, result, inputs, backward, keeps=keeps, keeps_result=keeps_y)


def check(x: Tensor, W: Tensor, b: Tensor | None) -> None:
    """Raises ShapeError or DTypeError unless x · W + b is possible."""
    require_float("dense", x)
    if W.ndim != 2:
        raise ShapeError(explain("dense", "W of shape (in, out)", W.shape))
    if x.ndim == 0 or x.shape[-1] != W.shape[0]:
        flat = x.ndim > 2 and np.prod(x.shape[1:]) == W.shape[0]
        hint = "x.reshape(len(x), -1)" if flat else ""
        raise ShapeError(explain("dense", f"x of shape (batch, {W.shape[0]})", x.shape, hint))
    if b is not None and b.shape != (W.shape[1],):
        raise ShapeError(explain("dense", f"b of shape ({W.shape[1]},)", b.shape))
    for name, other in (("W", W), ("b", b)):
        if other is not None and other.dtype != x.dtype:
            raise DTypeError(
                explain(
                    "dense",
                    f"x of {name}'s dtype {other.dtype}",
                    x.dtype,
                    f"x.astype('{other.dtype}'), or layer.astype('{x.dtype}')",
                )
            )
