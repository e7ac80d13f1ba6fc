"""The activations: one declaration each, in files named like those of their kernels.

A class states the formula, the derivative, the slope chosen at every kink (PyTorch's), the limits
at ±inf, what the backward pass keeps, the options and the paper; and the class is the layer.
declaration.py derives everything else.
"""

# The order of these lines is that of the registry.
from .declaration import REGISTRY, Activation, activation  # isort: skip
from .piecewise import *  # noqa: F403  # isort: skip
from .smooth import *  # noqa: F403  # isort: skip
from .prelu import *  # noqa: F403  # isort: skip
from .maxout import *  # noqa: F403  # isort: skip

__all__ = [*(kind.__name__ for kind in REGISTRY.values()), "REGISTRY", "Activation", "activation"]
