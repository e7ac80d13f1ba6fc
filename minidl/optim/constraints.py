"""Bounds on norms: of the gradients before a step, of the weights after it."""

import math
import warnings
from collections.abc import Iterable

import numpy as np

from .. import _kernels
from ..engine.tensor import Tensor, require_float
from ..errors import ArgumentError, GuardWarning, explain
from ..tools.checks import is_number
from .arguments import POSITIVE, tensors
from .block import gradient_of, writable


def clip_grad_norm(params: Iterable[Tensor], max_norm: float) -> float:
    """Scales all gradients so that their common norm is at most `max_norm`; returns the old norm.

        n = norm of all gradients as one vector,   c = max_norm / (n + 1e-6)
        every grad = c · grad, in place, if c < 1

    as in PyTorch. A norm that is NaN or infinite is not refused, and leaves NaN or 0 behind: look
    at the returned norm. max_norm=math.inf only measures. Parameters that are frozen or without a
    gradient are skipped; GuardWarning if all are. ArgumentError for a negative max_norm or NaN.
    Pascanu, Mikolov, Bengio (2013), On the difficulty of training recurrent neural networks.

    >>> import minidl
    >>> w = minidl.tensor([0.0, 0.0], requires_grad=True)
    >>> w.grad = minidl.tensor([3.0, 4.0])
    >>> clip_grad_norm([w], 1.0)
    5.0
    >>> w.grad.data.round(4)
    array([0.6, 0.8], dtype=float32)
    """
    if not (is_number(max_norm) and max_norm >= 0):
        raise ArgumentError(
            explain("clip_grad_norm", "max_norm to be a number from 0 up", f"max_norm={max_norm!r}")
        )
    parameters = [p for p in tensors("clip_grad_norm", params) if p.requires_grad]
    gradients = [gradient_of("clip_grad_norm", p) for p in parameters]
    if all(g is None for g in gradients):
        hint = "loss.backward() first, for a net that has these parameters"
        message = explain("clip_grad_norm", "a gradient to clip", "none", hint)
        warnings.warn(message, GuardWarning, stacklevel=2)
    squares = 0.0
    for g in gradients:
        if g is not None:
            squares = _kernels.norms.sum_of_squares(g.reshape(-1), squares)
    scale = _kernels.norms.scale_of(squares, max_norm)
    if max_norm < math.inf and not scale >= 1:  # so that NaN scales too
        with np.errstate(invalid="ignore"):
            for p in parameters:
                if p.grad is not None:
                    writable(p.grad)[...] *= scale
                    p.grad.mark_written()
    return math.sqrt(squares)


def max_norm(params: Iterable[Tensor], limit: float) -> None:
    """Scales the incoming weights of each unit down to the norm `limit`, if theirs is larger.

    The weights of a unit are a column of W (in, out). Parameters without exactly two axes stay
    unchanged, so all parameters of a model can be given. Call it after every step. ArgumentError
    unless limit > 0. Srebro, Shraibman (2005), Rank, trace-norm and max-norm; with dropout: Hinton
    et al. (2012), Improving neural networks by preventing co-adaptation of feature detectors.

    >>> import minidl
    >>> W = minidl.tensor([[3.0, 0.5], [4.0, 0.5]], requires_grad=True)
    >>> max_norm([W], limit=2.5)
    >>> W.data
    array([[1.5, 0.5],
           [2. , 0.5]], dtype=float32)
    """
    POSITIVE.check("max_norm", "limit", limit)
    matrices = [p for p in tensors("max_norm", params) if p.ndim == 2]
    require_float("max_norm", *matrices)
    for p in matrices:
        if _kernels.norms.max_norm(writable(p), limit, _kernels.threads_for(p.size)):
            p.mark_written()
