"""ONNX's operators as minidl has them: each a function of the node's inputs and attributes.

An input is a tensor, None where the node leaves it out; attributes have ONNX's names and defaults.
"""

from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from onnx import helper, numpy_helper
from onnx_optimizers import OPTIMIZERS
from verdicts import LeftOut

import minidl
from minidl import Tensor, maximum, minimum, where
from minidl import functional as F


def whole(x: Tensor) -> list[int]:
    """The numbers of an integer tensor, as Python's."""
    return x.numpy().ravel().tolist()


def only(condition: bool, what: str) -> None:
    """LeftOut unless minidl has the operator with this attribute."""
    if not condition:
        raise LeftOut(what)


def arg(method: str) -> Callable[..., Tensor]:
    def apply(x: Tensor, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Tensor:
        only(not select_last_index, "select_last_index")
        return getattr(x, method)(axis, keepdims=bool(keepdims))

    return apply


def reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def apply(
        x: Tensor, given: Tensor | None = None, axes: list[int] | None = None, keepdims: int = 1,
        noop_with_empty_axes: int = 0,
    ) -> Tensor:  # fmt: skip
        axes = axes if given is None else whole(given)
        if not axes and noop_with_empty_axes:
            return x
        return function(x, axis=tuple(axes) if axes else None, keepdims=bool(keepdims))

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
    return x.astype(helper.tensor_dtype_to_np_dtype(to))


def cast_like(x: Tensor, like: Tensor, saturate: int = 1, round_mode: str = "up") -> Tensor:
    return x.astype(like.dtype)


def constant(**value: Any) -> Tensor:
    ((name, given),) = value.items()
    if name == "value":
        return minidl.tensor(numpy_helper.to_array(given))
    only(name in ("value_float", "value_floats", "value_int", "value_ints"), name)
    return minidl.tensor(np.array(given, np.float32 if "float" in name else np.int64))


def cumsum(x: Tensor, axis: Tensor, exclusive: int = 0, reverse: int = 0) -> Tensor:
    along = axis.item()
    x = x.flip(along) if reverse else x
    y = x.cumsum(along)
    y = y - x if exclusive else y
    return (y.flip(along) if reverse else y).astype(x.dtype)


def divide(x: Tensor, y: Tensor) -> Tensor:
    """ONNX's quotients of integers are whole, rounded towards 0."""
    return x / y if x.dtype.kind == "f" else (x / y).trunc().astype(x.dtype)


def dropout(
    x: Tensor, ratio: Any = None, training: Tensor | None = None, seed: int = 0
) -> tuple[Tensor, Tensor]:
    p = 0.5 if ratio is None else float(ratio)
    only(not (training and p), "a mask by another generator of random numbers")
    return F.dropout(x, p, training=False), minidl.tensor(np.ones(x.shape, bool))


def expand(x: Tensor, shape: Tensor) -> Tensor:
    return minidl.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(whole(shape))))


def flatten(x: Tensor, axis: int = 1) -> Tensor:
    return x.reshape(int(np.prod(x.shape[:axis], dtype=int)), -1)


def gather(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    return x[(slice(None),) * (axis % x.ndim) + (indices,)]


def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0) -> Tensor:
    only(not batch_dims, "batch_dims")
    return x[tuple(np.moveaxis(indices.numpy(), -1, 0))]


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate=approximate == "tanh")


def gemm(
    a: Tensor, b: Tensor, c: Tensor | None = None, alpha: float = 1.0, beta: float = 1.0,
    transA: int = 0, transB: int = 0,
) -> Tensor:  # fmt: skip
    y = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return y if c is None else y + beta * c


def is_inf(x: Tensor, detect_negative: int = 1, detect_positive: int = 1) -> Tensor:
    return x.isinf() & (((x < 0) & bool(detect_negative)) | ((x > 0) & bool(detect_positive)))


