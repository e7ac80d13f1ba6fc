"""Batch normalisation: gives every unit's outputs mean 0 and variance 1."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from .. import _kernels
from ..engine.tape import Node
from ..engine.tensor import FLOATS, Operation, Tensor, as_tensor, by_formula, record
from ..errors import ArgumentError, ShapeError, explain
from ..tools.checks import check_size, is_number
from .base import Layer, Parameter
from .checks import check_eps, check_units
from .plan import Builder, Value

NANOSECONDS = 1.5  # for one element, forward or backward

NO_ROWS = {dtype: np.empty((0, 0), dtype) for dtype in FLOATS}  # for a dx not asked for


def batch_norm(
    x: Any,
    running_mean: np.ndarray | None,
    running_var: np.ndarray | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = weight (x - mean) / sqrt(var + eps) + bias, for each unit (column).

    Shapes: x and y (batch, units), all else (units,); all of one dtype, float32 or float64. weight
    defaults to 1, bias to 0.

    In training, mean and var are those of the batch, var = sum (x - mean)² / batch; gradients go
    through both. The running arrays, if they are given, are updated in place:

        running_mean += momentum (mean - running_mean)
        running_var  += momentum (batch / (batch - 1) var - running_var)

    In evaluation, the running arrays are mean and var. Sums are in double precision and in a fixed
    order, so the bits do not depend on the number of threads.

    ShapeError for a batch of fewer than 2 rows in training, which has no variance, and for shapes
    that do not fit; DTypeError for integers and for dtypes that differ; ArgumentError for running
    arrays that are missing or read-only, a momentum outside [0, 1] and an eps that is not positive.

    >>> import minidl
    >>> x = minidl.tensor([[1.0, 10.0], [3.0, 10.0]])
    >>> batch_norm(x, None, None, training=True).data.round(3)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)

    Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015.
    """
    x = as_tensor(x, "batch_norm")
    weight, bias = (p if p is None else as_tensor(p, "batch_norm", like=x) for p in (weight, bias))
    running = {"running_mean": running_mean, "running_var": running_var}
    check_options("batch_norm", momentum, eps)
    check_running(running, training)
    if x.ndim != 2:
        hint = f"x.reshape(-1, {x.shape[-1]})" if x.ndim > 2 else ""
        raise ShapeError(explain("batch_norm", "x of shape (batch, units)", x.shape, hint))
    check_units("batch_norm", x, running | {"weight": weight, "bias": bias}, rows="batch")
    if training and len(x.data) < 2:
        hint = "net.eval(), or drop_last=True where batches are made"
        raise ShapeError(explain("batch_norm", "2 rows or more in training", x.shape, hint))

    batch, units = x.shape
    nothing = np.empty(0, x.dtype)  # in place of a missing weight or bias, or its gradient
    weight, bias = (Tensor(nothing) if p is None else p for p in (weight, bias))
    x_array, weights, biases = map(np.ascontiguousarray, (x.data, weight.data, bias.data))
    mean, var = np.empty(units), np.empty(units)
    if not training:
        mean[:], var[:] = running_mean, running_var
    threads = _kernels.threads_for(NANOSECONDS * x.size)
    y = np.empty((batch, units), x.dtype)
    _kernels.batch_norm.forward(x_array, weights, biases, mean, var, eps, y, training, threads)
    if training:
        for running_array, value, factor in (
            (running_mean, mean, 1.0), (running_var, var, batch / (batch - 1))
        ):  # fmt: skip
            if running_array is not None:
                _kernels.batch_norm.follow(running_array, value, factor, momentum)

    # dweight needs x; dx needs weight, and in training x, on which mean and var depend.
    keeps = [0] if weight.requires_grad or (x.requires_grad and training) else []
    keeps += [1] if x.requires_grad else []
    options = {"mean": mean, "var": var, "eps": eps, "training": training}
    return record(BATCH_NORM, y, (x, weight, bias), options, keeps=keeps)


