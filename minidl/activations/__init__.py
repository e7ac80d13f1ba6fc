"""The activations: one declaration each, in files named like those of their kernels.

A class states the formula, the derivative, the slope chosen at every kink (PyTorch's), the limits
at ±inf, what backward keeps, the options and the paper; and it is the layer. What follows from
that is in declaration.py.
"""

from .declaration import REGISTRY, Activation, activation
from .piecewise import *  # noqa: F403, I001  (the registry's order is that of these lines)
from .smooth import *  # noqa: F403
from .prelu import *  # noqa: F403
from .maxout import *  # noqa: F403

__all__ = [*(kind.__name__ for kind in REGISTRY.values()), "REGISTRY", "Activation", "activation"]
