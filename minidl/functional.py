"""The functions, under the names that users import: `from minidl import functional as F`."""

import typing as _typing

from .engine.tensor.makers import one_hot
from .layers.activations import REGISTRY as _ACTIVATIONS
from .layers.activations.names import (
    celu,
    elu,
    gelu,
    hard_sigmoid,
    hard_tanh,
    identity,
    leaky_relu,
    lecun_tanh,
    log_sigmoid,
    maxout,
    mish,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from .layers.batch_norm import batch_norm
from .layers.dense import dense
from .layers.dropout import dropout
from .layers.embedding import embedding
from .layers.layer_norm import layer_norm, rms_norm
from .layers.noise import gaussian_noise
from .losses import REGISTRY as _LOSSES
from .losses import (
    binary_cross_entropy_with_logits,
    cosine_similarity,
    cross_entropy,
    hinge,
    huber,
    kl_divergence,
    log_softmax,
    mse,
    multi_margin,
    nll,
    poisson,
    softmax,
    triplet_margin,
)

__all__ = [
    "batch_norm", "binary_cross_entropy_with_logits", "celu", "cosine_similarity",
    "cross_entropy", "dense", "dropout", "elu", "embedding", "gaussian_noise", "gelu",
    "hard_sigmoid", "hard_tanh", "hinge", "huber", "identity", "kl_divergence", "layer_norm",
    "leaky_relu", "lecun_tanh", "log_sigmoid", "log_softmax", "maxout", "mish", "mse",
    "multi_margin", "nll", "one_hot", "poisson", "prelu", "relu", "relu6", "rms_norm", "selu",
    "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh", "triplet_margin",
]  # fmt: skip

if not _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> _typing.Any:
        """The function of an activation or a loss that a user has declared."""
        for registry in (_ACTIVATIONS, _LOSSES):
            if name in registry:
                return registry[name].function
        raise AttributeError(f"minidl.functional has no {name!r}. It has: {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_ACTIVATIONS, *_LOSSES})
