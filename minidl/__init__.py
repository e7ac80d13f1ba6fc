"""minidl: a small deep-learning framework to use, to run and to read."""

from ._kernels import get_num_threads, set_num_threads, show_config
from .tensor import Tensor, concatenate, maximum, minimum, no_grad, stack, tensor, where

__version__ = "0.1.0"

__all__ = [
    "Tensor", "concatenate", "get_num_threads", "maximum", "minimum", "no_grad",
    "set_num_threads", "show_config", "stack", "tensor", "where",
]  # fmt: skip
