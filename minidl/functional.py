"""The functions, under the names that users import: `from minidl import functional as F`."""

from collections.abc import Callable

from .activations import REGISTRY as _REGISTRY
from .dense import dense
from .dropout import dropout
from .losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    log_softmax,
    mse,
    multi_margin,
    softmax,
)
from .noise import gaussian_noise
from .normalization import batch_norm
from .tensor import Tensor

__all__ = [
    "batch_norm", "binary_cross_entropy_with_logits", "cross_entropy", "dense", "dropout",
    "gaussian_noise", "hinge", "huber", "log_softmax", "mse", "multi_margin", "softmax",
]  # fmt: skip
__all__ += list(_REGISTRY)


def __getattr__(name: str) -> Callable[..., Tensor]:
    """The function of a registered activation, a user's own too."""
    if name in _REGISTRY:
        return _REGISTRY[name].function
    raise AttributeError(f"minidl.functional has no {name!r}. It has: {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_REGISTRY})
