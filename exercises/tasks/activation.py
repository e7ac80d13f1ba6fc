"""Exercise 1: an activation by its formula.

Snake is the identity plus a wave. A net of it can continue a periodic function beyond the training
data, which nets of ReLU or tanh cannot:

    y = x + sin²(a x) / a,  with an option a above 0

Ziyin, Hartwig, Ueda, "Neural networks fail to learn periodic functions and how to fix it", NeurIPS
2020.

To do: write `formula` with the operations of a tensor. The tape finds the gradient. Then have
options that are not above 0 refused: the class attribute `positive` names those that must be.

A worked example: docs/tour/8-your-own.md, section 1.
"""

from minidl import Tensor, nn


class Snake(nn.Activation):
    """y = x + sin²(a x) / a."""

    name = "snake"
    paper = "Ziyin, Hartwig & Ueda 2020"

    @staticmethod
    def formula(x: Tensor, a: float = 1.0) -> Tensor:
        """The result, of x's shape."""
        raise NotImplementedError("Snake.formula is not written yet")
