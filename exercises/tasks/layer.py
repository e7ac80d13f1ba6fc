"""Exercise 3: a layer with parameters.

A highway layer mixes its input with what it makes of it. A gate decides how much of each:

    t = sigmoid(W_t x + b_t)
    h = relu(W x + b)
    y = t h + (1 - t) x

The bias of the gate starts at -2. So t starts near 0.1, and the input passes nearly unchanged
through a deep net until training opens the gates.

Srivastava, Greff, Schmidhuber, "Highway networks", 2015.

To do: write `__init__` and `forward`. The layer holds two `nn.Dense(units, units)`: `gate` and
`transform`. What is an attribute of a layer is found by `parameters()` and saved by `state_dict()`.

A worked example: docs/tour/8-your-own.md, section 3.
"""

from typing import Any

from minidl import Tensor, nn


class Highway(nn.Layer):
    """y = t h + (1 - t) x; x and y (batch, units)."""

    def __init__(self, units: int) -> None:
        raise NotImplementedError("Highway.__init__ is not written yet")

    def forward(self, x: Any) -> Tensor:
        """The mixture."""
        raise NotImplementedError("Highway.forward is not written yet")
