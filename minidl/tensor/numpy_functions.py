"""NumPy's functions, and what stands for each with a tensor that wants a gradient: tables.

`OPERATIONS` has what minidl computes itself. What a function there takes is all that its
operation understands of NumPy's arguments; with others the call is refused. `INSTEAD` says what
to type for functions that have no operation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import add, divide, matmul, multiply, negative, power, subtract
from .arranging import flip, pad, repeat, roll, tile
from .base import as_tensor
from .contractions import dot, inner, outer, tensordot
from .diagonals import diag, diagonal, tril, triu
from .einsum import einsum
from .elementwise import (
    Elementwise,
    bitwise_and,
    bitwise_or,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    maximum,
    minimum,
    not_equal,
    where,
)  # fmt: skip
from .gathering import take, take_along_axis
from .joining import array_split, concatenate, hstack, split, stack, vstack
from .norms import hypot, norm, std
from .ordering import argsort, nonzero, sort
from .powers import exp2, log2, log10, logaddexp, reciprocal, square
from .reductions import Reductions
from .rounding import ceil, floor, floor_divide, remainder, round, trunc
from .running import cumprod, cumsum, prod
from .shapes import Shapes, broadcast_to, expand_dims, moveaxis, squeeze, swapaxes
from .trigonometry import (
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

Function = Callable[..., Any]


OPERATIONS: dict[Function, Callable[..., Any]] = {
    # Universal functions.
    np.add: add,
    np.subtract: subtract,
    np.multiply: multiply,
    np.divide: divide,
    np.power: power,
    np.matmul: matmul,
    np.negative: negative,
    np.positive: lambda x: +x,
    np.reciprocal: reciprocal,
    np.square: square,
    np.exp: Elementwise.exp,
    np.expm1: Elementwise.expm1,
    np.log: Elementwise.log,
    np.log1p: Elementwise.log1p,
    np.exp2: exp2,
    np.log2: log2,
    np.log10: log10,
    np.logaddexp: logaddexp,
    np.sqrt: Elementwise.sqrt,
    np.hypot: hypot,
    np.sin: sin,
    np.cos: cos,
    np.tan: tan,
    np.arcsin: arcsin,
    np.arccos: arccos,
    np.arctan: arctan,
    np.arctan2: arctan2,
    np.sinh: sinh,
    np.cosh: cosh,
    np.tanh: Elementwise.tanh,
    np.arcsinh: arcsinh,
    np.arccosh: arccosh,
    np.arctanh: arctanh,
    np.floor: floor,
    np.ceil: ceil,
    np.trunc: trunc,
    np.rint: round,
    np.floor_divide: floor_divide,
    np.remainder: remainder,
    np.absolute: Elementwise.abs,
    np.fabs: Elementwise.abs,
    np.maximum: maximum,
    np.minimum: minimum,
    np.less: less,
    np.less_equal: less_equal,
    np.greater: greater,
    np.greater_equal: greater_equal,
    np.equal: equal,
    np.not_equal: not_equal,
    np.bitwise_and: bitwise_and,
    np.bitwise_or: bitwise_or,
    np.invert: Elementwise.__invert__,
    # All others.
    np.sum: lambda a, axis=None, *, keepdims=False: Reductions.sum(a, axis, keepdims),
    np.mean: lambda a, axis=None, *, keepdims=False: Reductions.mean(a, axis, keepdims),
    np.var: lambda a, axis=None, *, keepdims=False, ddof=0: Reductions.var(a, axis, keepdims, ddof),
    np.max: lambda a, axis=None, *, keepdims=False: Reductions.max(a, axis, keepdims),
    np.min: lambda a, axis=None, *, keepdims=False: Reductions.min(a, axis, keepdims),
    np.clip: lambda a, a_min=None, a_max=None: Elementwise.clip(as_tensor(a), a_min, a_max),
    np.where: lambda condition, x, y: where(condition, x, y),
    np.std: lambda a, axis=None, *, keepdims=False, ddof=0: std(a, axis, keepdims, ddof),
    np.prod: lambda a, axis=None, *, keepdims=False: prod(a, axis, keepdims),
    np.linalg.norm: lambda x, *, axis=None, keepdims=False: norm(x, 2, axis, keepdims),
    np.cumsum: lambda a, axis=None: cumsum(a, axis),
    np.cumprod: lambda a, axis=None: cumprod(a, axis),
    np.round: lambda a, decimals=0: round(a, decimals),
    np.fix: lambda x: trunc(x),
    np.dot: lambda a, b: dot(a, b),
    np.inner: lambda a, b: inner(a, b),
    np.outer: lambda a, b: outer(a, b),
    np.tensordot: lambda a, b, axes=2: tensordot(a, b, axes),
    np.einsum: lambda subscripts, *operands, optimize=True: einsum(subscripts, *operands),
    np.reshape: lambda a, shape: Shapes.reshape(a, shape),
    np.ravel: lambda a: Shapes.flatten(a),
    np.transpose: lambda a, axes=None: Shapes.transpose(a, *(() if axes is None else axes)),
    np.broadcast_to: lambda array, shape: broadcast_to(array, shape),
    np.swapaxes: swapaxes,
    np.moveaxis: moveaxis,
    np.squeeze: squeeze,
    np.expand_dims: expand_dims,
    np.flip: flip,
    np.roll: roll,
    np.repeat: repeat,
    np.tile: tile,
    np.pad: pad,
    np.diagonal: diagonal,
    np.diag: diag,
    np.tril: tril,
    np.triu: triu,
    np.take: take,
    np.take_along_axis: take_along_axis,
    np.sort: sort,
    np.argsort: argsort,
    np.nonzero: nonzero,
    np.split: split,
    np.array_split: array_split,
    np.vstack: vstack,
    np.hstack: hstack,
    np.copy: lambda a: as_tensor(a).copy(),
    np.sign: Elementwise.sign,
    np.concatenate: lambda arrays, axis=0: concatenate(arrays, axis),
    np.stack: lambda arrays, axis=0: stack(arrays, axis),
}
OPERATIONS |= {np.amax: OPERATIONS[np.max], np.amin: OPERATIONS[np.min]}
OPERATIONS |= {np.around: OPERATIONS[np.round]}

INSTEAD: dict[Function, str] = {
    # Universal functions.
    np.add.reduce: "x.sum(axis)",
    np.add.accumulate: "x.cumsum(axis)",
    np.multiply.reduce: "x.prod(axis)",
    np.multiply.accumulate: "x.cumprod(axis)",
    np.maximum.reduce: "x.max(axis)",
    np.minimum.reduce: "x.min(axis)",
    np.add.outer: "x[:, None] + y",
    np.subtract.outer: "x[:, None] - y",
    np.multiply.outer: "x[:, None] * y",
    np.add.at: "x[index] += y",
    np.float_power: "x ** y",
    np.divmod: "x // y, x % y",
    np.fmax: "maximum(x, y)",
    np.fmin: "minimum(x, y)",
    # Reductions.
    np.average: "(x * weights).sum() / weights.sum()",
    np.ptp: "x.max(axis) - x.min(axis)",
    np.nansum: "where(np.isnan(x), 0, x).sum()",
    np.nanmax: "where(np.isnan(x), -np.inf, x).max()",
    np.nanmin: "where(np.isnan(x), np.inf, x).min()",
    # Products.
    np.vdot: "(x * y).sum()",
    np.linalg.multi_dot: "x @ y @ z",
    np.linalg.matrix_power: "x @ x",
    np.trace: "x.diagonal().sum()",
    # Shapes.
    np.column_stack: "stack([x, y], axis=1)",
    np.append: "concatenate([x, y])",
    np.diff: "x[1:] - x[:-1]",
    # Elements.
    np.compress: "x[mask]",
    np.extract: "x[mask]",
    np.select: "where(condition, x, y)",
    np.choose: "where(condition, x, y)",
    np.copyto: "x[...] = y",
    np.put: "x[index] = y",
    np.place: "x[mask] = y",
    np.putmask: "x[mask] = y",
    np.put_along_axis: "x = x.scatter(axis, index, y)",
    np.fill_diagonal: "x[i, i] = y with i = np.arange(len(x))",
}

# These write into their first argument, those put its values into a file, and what the last give
# does not depend on the values of theirs.
WRITES = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal}
SAVES = {np.save, np.savez, np.savez_compressed, np.savetxt}
READS_NO_VALUES = {np.zeros_like, np.ones_like, np.empty_like, np.full_like}
