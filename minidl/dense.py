"""The dense operation: y = f(x · W + b) in one kernel call, forward and backward."""

from typing import Any

import numpy as np

from . import _kernels
from .activations import Activation
from .errors import DTypeError, ShapeError, explain
from .tensor import FLOATS, Tensor, as_tensor, record

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
    if not isinstance(x, Tensor):
        x = as_tensor(x, "dense")
    x_array, W_array = x.data, np.ascontiguousarray(W.data)
    check(x_array, W_array, b)
    depth, out = W_array.shape
    dtype = x_array.dtype
    kernel = None if activation is None else activation.kernel_after(out, dtype)
    if activation is not None and kernel is None:
        return activation(dense(x, W, b))

    x_rows = np.ascontiguousarray(x_array).reshape(-1, depth)
    batch = len(x_rows)
    no_rows, no_bias = NOTHING[dtype]
    bias = no_bias if b is None else np.ascontiguousarray(b.data)
    threads = _kernels.threads_for(_kernels.product_nanoseconds(batch, depth, out))
    z = np.empty((batch, out), dtype)
    learned: tuple[Tensor, ...] = ()
    if activation is None or kernel is None:
        forward = backward_function = None
        y, slopes, options, keeps_y, row_threads = z, bias, NO_OPTIONS, False, 1
    else:
        forward, backward_function, units, options = kernel
        learned = activation.learned_parameters()
        slopes = activation.slopes(learned, units, dtype)
        keeps_y = activation.keeps == "y"
        # Where backward reads y, z is not needed again and y takes its place.
        y = z if keeps_y else np.empty((batch, units), dtype)
        row_threads = _kernels.threads_for(activation.nanoseconds * batch * out)
    _kernels.dense.forward(
        x_rows, W_array, bias, forward, slopes, options, z, y, threads, row_threads
    )

    x_wanted, W_wanted = x.requires_grad, W.requires_grad
    b_wanted = b is not None and b.requires_grad

    def backward(dy: np.ndarray) -> list[np.ndarray | None]:
        dy_rows = np.ascontiguousarray(dy).reshape(y.shape)
        dz = dy_rows if backward_function is None else np.empty((batch, out), dtype)
        dx = np.empty((batch, depth), dtype) if x_wanted else no_rows
        dW = np.empty((depth, out), dtype) if W_wanted else no_rows
        db = np.empty(out, dtype) if b_wanted else no_bias
        _kernels.dense.backward(
            x_rows, W_array, y if keeps_y else z, backward_function, slopes, options,
            dy_rows, dz, dx, dW, db, threads, row_threads,
        )  # fmt: skip
        gradients: list[np.ndarray | None] = [
            dx.reshape(x_array.shape) if x_wanted else None,
            dW if W_wanted else None,
        ]
        if b is not None:
            gradients.append(db if b_wanted else None)
        if activation is not None and learned:
            gradients += activation.learned_gradients(z, dy_rows, learned)
        return gradients

    inputs = [x, W, *learned] if b is None else [x, W, b, *learned]
    # dW needs x, dx needs W, a learned slope is part of f'.
    keeps = [*([x] if W_wanted else []), *([W] if x_wanted else []), *learned]
    result = y if x_array.ndim == 2 else y.reshape(*x_array.shape[:-1], y.shape[1])
    name = "dense" if activation is None else f"dense+{activation.name}"
    return record(name, result, inputs, backward, keeps=keeps, keeps_result=keeps_y)


def check(x: np.ndarray, W: np.ndarray, b: Tensor | None) -> None:
    """Raises ShapeError or DTypeError unless x · W + b is possible."""
    fits = W.ndim == 2 and x.shape[-1:] == W.shape[:1] and x.dtype == W.dtype in FLOATS
    if fits and (b is None or (b.shape == W.shape[1:] and b.dtype == x.dtype)):
        return
    if W.ndim != 2:
        raise ShapeError(explain("dense", "W of shape (in, out)", W.shape))
    if x.shape[-1:] != W.shape[:1]:
        flat = x.ndim > 2 and np.prod(x.shape[1:]) == W.shape[0]
        hint = "x.reshape(len(x), -1)" if flat else ""
        raise ShapeError(explain("dense", f"x of shape (batch, {W.shape[0]})", x.shape, hint))
    if b is not None and b.shape != W.shape[1:]:
        raise ShapeError(explain("dense", f"b of shape ({W.shape[1]},)", b.shape))
    if x.dtype not in FLOATS:
        raise DTypeError(
            explain("dense", "float32 or float64", x.dtype, "tensor(x, dtype='float32')")
        )
    name, other = ("W", W.dtype) if x.dtype != W.dtype or b is None else ("b", b.dtype)
    raise DTypeError(
        explain(
            "dense",
            f"x of {name}'s dtype {other}",
            x.dtype,
            f"x.astype('{other}'), or layer.astype('{x.dtype}')",
        )
    )
