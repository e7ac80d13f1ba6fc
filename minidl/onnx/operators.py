"""ONNX's operators as operations on tensors: each a function of the node's inputs and attributes.

An input is a tensor, None where the node leaves it out; attributes have ONNX's names and defaults.
"""

from collections.abc import Callable, Iterable
from functools import partial, reduce
from typing import Any

import numpy as np

import minidl
from minidl import Tensor, maximum, minimum, where
from minidl import functional as F

from .package import package
from .places import PLACES, only, whole


def arg(method: str) -> Callable[..., Tensor]:
    def apply(x: Tensor, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
        only(not select_last_index, "select_last_index")
        return getattr(x, method)(axis, keepdims=bool(keepdims))

    return apply


def reduction(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def apply(
        x: Tensor, given: Tensor | None = None, axes: list[int] | None = None, keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Tensor:  # fmt: skip
        axes = axes if given is None else whole(given)
        if not axes and noop_with_empty_axes:
            return x
        return operation(x, axis=tuple(axes) if axes else None, keepdims=bool(keepdims))

    return apply


def batch_normalization(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, epsilon: float = 1e-5,
    momentum: float = 0.9, training_mode: int = 0,
) -> Any:  # fmt: skip
    """ONNX moves the running variance by the biased one of the batch, minidl by the other."""
    only(not training_mode, "training_mode: a running variance that is biased")
    units = x.shape[1]
    channels_last = x.transpose(0, *range(2, x.ndim), 1)
    y = F.batch_norm(
        channels_last.reshape(-1, units), mean.numpy(), var.numpy(), weight, bias, eps=epsilon
    )
    return y.reshape(channels_last.shape).transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    bounds = [None if bound is None else bound.item() for bound in (low, high)]
    return x.clip(*bounds)


def cast(x: Tensor, to: int, saturate: int = 1, round_mode: str = "up") -> Tensor:
    return x.astype(package().helper.tensor_dtype_to_np_dtype(to))


def cast_like(x: Tensor, like: Tensor, saturate: int = 1, round_mode: str = "up") -> Tensor:
    return x.astype(like.dtype)


def dropout(
    x: Tensor, ratio: Any = None, training: Tensor | None = None, seed: int = 0
) -> tuple[Tensor, Tensor]:
    p = 0.5 if ratio is None else float(ratio)
    only(not (training and p), "a mask by another generator of random numbers")
    return F.dropout(x, p, training=False), minidl.tensor(np.ones(x.shape, bool))


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate=approximate == "tanh")


def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,
) -> Tensor:  # fmt: skip
    y = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return y if c is None else y + beta * c


def hard_sigmoid(x: Tensor, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return (alpha * x + beta).clip(0, 1)


def from_axis(
    norm: Callable[..., Tensor], x: Tensor, axis: int, *parameters: Tensor, eps: float
) -> Any:
    """A norm of the last axis, of all axes from this one on as one."""
    rows = x.reshape(*x.shape[:axis], -1) if axis else x.reshape(-1)
    return norm(rows, *[p.reshape(-1) for p in parameters], eps=eps).reshape(x.shape)


def layer_normalization(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, axis: int = -1, epsilon: float = 1e-5,
    stash_type: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    axes = tuple(range(axis % x.ndim, x.ndim))
    parameters = [weight] if bias is None else [weight, bias]
    y = from_axis(F.layer_norm, x, axis % x.ndim, *parameters, eps=epsilon)
    size = (x.var(axes, keepdims=True) + epsilon).sqrt()
    return y, x.mean(axes, keepdims=True), 1 / size


def rms_normalization(
    x: Tensor, weight: Tensor, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Tensor:
    return from_axis(F.rms_norm, x, axis % x.ndim, weight, eps=epsilon)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    return F.log_softmax(x, axis=axis)


def power(x: Tensor, y: Tensor) -> Tensor:
    return (x**y).astype(x.dtype)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    return F.prelu(x, slope) if slope.ndim == 1 else where(x > 0, x, slope * x)


def selu(x: Tensor, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323) -> Tensor:
    only((round(alpha, 6), round(gamma, 6)) == (1.673263, 1.050701), "other constants")
    return F.selu(x)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    return F.softmax(x, axis=axis)


def softmax_cross_entropy_loss(
    logits: Tensor, labels: Tensor, weight: Tensor | None = None, reduction: str = "mean",
    ignore_index: int | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    only(logits.ndim == 2, "logits of more than two axes")
    loss = F.cross_entropy(
        logits, labels, weight=weight, reduction=reduction, ignore_index=ignore_index
    )
    return loss, F.log_softmax(logits, axis=1)


def bit_shift(x: Tensor, y: Tensor, direction: str) -> Tensor:
    return x << y if direction == "LEFT" else x >> y


def divide(x: Tensor, y: Tensor) -> Tensor:
    """ONNX's quotients of integers are whole, rounded towards 0."""
    return x / y if x.dtype.kind == "f" else (x / y).trunc().astype(x.dtype)


def is_inf(x: Tensor, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    return x.isinf() & (((x < 0) & bool(detect_negative)) | ((x > 0) & bool(detect_positive)))


def modulo(x: Tensor, y: Tensor, fmod: int = 0) -> Tensor:
    """With `fmod` the remainder of a quotient that is rounded towards 0: it has the sign of x."""
    return x.sign() * (x.abs() % y.abs()) if fmod else x % y


def negative_log_likelihood_loss(
    x: Tensor, labels: Tensor, weight: Tensor | None = None, reduction: str = "mean",
    ignore_index: int | None = None,
) -> Tensor:  # fmt: skip
    only(x.ndim == 2, "logits of more than two axes")
    return F.nll(x, labels, weight=weight, reduction=reduction, ignore_index=ignore_index)


def running(method: str) -> Callable[..., Tensor]:
    def apply(x: Tensor, axis: Tensor, exclusive: int = 0, reverse: int = 0) -> Tensor:
        only(not exclusive or method == "cumsum", "exclusive")
        along = int(axis.item())
        x = x.flip(along) if reverse else x
        y = getattr(x, method)(along)
        y = y - x if exclusive else y
        return (y.flip(along) if reverse else y).astype(x.dtype)

    return apply


OPERATORS: dict[str, Callable[..., Any]] = {
    "Abs": lambda x: x.abs(),
    "Acos": lambda x: x.arccos(),
    "Acosh": lambda x: x.arccosh(),
    "Add": lambda x, y: x + y,
    "And": lambda x, y: x & y,
    "ArgMax": arg("argmax"),
    "ArgMin": arg("argmin"),
    "Asin": lambda x: x.arcsin(),
    "Asinh": lambda x: x.arcsinh(),
    "Atan": lambda x: x.arctan(),
    "Atanh": lambda x: x.arctanh(),
    "BatchNormalization": batch_normalization,
    "BitShift": bit_shift,
    "BitwiseAnd": lambda x, y: x & y,
    "BitwiseNot": lambda x: ~x,
    "BitwiseOr": lambda x, y: x | y,
    "BitwiseXor": lambda x, y: x ^ y,
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": lambda x: x.ceil(),
    "Celu": lambda x, alpha=1.0: F.celu(x, alpha=alpha),
    "Clip": clip,
    "Cos": lambda x: x.cos(),
    "Cosh": lambda x: x.cosh(),
    "CumProd": running("cumprod"),
    "CumSum": running("cumsum"),
    "Div": divide,
    "Dropout": dropout,
    "Einsum": lambda *xs, equation: minidl.einsum(equation, *xs),
    "Elu": lambda x, alpha=1.0: F.elu(x, alpha=alpha),
    "Equal": lambda x, y: x == y,
    "Exp": lambda x: x.exp(),
    "Floor": lambda x: x.floor(),
    "Gelu": gelu,
    "Gemm": gemm,
    "Greater": lambda x, y: x > y,
    "GreaterOrEqual": lambda x, y: x >= y,
    "HardSigmoid": hard_sigmoid,
    "Identity": lambda x: x.copy(),
    "IsInf": is_inf,
    "IsNaN": lambda x: x.isnan(),
    "LayerNormalization": layer_normalization,
    "LeakyRelu": lambda x, alpha=0.01: F.leaky_relu(x, negative_slope=alpha),
    "Less": lambda x, y: x < y,
    "LessOrEqual": lambda x, y: x <= y,
    "Log": lambda x: x.log(),
    "LogSoftmax": log_softmax,
    "MatMul": lambda x, y: x @ y,
    "Max": lambda *xs: reduce(maximum, xs),
    "Mean": lambda *xs: minidl.stack(xs).mean(0),
    "Min": lambda *xs: reduce(minimum, xs),
    "Mish": lambda x: F.mish(x),
    "Mod": modulo,
    "Mul": lambda x, y: x * y,
    "Neg": lambda x: -x,
    "NegativeLogLikelihoodLoss": negative_log_likelihood_loss,
    "Not": lambda x: ~x,
    "Or": lambda x, y: x | y,
    "Pow": power,
    "PRelu": prelu,
    "Reciprocal": lambda x: x.reciprocal(),
    "RMSNormalization": rms_normalization,
    "ReduceL1": reduction(partial(minidl.norm, ord=1)),
    "ReduceL2": reduction(minidl.norm),
    "ReduceLogSum": reduction(lambda x, **words: x.sum(**words).log()),
    "ReduceLogSumExp": reduction(minidl.logsumexp),
    "ReduceMax": reduction(minidl.max),
    "ReduceMean": reduction(minidl.mean),
    "ReduceMin": reduction(minidl.min),
    "ReduceProd": reduction(minidl.prod),
    "ReduceSum": reduction(minidl.sum),
    "ReduceSumSquare": reduction(lambda x, **words: x.square().sum(**words)),
    "Relu": lambda x: F.relu(x),
    "Round": lambda x: x.round(),
    "Selu": selu,
    "Sigmoid": lambda x: F.sigmoid(x),
    "Sign": lambda x: x.sign(),
    "Sin": lambda x: x.sin(),
    "Sinh": lambda x: x.sinh(),
    "Softmax": softmax,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
    "Softplus": lambda x: F.softplus(x),
    "Softsign": lambda x: F.softsign(x),
    "Sqrt": lambda x: x.sqrt(),
    "Sub": lambda x, y: x - y,
    "Sum": lambda *xs: reduce(lambda x, y: x + y, xs),
    "Swish": lambda x, alpha=1.0: x * F.sigmoid(alpha * x),
    "Tan": lambda x: x.tan(),
    "Tanh": lambda x: F.tanh(x),
    "Where": where,
    "Xor": lambda x, y: x ^ y,
    **PLACES,
}


def attributes_of(node: Any) -> dict[str, Any]:
    """A node's attributes by name, texts as str."""
    values = {a.name: package().helper.get_attribute_value(a) for a in node.attribute}
    return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}


def run_node(node: Any, inputs: Iterable[Any], operators: Any = OPERATORS) -> list[Any]:
    """A node's outputs."""
    found = operators[node.op_type](*inputs, **attributes_of(node))
    return list(found) if isinstance(found, (tuple, list)) else [found]
