"""The layers, each in a file with the operation that it runs; users have them from `minidl.nn`."""

from .activations import Activation
from .base import Layer, Parameter
from .bias import Bias
from .containers import Sequential
from .dense import Dense
from .dropout import Dropout
from .mlp import MLP
from .noise import GaussianNoise
from .normalization import BatchNorm

__all__ = [
    "MLP", "Activation", "BatchNorm", "Bias", "Dense", "Dropout", "GaussianNoise", "Layer",
    "Parameter", "Sequential",
]  # fmt: skip
