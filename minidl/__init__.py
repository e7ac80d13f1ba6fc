"""minidl: a small deep-learning framework to use, to run and to read.

>>> import minidl
>>> from minidl import nn, functional as F
>>> minidl.manual_seed(0)
>>> net = nn.MLP([4, 8, 3], "relu")
>>> optimizer = minidl.optim.SGD(net.parameters(), lr=0.1)
>>> x, y = minidl.tensor([[1.0, 2.0, 3.0, 4.0]]), [2]
>>> before = F.cross_entropy(net(x), y)
>>> before.backward()
>>> optimizer.step()
>>> F.cross_entropy(net(x), y).item() < before.item()
True
"""

import importlib as _importlib
import typing as _typing

from . import autograd, data, functional, nn, optim
from ._kernels import get_num_threads, set_num_threads, show_config
from .autograd import grad
from .engine import random
from .engine.gradcheck import gradcheck
from .engine.random import manual_seed
from .engine.tensor import Tensor, concatenate, maximum, minimum, no_grad, stack, tensor, where
from .engine.tensor.arithmetic import add, divide, matmul, multiply, negative, power, subtract
from .engine.tensor.arranging import flip, pad, repeat, roll, tile
from .engine.tensor.contractions import dot, inner, outer, tensordot
from .engine.tensor.diagonals import diag, diagonal, trace, tril, triu
from .engine.tensor.dlpack import from_dlpack
from .engine.tensor.einsum import einsum
from .engine.tensor.elementwise import abs, clip, exp, expm1, log, log1p, sign, sqrt, tanh
from .engine.tensor.gathering import (
    gather,
    masked_fill,
    scatter,
    scatter_add,
    take,
    take_along_axis,
)
from .engine.tensor.joining import array_split, chunk, hstack, split, vstack
from .engine.tensor.makers import (
    arange,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    zeros,
    zeros_like,
)
from .engine.tensor.names import no_function as _no_function
from .engine.tensor.norms import hypot, norm, std
from .engine.tensor.ordering import argsort, nonzero, sort, topk, unique
from .engine.tensor.powers import exp2, log2, log10, logaddexp, logsumexp, reciprocal, square
from .engine.tensor.predicates import (
    allclose,
    count_nonzero,
    isclose,
    isfinite,
    isinf,
    isnan,
    logical_and,
    logical_not,
    logical_or,
)
from .engine.tensor.reductions import all, any, argmax, argmin, max, mean, min, sum, var
from .engine.tensor.rounding import ceil, floor, floor_divide, remainder, round, trunc
from .engine.tensor.running import cumprod, cumsum, prod
from .engine.tensor.shapes import broadcast_to, expand_dims, moveaxis, squeeze, swapaxes
from .engine.tensor.trigonometry import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
)
from .errors import (
    ArgumentError,
    CheckpointError,
    DataError,
    DivergedError,
    DTypeError,
    GraphError,
    GuardWarning,
    KeywordError,
    MinidlError,
    MissingPackageError,
    ParallelError,
    ShapeError,
)
from .layers import init
from .optim import schedules
from .step.prediction import predict
from .step.predictor import Predictor
from .step.training import TrainingStep

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "CheckpointError",
    "DTypeError",
    "DataError",
    "DivergedError",
    "GraphError",
    "GuardWarning",
    "KeywordError",
    "MinidlError",
    "MissingPackageError",
    "ParallelError",
    "Predictor",
    "ShapeError",
    "Tensor",
    "TrainingStep",
    "autograd",
    "checkpoint",
    "concatenate",
    "data",
    "functional",
    "get_num_threads",
    "grad",
    "gradcheck",
    "graph",
    "init",
    "manual_seed",
    "maximum",
    "minimum",
    "nn",
    "no_grad",
    "optim",
    "parallel",
    "predict",
    "random",
    "schedules",
    "set_num_threads",
    "show_config",
    "stack",
    "tensor",
    "train",
    "where",
]  # fmt: skip

__all__ += [
    "abs", "add", "all", "allclose", "any", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "argmax", "argmin", "ceil", "clip", "cos", "cosh", "count_nonzero",
    "cumprod", "cumsum", "divide", "dot", "einsum", "exp", "exp2", "expm1", "floor", "floor_divide",
    "hypot", "inner", "isclose", "isfinite", "isinf", "isnan", "log", "log1p", "log2", "log10",
    "logaddexp", "logical_and", "logical_not", "logical_or", "logsumexp", "matmul", "max", "mean",
    "min", "multiply", "negative", "norm", "outer", "power", "prod", "reciprocal", "remainder",
    "round", "sign", "sin", "sinh", "sqrt", "square", "std", "subtract", "sum", "tan", "tanh",
    "tensordot", "trace", "trunc", "var",
]  # fmt: skip

__all__ += [
    "arange", "argsort", "array_split", "broadcast_to", "chunk", "diag", "diagonal", "empty",
    "empty_like", "expand_dims", "eye", "flip", "from_dlpack", "full", "full_like", "gather",
    "hstack", "linspace", "masked_fill", "moveaxis", "nonzero", "ones", "ones_like", "pad", "rand",
    "rand_like", "randint", "randn", "randn_like", "repeat", "roll", "scatter", "scatter_add",
    "sort", "split", "squeeze", "swapaxes", "take", "take_along_axis", "tile", "topk", "tril",
    "triu", "unique", "vstack", "zeros", "zeros_like",
]  # fmt: skip

# What is imported when it is first wanted: it needs json, inspect and signal, and would take half
# as long as all else (20 ms of 60).
if _typing.TYPE_CHECKING:
    from . import checkpoint, parallel, train
    from .diagnostics.graph import graph
else:

    def __getattr__(name: str) -> _typing.Any:
        if name in ("checkpoint", "parallel", "train"):
            return _importlib.import_module(f".{name}", __name__)
        if name == "graph":
            return _importlib.import_module(".diagnostics.graph", __name__).graph
        raise _no_function(name, Tensor)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
