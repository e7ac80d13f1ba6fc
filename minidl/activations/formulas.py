"""Functions that several formulas share: slow and true, in operations that have gradients."""

import math

import numpy as np

from ..tensor import Tensor, maximum, record


def normal_density(x: Tensor) -> Tensor:
    """phi(x) = e^(-x²/2) / sqrt(2 pi)."""
    return (-0.5 * x * x).exp() / math.sqrt(2 * math.pi)


def normal_cdf(x: Tensor) -> Tensor:
    """Phi(x), by the C library's erfc, one element at a time: the truth, not the fast way."""
    erfc = np.vectorize(math.erfc, otypes=[float])
    values = 0.5 * erfc(-x.data / math.sqrt(2)) if x.size else np.empty(x.shape)
    # Keeps x: the derivative is phi(x).
    return record(
        "normal_cdf", values.astype(x.dtype), (x,),
        lambda dy: (dy * normal_density(x.detach()).data,), keeps=[x],
    )  # fmt: skip


def softplus(x: Tensor) -> Tensor:
    """ln(1 + e^x), written so that nothing overflows."""
    return maximum(x, 0) + (-x.abs()).exp().log1p()
