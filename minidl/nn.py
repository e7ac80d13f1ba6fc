"""The layers, under the names that users import: `from minidl import nn`."""

import typing as _typing

from .layers.activations import REGISTRY as _REGISTRY
from .layers.activations import Activation
from .layers.activations.names import (
    CELU,
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    HardTanh,
    Identity,
    LeakyReLU,
    LeCunTanh,
    LogSigmoid,
    Maxout,
    Mish,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from .layers.base import Layer, Parameter
from .layers.batch_norm import BatchNorm
from .layers.bias import Bias
from .layers.containers import Concat, Residual, Sequential, chain
from .layers.dense import Dense
from .layers.dropout import Dropout
from .layers.embedding import Embedding, EntityEmbedding
from .layers.flatten import Flatten
from .layers.layer_norm import LayerNorm, RMSNorm
from .layers.mlp import MLP
from .layers.noise import GaussianNoise

__all__ = [
    "CELU", "ELU", "GELU", "MLP", "SELU", "Activation", "BatchNorm", "Bias", "Concat", "Dense",
    "Dropout", "Embedding", "EntityEmbedding", "Flatten", "GaussianNoise", "HardSigmoid",
    "HardTanh", "Identity", "Layer", "LayerNorm", "LeCunTanh", "LeakyReLU", "LogSigmoid", "Maxout",
    "Mish", "PReLU", "Parameter", "RMSNorm", "ReLU", "ReLU6", "Residual", "Sequential", "SiLU",
    "Sigmoid", "Softplus", "Softsign", "Tanh", "chain",
]  # fmt: skip

if not _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> type[Activation]:
        """The layer of an activation that a user has registered."""
        for kind in _REGISTRY.values():
            if kind.__name__ == name:
                return kind
        raise AttributeError(f"minidl.nn has no {name!r}. It has: {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(kind.__name__ for kind in _REGISTRY.values())})
