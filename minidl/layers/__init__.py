"""The layers, each in a file with its operation; users import them from `minidl.nn`."""

from .activations import Activation
from .base import Layer, Parameter
from .batch_norm import BatchNorm
from .bias import Bias
from .containers import Concat, Residual, Sequential
from .dense import Dense
from .dropout import Dropout
from .embedding import Embedding
from .layer_norm import LayerNorm, RMSNorm
from .mlp import MLP
from .noise import GaussianNoise

__all__ = [
    "MLP", "Activation", "BatchNorm", "Bias", "Concat", "Dense", "Dropout", "Embedding",
    "GaussianNoise", "Layer", "LayerNorm", "Parameter", "RMSNorm", "Residual", "Sequential",
]  # fmt: skip