def hard_sigmoid(x: Tensor, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    return (alpha * x + beta).clip(0, 1)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    return F.log_softmax(x, axis=axis)


def modulo(x: Tensor, y: Tensor, fmod: int = 0) -> Tensor:
    """With `fmod` the remainder of a quotient that is rounded towards 0: it has the sign of x."""
    return x.sign() * (x.abs() % y.abs()) if fmod else x % y


def one_hot(indices: Tensor, depth: Tensor, values: Tensor, axis: int = -1) -> Tensor:
    n = int(depth.numpy().item())
    row = minidl.arange(n).reshape([n, *[1] * (indices.ndim - axis % (indices.ndim + 1))])
    given = indices.astype(int).expand_dims(axis)
    return where((given == row) | (given + n == row), values[1], values[0])


def power(x: Tensor, y: Tensor) -> Tensor:
    return (x**y).astype(x.dtype)


def prelu(x: Tensor, slope: Tensor) -> Tensor:
    return F.prelu(x, slope) if slope.ndim == 1 else where(x > 0, x, slope * x)


def reshape(x: Tensor, shape: Tensor, allowzero: int = 0) -> Tensor:
    sizes = whole(shape)
    return x.reshape([x.shape[i] if n == 0 and not allowzero else n for i, n in enumerate(sizes)])


def scatter_nd(x: Tensor, indices: Tensor, updates: Tensor, reduction: str = "none") -> Tensor:
    only(reduction == "none", f"reduction {reduction}")
    y = minidl.tensor(x)
    y[tuple(np.moveaxis(indices.numpy(), -1, 0))] = updates
    return y


def scatter_elements(
    x: Tensor, indices: Tensor, updates: Tensor, axis: int = 0, reduction: str = "none"
) -> Tensor:
    only(reduction in ("none", "add"), f"reduction {reduction}")
    scatter = minidl.scatter if reduction == "none" else minidl.scatter_add
    return scatter(x, axis, indices % x.shape[axis], updates)


def selu(x: Tensor, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323) -> Tensor:
    only((round(alpha, 6), round(gamma, 6)) == (1.673263, 1.050701), "other constants")
    return F.selu(x)


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


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    return F.softmax(x, axis=axis)


def softmax_cross_entropy_loss(
    logits: Tensor, labels: Tensor, weight: Tensor | None = None, reduction: str = "mean",
    ignore_index: int | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    only(logits.ndim == 2, "logits of more than two axes")
    loss = F.cross_entropy(
        logits, labels, weight=weight, ignore_index=ignore_index, reduction=reduction
    )
    return loss, F.log_softmax(logits, axis=1)


def split(
    x: Tensor, sizes: Tensor | None = None, axis: int = 0, num_outputs: int = 0
) -> list[Tensor]:
    only(sizes is not None or num_outputs, "parts counted by the node's outputs")
    length = x.shape[axis]
    lengths = [-(-length // num_outputs)] * num_outputs if sizes is None else whole(sizes)
    ends = np.minimum(np.cumsum([0, *lengths]), length)
    before = (slice(None),) * (axis % x.ndim)
    return [x[(*before, slice(int(a), int(b)))] for a, b in pairwise(ends)]


def squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    gone = {i for i, n in enumerate(x.shape) if n == 1}
    gone = gone if axes is None else {axis % x.ndim for axis in whole(axes)}
    return x.reshape([n for i, n in enumerate(x.shape) if i not in gone])


def top_k(
    x: Tensor, k: Tensor, axis: int = -1, largest: int = 1, sorted: int = 1
) -> tuple[Tensor, Tensor]:
    return x.topk(whole(k)[0], axis, largest=bool(largest))


def trilu(x: Tensor, k: Tensor | None = None, upper: int = 1) -> Tensor:
    return (x.triu if upper else x.tril)(0 if k is None else k.item())


def unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    ndim = x.ndim + axes.size
    added, old = {axis % ndim for axis in whole(axes)}, iter(x.shape)
    return x.reshape([1 if i in added else next(old) for i in range(ndim)])


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
    "BitwiseAnd": lambda x, y: x & y,
    "BitwiseNot": lambda x: ~x,
    "BitwiseOr": lambda x, y: x | y,
    "BitwiseXor": lambda x, y: x ^ y,
    "Cast": cast,
    "CastLike": cast_like,
    "Ceil": lambda x: x.ceil(),
    "Celu": lambda x, alpha=1.0: F.celu(x, alpha=alpha),
    "Clip": clip,
    "Concat": lambda *xs, axis: minidl.concatenate(xs, axis=axis),
    "Constant": constant,
    "Cos": lambda x: x.cos(),
    "Cosh": lambda x: x.cosh(),
    "CumSum": cumsum,
    "Div": divide,
    "Dropout": dropout,
    "Einsum": lambda *xs, equation: minidl.einsum(equation, *xs),
    "Elu": lambda x, alpha=1.0: F.elu(x, alpha=alpha),
    "Equal": lambda x, y: x == y,
    "Exp": lambda x: x.exp(),
    "Expand": expand,
    "Flatten": flatten,
    "Floor": lambda x: x.floor(),
    "Gather": gather,
    "GatherElements": lambda x, indices, axis=0: x.take_along_axis(indices, axis),
    "GatherND": gather_nd,
    "Gelu": gelu,
    "Gemm": gemm,
    "Greater": lambda x, y: x > y,
    "GreaterOrEqual": lambda x, y: x >= y,
    "HardSigmoid": hard_sigmoid,
    "Identity": lambda x: x.copy(),
    "IsInf": is_inf,
    "IsNaN": lambda x: x.isnan(),
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
    "NonZero": lambda x: minidl.stack(x.nonzero()),
    "Not": lambda x: ~x,
    "OneHot": one_hot,
    "Or": lambda x, y: x | y,
    "PRelu": prelu,
    "Pow": power,
    "Reciprocal": lambda x: x.reciprocal(),
    "ReduceL1": reduction(lambda x, **words: x.abs().sum(**words)),
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
    "Reshape": reshape,
    "Round": lambda x: x.round(),
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "Selu": selu,
    "Shape": shape,
    "Sigmoid": lambda x: F.sigmoid(x),
    "Sign": lambda x: x.sign(),
    "Sin": lambda x: x.sin(),
    "Sinh": lambda x: x.sinh(),
    "Size": size,
    "Slice": slices,
    "Softmax": softmax,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
    "Softplus": lambda x: F.softplus(x),
    "Softsign": lambda x: F.softsign(x),
    "Split": split,
    "Sqrt": lambda x: x.sqrt(),
    "Squeeze": squeeze,
    "Sub": lambda x, y: x - y,
    "Sum": lambda *xs: reduce(lambda x, y: x + y, xs),
    "Swish": lambda x, alpha=1.0: x * F.sigmoid(alpha * x),
    "Tan": lambda x: x.tan(),
    "Tanh": lambda x: F.tanh(x),
    "Tile": lambda x, repeats: x.tile(whole(repeats)),
    "TopK": top_k,
    "Transpose": lambda x, perm=(): x.transpose(*perm),
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
    "Where": where,
    "Xor": lambda x, y: x ^ y,
    **OPTIMIZERS,
}
