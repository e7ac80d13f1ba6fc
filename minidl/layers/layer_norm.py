"""Layer normalisation and RMS normalisation: they give the numbers of each row one size, whatever
the other rows of the batch are."""

import math
from typing import Any

import numpy as np

from .. import _kernels
from ..engine.tape import Node
from ..engine.tensor import (
    FLOATS,
    Operation,
    Tensor,
    as_tensor,
    by_formula,
    record,
    require_float,
)
from ..errors import Unplanned
from ..tools.checks import check_size
from .base import Layer, Parameter
from .checks import check_eps, check_units, check_width
from .plan import Builder, Value

NANOSECONDS = 0.8  # for one element, forward or backward

NOTHING = {
    dtype: (np.empty((0, 0), dtype), np.empty(0, dtype)) for dtype in FLOATS
}  # not asked for


def layer_norm(x: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """y = weight (x - mean) / sqrt(var + eps) + bias, over the last axis.

    Shapes: x and y (..., units), weight and bias (units,); all of one dtype, float32 or float64.
    weight defaults to 1, bias to 0. mean and var = mean[(x - mean)²] are those of each row of
    `units` numbers. Everything is computed in double precision and rounded once; no bit of a row
    depends on the other rows or on the number of threads.

    ShapeError for shapes that do not fit; DTypeError for integers and for dtypes that differ;
    ArgumentError for an eps that is not a finite number above 0.

    >>> import minidl
    >>> layer_norm(minidl.tensor([[1.0, 3.0], [10.0, 50.0]])).data.round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)

    Ba, Kiros, Hinton, "Layer normalization", 2016.
    """
    return normalized(LAYER_NORM, x, weight, bias, eps, is_centered=True)


def rms_norm(x: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """y = weight x / sqrt(mean[x²] + eps), over the last axis: layer normalisation without a mean.

    Shapes: x and y (..., units), weight (units,), which defaults to 1; all of one dtype, float32 or
    float64. mean[x²] is that of each row of `units` numbers. eps defaults to the distance from 1 to
    the next larger number of x's dtype. Precision and errors as in `layer_norm`.

    >>> import minidl
    >>> rms_norm(minidl.tensor([[3.0, 4.0], [30.0, 40.0]])).data.round(3)
    array([[0.849, 1.131],
           [0.849, 1.131]], dtype=float32)

    Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """
    x = as_tensor(x, "rms_norm")
    require_float("rms_norm", x)
    return normalized(RMS_NORM, x, weight, None, usual(eps, x.dtype), is_centered=False)


def usual(eps: float | None, dtype: np.dtype) -> float:
    """The eps of RMS normalisation; None: the distance from 1 to the next larger number."""
    return float(np.finfo(dtype).eps) if eps is None else eps


def normalized(
    operation: Operation, x: Any, weight: Any, bias: Any, eps: float, is_centered: bool
) -> Tensor:
    """Layer or RMS normalisation, by the kernel."""
    name = operation.name
    x = as_tensor(x, name)
    weight, bias = (p if p is None else as_tensor(p, name, like=x) for p in (weight, bias))
    check_units(name, x, {"weight": weight, "bias": bias})
    check_eps(name, eps)

    *leading, units = x.shape
    rows = math.prod(leading)
    weight = Tensor(np.ones(units, x.dtype)) if weight is None else weight
    bias = Tensor(np.zeros(units, x.dtype)) if bias is None else bias
    x_array, weights, biases = map(np.ascontiguousarray, (x.data, weight.data, bias.data))
    y = np.empty((rows, units), x.dtype)
    center, scale = np.empty(rows), np.empty(rows)
    _kernels.layer_norm.forward(
        x_array.reshape(rows, units), weights, biases, eps, y, center, scale, is_centered,
        _kernels.threads_for(NANOSECONDS * x.size),
    )  # fmt: skip

    # dweight needs x; dx needs both.
    keeps = [0] if weight.requires_grad or x.requires_grad else []
    keeps += [1] if x.requires_grad else []
    options = {"center": center, "scale": scale, "eps": eps, "is_centered": is_centered}
    return record(operation, y.reshape(x.shape), (x, weight, bias), options, keeps=keeps)


def gradients(node: Node, dy: np.ndarray) -> list[np.ndarray | None]:
    """dx, dweight and dbias, if they are wanted, by the kernel."""
    center, scale, _, is_centered = node.options.values()
    shape, (weight, bias) = dy.shape, (np.ascontiguousarray(node.kept[i].array) for i in (1, 2))
    x, dy = (
        np.ascontiguousarray(array).reshape(len(center), len(weight))
        for array in (node.kept[0].array, dy)
    )
    dx, dweight, dbias = [
        None if edge is None else np.empty_like(array)
        for edge, array in zip(node.inputs, (x, weight, bias), strict=True)
    ]
    no_rows, nothing = NOTHING[x.dtype]
    _kernels.layer_norm.backward(
        x, weight, center, scale, dy, no_rows if dx is None else dx,
        nothing if dweight is None else dweight, nothing if dbias is None else dbias, is_centered,
        _kernels.threads_for(NANOSECONDS * x.size),
    )  # fmt: skip
    return [None if dx is None else dx.reshape(shape), dweight, dbias]


def formula(
    x: Tensor, weight: Tensor, bias: Tensor, center: Any, scale: Any, eps: float, is_centered: bool
) -> Tensor:
    """The same in operations on tensors, in double precision."""
    exact = x.astype(np.float64)
    if is_centered:
        exact = exact - exact.mean(-1, keepdims=True)
    size = ((exact * exact).mean(-1, keepdims=True) + eps) ** 0.5
    return (exact / size * weight + bias).astype(x.dtype)


def planned(
    builder: Builder, x: Value, units: int, weight: Parameter | None, bias: Parameter | None,
    eps: float, is_centered: bool,
) -> Value:  # fmt: skip
    """The plan of either layer."""
    check_eps("LayerNorm" if is_centered else "RMSNorm", eps)
    if x.width != units:
        raise Unplanned(f"a norm of {units} units after {x.width} columns", "layers that fit")
    is_learned = builder.is_learned(weight, bias)
    y = builder.value(units, x.is_wanted or is_learned, gradient=None if is_learned else x.gradient)
    arguments: dict[str, Any] = {
        "x": x.numbers, "y": y.numbers, "dx": x.gradient, "dy": y.gradient, "width": units,
        "weight": builder.vector(weight, units), "bias": builder.vector(bias, units),
        "ones": np.ones(units, builder.dtype), "zeros": np.zeros(units, builder.dtype),
        "eps": eps, "is_centered": is_centered, "group": builder.lanes,
        "center": np.empty(builder.batch), "scale": np.empty(builder.batch),
        "dweight": builder.memory(weight), "dbias": builder.memory(bias),
    }  # fmt: skip
    builder.forward("layer norm", **arguments)
    if x.is_wanted:
        builder.backward("layer norm back", **arguments)
    if is_learned:
        builder.afterwards("gradients of layer norm", **arguments)
    builder.learn(weight, "take gradient", memory=arguments["dweight"])
    builder.learn(bias, "take gradient", memory=arguments["dbias"])
    builder.cost(row=NANOSECONDS * units)
    return y


LAYER_NORM = Operation("layer_norm", kernel=gradients, recorded=by_formula(formula))
RMS_NORM = Operation("rms_norm", kernel=gradients, recorded=by_formula(formula))


class LayerNorm(Layer):
    """y = weight (x - mean) / sqrt(var + eps) + bias, for each row; x and y (..., units).

    mean and var are those of the `units` numbers of a row, in training as in evaluation, so no row
    depends on the others. As in PyTorch's LayerNorm, `weight` starts at 1 and `bias` at 0, weight
    decay reaches both, and affine=False leaves both out. Errors as in `functional.layer_norm`.

    Ba, Kiros, Hinton, "Layer normalization", 2016.

    >>> layer = LayerNorm(2)
    >>> layer(np.array([[1, 3], [10, 50]], np.float32)).data.round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    def __init__(self, units: int, eps: float = 1e-5, affine: bool = True) -> None:
        self.units = check_size("LayerNorm", "units", units)
        check_eps("LayerNorm", eps)
        self.eps = eps
        self.weight = Parameter(np.ones(units, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(units, np.float32)) if affine else None

    def forward(self, x: Any) -> Tensor:
        """x normalised."""
        x = as_tensor(x, "LayerNorm")
        check_width("LayerNorm", x, self.units)
        return layer_norm(x, self.weight, self.bias, self.eps)

    def plan(self, builder: Builder, x: Value) -> Value:
        """Row by row; the gradients of weight and bias come after the backward pass."""
        return planned(builder, x, self.units, self.weight, self.bias, self.eps, is_centered=True)

    def describe(self) -> str:
        """Its size, and the options."""
        return f"{self.units}, eps={self.eps}, affine={self.weight is not None}"


class RMSNorm(Layer):
    """y = weight x / sqrt(mean[x²] + eps), for each row; x and y (..., units).

    Like LayerNorm, but it subtracts no mean and has no bias. eps=None is the distance from 1 to the
    next larger number of x's dtype, as in PyTorch's RMSNorm. Errors as in `functional.rms_norm`.

    Zhang, Sennrich, "Root mean square layer normalization", NeurIPS 2019.

    >>> layer = RMSNorm(2)
    >>> layer(np.array([[3, 4], [30, 40]], np.float32)).data.round(3)
    array([[0.849, 1.131],
           [0.849, 1.131]], dtype=float32)
    """

    def __init__(self, units: int, eps: float | None = None, affine: bool = True) -> None:
        self.units = check_size("RMSNorm", "units", units)
        if eps is not None:
            check_eps("RMSNorm", eps)
        self.eps = eps
        self.weight = Parameter(np.ones(units, np.float32)) if affine else None

    def forward(self, x: Any) -> Tensor:
        """x normalised."""
        x = as_tensor(x, "RMSNorm")
        check_width("RMSNorm", x, self.units)
        return rms_norm(x, self.weight, self.eps)

    def plan(self, builder: Builder, x: Value) -> Value:
        """As for LayerNorm."""
        eps = usual(self.eps, builder.dtype)
        return planned(builder, x, self.units, self.weight, None, eps, is_centered=False)

    def describe(self) -> str:
        """Its size, and the options."""
        return f"{self.units}, eps={self.eps}, affine={self.weight is not None}"
