"""The functions that are methods of tensors too: `x.sin()` is `sin(x)`."""

from . import (
    arranging,
    contractions,
    diagonals,
    elementwise,
    gathering,
    hooks,
    joining,
    norms,
    ordering,
    powers,
    predicates,
    reductions,
    rounding,
    running,
    shapes,
    trigonometry,
)
from .rounding import WholeDivision


class Methods(WholeDivision):
    """The methods that are functions as well."""

    __slots__ = ()

    retain_grad, register_hook = hooks.retain_grad, hooks.register_hook

    exp, expm1 = elementwise.exp, elementwise.expm1
    log, log1p = elementwise.log, elementwise.log1p
    sqrt, tanh = elementwise.sqrt, elementwise.tanh
    abs = __abs__ = elementwise.abs
    sign, clip, astype = elementwise.sign, elementwise.clip, elementwise.astype

    sum, mean, var = reductions.sum, reductions.mean, reductions.var
    max, min = reductions.max, reductions.min
    argmax, argmin = reductions.argmax, reductions.argmin
    all, any = reductions.all, reductions.any

    sin, cos, tan = trigonometry.sin, trigonometry.cos, trigonometry.tan
    arcsin, arccos, arctan = trigonometry.arcsin, trigonometry.arccos, trigonometry.arctan
    sinh, cosh = trigonometry.sinh, trigonometry.cosh
    arcsinh, arccosh = trigonometry.arcsinh, trigonometry.arccosh
    arctanh = trigonometry.arctanh

    square, reciprocal = powers.square, powers.reciprocal
    exp2, log2, log10, logsumexp = powers.exp2, powers.log2, powers.log10, powers.logsumexp

    floor, ceil = rounding.floor, rounding.ceil
    trunc, round = rounding.trunc, rounding.round

    norm, std = norms.norm, norms.std
    cumsum, cumprod, prod = running.cumsum, running.cumprod, running.prod
    dot = contractions.dot

    isnan, isinf, isfinite = predicates.isnan, predicates.isinf, predicates.isfinite
    count_nonzero = predicates.count_nonzero

    squeeze = shapes.squeeze
    expand_dims = unsqueeze = shapes.expand_dims
    swapaxes, moveaxis = shapes.swapaxes, shapes.moveaxis
    split, array_split, chunk = joining.split, joining.array_split, joining.chunk
    flip, roll = arranging.flip, arranging.roll
    repeat, tile, pad = arranging.repeat, arranging.tile, arranging.pad
    diagonal, diag, trace = diagonals.diagonal, diagonals.diag, diagonals.trace
    tril, triu = diagonals.tril, diagonals.triu

    take, take_along_axis = gathering.take, gathering.take_along_axis
    gather, scatter = gathering.gather, gathering.scatter
    scatter_add, masked_fill = gathering.scatter_add, gathering.masked_fill
    sort, argsort, topk = ordering.sort, ordering.argsort, ordering.topk
    unique, nonzero = ordering.unique, ordering.nonzero