class BatchNorm(Layer):
    """y = weight (x - mean) / sqrt(var + eps) + bias, for each unit; x and y (batch, units).

    In training, mean and var are those of the batch (2 rows or more). In evaluation they are
    `running_mean` and `running_var`, which each training batch moves towards its own mean and
    variance by the share `momentum`; with momentum=None they are the averages over all batches,
    which `num_batches_tracked` counts. These three are buffers, saved with the parameters.

    As in PyTorch's BatchNorm1d, the running variance is the unbiased one, `weight` starts at 1 and
    `bias` at 0, weight decay reaches both, and affine=False leaves both out. Errors as in
    `functional.batch_norm`.

    Ioffe, Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", ICML 2015.

    >>> layer = BatchNorm(2)
    >>> layer(np.array([[1, 10], [3, 10]], np.float32)).data.round(3)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> layer.running_mean
    array([0.2, 1. ], dtype=float32)
    """

    buffer_names: ClassVar = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self, units: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True
    ) -> None:
        size = check_size("BatchNorm", "units", units)
        check_options("BatchNorm", 0 if momentum is None else momentum, eps)
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.ones(size, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(size, np.float32)) if affine else None
        self.running_mean = np.zeros(size, np.float32)
        self.running_var = np.ones(size, np.float32)
        self.num_batches_tracked = np.zeros((), np.int64)

    def forward(self, x: Any) -> Tensor:
        """x normalised; in training the running arrays are updated."""
        seen = int(self.num_batches_tracked) + self.training
        momentum = 1 / max(seen, 1) if self.momentum is None else self.momentum
        y = batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
            momentum, self.eps,
        )  # fmt: skip
        self.num_batches_tracked[...] = seen
        return y

    def plan(self, builder: Builder, x: Value) -> Value:
        """Forward and backward by columns; in evaluation forward by rows. The backward pass
        computes dweight and dbias too."""
        weight, bias = self.weight, self.bias
        momentum = -1.0 if self.momentum is None else self.momentum
        check_options("BatchNorm", max(momentum, 0), self.eps)
        builder.once(self)
        y = builder.value(
            x.width, x.is_wanted or builder.is_learned(weight, bias), gradient=x.gradient
        )
        arguments: dict[str, Any] = {
            "running_mean": builder.buffer(self, "running_mean", (x.width,), builder.dtype),
            "running_var": builder.buffer(self, "running_var", (x.width,), builder.dtype),
            "counted": builder.buffer(self, "num_batches_tracked", (), np.dtype(np.int64)),
            "x": x.numbers, "y": y.numbers, "dx": x.gradient, "dy": y.gradient, "width": x.width,
            "weight": builder.vector(weight, x.width), "bias": builder.vector(bias, x.width),
            "eps": self.eps, "momentum": momentum, "is_training": self.training,
            "mean": np.empty(x.width), "variance": np.empty(x.width),
            "dweight": builder.memory(weight), "dbias": builder.memory(bias),
        }  # fmt: skip
        if self.training:
            builder.least_rows = 2
            builder.forward("batch norm", is_live=True, **arguments)
        else:
            builder.forward("batch norm in evaluation", **arguments)
        if y.is_wanted:
            builder.backward("batch norm back", **arguments)
        builder.learn(weight, "take gradient", memory=arguments["dweight"])
        builder.learn(bias, "take gradient", memory=arguments["dbias"])
        builder.cost(row=NANOSECONDS * x.width)
        return y

    def describe(self) -> str:
        """Its size, and the options."""
        options = f"eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}"
        return f"{self.running_mean.size}, {options}"


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray | None]:
    """dx, dweight and dbias, if they are wanted, by the kernel."""
    inputs = [np.ascontiguousarray(kept.array) for kept in node.kept[:3]]
    x, weight, _ = inputs
    mean, var, eps, training = node.options.values()
    nothing = np.empty(0, x.dtype)
    dx, dweight, dbias = [
        None if edge is None else np.empty_like(array)
        for edge, array in zip(node.inputs, inputs, strict=True)
    ]
    _kernels.batch_norm.backward(
        x, weight, mean, var, eps, np.ascontiguousarray(dy), NO_ROWS[x.dtype] if dx is None else dx,
        nothing if dweight is None else dweight, nothing if dbias is None else dbias, training,
        _kernels.threads_for(NANOSECONDS * x.size),
    )  # fmt: skip
    return [dx, dweight, dbias]


def formula(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Any, var: Any, eps: float, training: bool
) -> Tensor:
    """The same in operations on tensors, in double precision; in training mean and var are x's."""
    exact = x.astype(np.float64)
    if training:
        mean, var = exact.mean(0), exact.var(0)
    y = (exact - mean) / (var + eps) ** 0.5
    y = y * weight if weight.size else y
    return (y + bias if bias.size else y).astype(x.dtype)


BATCH_NORM = Operation("batch_norm", kernel=gradients, recorded=by_formula(formula))


def check_options(operation: str, momentum: Any, eps: Any) -> None:
    """ArgumentError for a momentum outside [0, 1] or an eps that is not positive."""
    if not (is_number(momentum) and 0 <= momentum <= 1):
        raise ArgumentError(explain(operation, "momentum from 0 to 1", f"momentum={momentum!r}"))
    check_eps(operation, eps)


def check_running(running: Mapping[str, Any], training: bool) -> None:
    """ArgumentError unless the running values are arrays as training and evaluation need them."""
    for name, array in running.items():
        if array is None and training:
            continue
        if not isinstance(array, np.ndarray):
            expected = f"{name}, an array" + ("" if training else ", in evaluation")
            raise ArgumentError(explain("batch_norm", expected, type(array).__name__))
        if training and not array.flags.writeable:
            raise ArgumentError(
                explain("batch_norm", f"a {name} that can be updated", "a read-only array")
            )
