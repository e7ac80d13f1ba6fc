"""Tables of NumPy's functions, and what replaces each for a tensor that wants a gradient.

`OPERATIONS` has the functions that minidl computes itself. An entry names the arguments that its
operation understands; a call with others is refused. `INSTEAD` says what to type in place of
functions that have no operation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import (
    arithmetic,
    arranging,
    bits,
    comparisons,
    contractions,
    diagonals,
    einsum,
    elementwise,
    gathering,
    joining,
    norms,
    ordering,
    powers,
    reductions,
    rounding,
    running,
    shapes,
    trigonometry,
)
from .base import as_tensor

Function = Callable[..., Any]


OPERATIONS: dict[Function, Callable[..., Any]] = {
    # Universal functions.
    np.add: arithmetic.add,
    np.subtract: arithmetic.subtract,
    np.multiply: arithmetic.multiply,
    np.divide: arithmetic.divide,
    np.power: arithmetic.power,
    np.matmul: arithmetic.matmul,
    np.negative: arithmetic.negative,
    np.positive: lambda x: +x,
    np.reciprocal: powers.reciprocal,
    np.square: powers.square,
    np.exp: elementwise.exp,
    np.expm1: elementwise.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.exp2: powers.exp2,
    np.log2: powers.log2,
    np.log10: powers.log10,
    np.logaddexp: powers.logaddexp,
    np.sqrt: elementwise.sqrt,
    np.hypot: norms.hypot,
    np.sin: trigonometry.sin,
    np.cos: trigonometry.cos,
    np.tan: trigonometry.tan,
    np.arcsin: trigonometry.arcsin,
    np.arccos: trigonometry.arccos,
    np.arctan: trigonometry.arctan,
    np.arctan2: trigonometry.arctan2,
    np.sinh: trigonometry.sinh,
    np.cosh: trigonometry.cosh,
    np.tanh: elementwise.tanh,
    np.arcsinh: trigonometry.arcsinh,
    np.arccosh: trigonometry.arccosh,
    np.arctanh: trigonometry.arctanh,
    np.floor: rounding.floor,
    np.ceil: rounding.ceil,
    np.trunc: rounding.trunc,
    np.rint: rounding.round,
    np.floor_divide: rounding.floor_divide,
    np.remainder: rounding.remainder,
    np.absolute: elementwise.abs,
    np.fabs: elementwise.abs,
    np.maximum: elementwise.maximum,
    np.minimum: elementwise.minimum,
    np.less: comparisons.less,
    np.less_equal: comparisons.less_equal,
    np.greater: comparisons.greater,
    np.greater_equal: comparisons.greater_equal,
    np.equal: comparisons.equal,
    np.not_equal: comparisons.not_equal,
    np.bitwise_and: bits.bitwise_and,
    np.bitwise_or: bits.bitwise_or,
    np.bitwise_xor: bits.bitwise_xor,
    np.left_shift: bits.left_shift,
    np.right_shift: bits.right_shift,
    np.invert: lambda x: ~x,
    # All others.
    np.sum: lambda a, axis=None, dtype=None, *, keepdims=False: reductions.sum(
        a, axis, keepdims, dtype=dtype
    ),
    np.mean: lambda a, axis=None, dtype=None, *, keepdims=False: reductions.mean(
        a, axis, keepdims, dtype=dtype
    ),
    np.var: lambda a, axis=None, *, keepdims=False, ddof=0: reductions.var(a, axis, keepdims, ddof),
    np.max: lambda a, axis=None, *, keepdims=False: reductions.max(a, axis, keepdims),
    np.min: lambda a, axis=None, *, keepdims=False: reductions.min(a, axis, keepdims),
    np.clip: lambda a, a_min=None, a_max=None: elementwise.clip(a, a_min, a_max),
    np.where: lambda condition, x, y: elementwise.where(condition, x, y),
    np.std: lambda a, axis=None, *, keepdims=False, ddof=0: norms.std(a, axis, keepdims, ddof),
    np.prod: lambda a, axis=None, *, keepdims=False: running.prod(a, axis, keepdims),
    np.linalg.norm: lambda x, *, axis=None, keepdims=False: norms.norm(x, 2, axis, keepdims),
    np.cumsum: lambda a, axis=None: running.cumsum(a, axis),
    np.cumprod: lambda a, axis=None: running.cumprod(a, axis),
    np.round: lambda a, decimals=0: rounding.round(a, decimals),
    np.fix: lambda x: rounding.trunc(x),
    np.dot: lambda a, b: contractions.dot(a, b),
    np.inner: lambda a, b: contractions.inner(a, b),
    np.outer: lambda a, b: contractions.outer(a, b),
    np.tensordot: lambda a, b, axes=2: contractions.tensordot(a, b, axes),
    np.einsum: lambda subscripts, *operands, optimize=True: einsum.einsum(subscripts, *operands),
    np.reshape: lambda a, shape: shapes.Shapes.reshape(a, shape),
    np.ravel: lambda a: shapes.Shapes.flatten(a),
    np.transpose: lambda a, axes=None: shapes.Shapes.transpose(a, *(() if axes is None else axes)),
    np.broadcast_to: lambda array, shape: shapes.broadcast_to(array, shape),
    np.swapaxes: shapes.swapaxes,
    np.moveaxis: shapes.moveaxis,
    np.squeeze: shapes.squeeze,
    np.expand_dims: shapes.expand_dims,
    np.flip: arranging.flip,
    np.roll: arranging.roll,
    np.repeat: arranging.repeat,
    np.tile: arranging.tile,
    np.pad: arranging.pad,
    np.diagonal: diagonals.diagonal,
    np.diag: diagonals.diag,
    np.trace: diagonals.trace,
    np.tril: diagonals.tril,
    np.triu: diagonals.triu,
    np.take: gathering.take,
    np.take_along_axis: gathering.take_along_axis,
    np.sort: ordering.sort,
    np.argsort: ordering.argsort,
    np.nonzero: ordering.nonzero,
    np.split: joining.split,
    np.array_split: joining.array_split,
    np.vstack: joining.vstack,
    np.hstack: joining.hstack,
    np.copy: lambda a: as_tensor(a).copy(),
    np.sign: elementwise.sign,
    np.concatenate: lambda arrays, axis=0: joining.concatenate(arrays, axis),
    np.stack: lambda arrays, axis=0: joining.stack(arrays, axis),
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
    np.add.at: "x = x.scatter_add(axis, index, y)",
    np.float_power: "x ** y",
    np.divmod: "x // y, x % y",
    np.fmax: "maximum(x, y)",
    np.fmin: "minimum(x, y)",
    # reductions.
    np.average: "(x * weights).sum() / weights.sum()",
    np.ptp: "x.max(axis) - x.min(axis)",
    np.nansum: "where(np.isnan(x), 0, x).sum()",
    np.nanmax: "where(np.isnan(x), -np.inf, x).max()",
    np.nanmin: "where(np.isnan(x), np.inf, x).min()",
    # Products.
    np.vdot: "(x * y).sum()",
    np.linalg.multi_dot: "x @ y @ z",
    np.linalg.matrix_power: "x @ x",
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

# These write into their first argument, those write its values into a file, and the results of the
# last do not depend on its values.
WRITES = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal}
SAVES = {np.save, np.savez, np.savez_compressed, np.savetxt}
READS_NO_VALUES = {np.zeros_like, np.ones_like, np.empty_like, np.full_like}
