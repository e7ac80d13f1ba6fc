"""The layers, under the names that users import: `from minidl import nn`."""

from typing import TYPE_CHECKING, Any

from .activations import REGISTRY as _REGISTRY
from .activations import Activation
from .layer import Layer, Parameter
from .layers import BatchNorm, Bias, Dense, Dropout, GaussianNoise, Sequential
from .mlp import MLP

if TYPE_CHECKING:
    from .activations import *  # noqa: F403

__all__ = [
    "MLP", "Activation", "BatchNorm", "Bias", "Dense", "Dropout", "GaussianNoise", "Layer",
    "Parameter", "Sequential",
]  # fmt: skip
__all__ += [kind.__name__ for kind in _REGISTRY.values()]


def __getattr__(name: str) -> Any:
    """The layer of a registered activation, a user's own too."""
    for kind in _REGISTRY.values():
        if kind.__name__ == name:
            return kind
    raise AttributeError(f"minidl.nn has no {name!r}. It has: {', '.join(__dir__())}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(kind.__name__ for kind in _REGISTRY.values())})
