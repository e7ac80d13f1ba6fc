"""Exercise 4: a layer that stays in the kernels.

The feed-forward block of a transformer, with the normalisation first:

    y = x + W2 gelu(W1 norm(x) + b1) + b2

`norm` is layer normalisation. It takes `units` numbers a row, and `hidden` numbers in between.

Xiong et al., "On layer normalization in the transformer architecture", ICML 2020.

`TrainingStep` runs the layer of exercise 3 operation by operation, because it cannot look into its
`forward`. This block is made of minidl's own layers only, one after the other, and
`forward = nn.chain(...)` says so. Then a whole epoch is one kernel call.

To do: put the layers into attributes in `__init__`, and replace `forward`. `nn.Residual(layer)`
gives x + layer(x), `nn.Sequential` puts layers in a row.

A worked example: docs/tour/8-your-own.md, section 4.
"""

from typing import Any

from minidl import Tensor, nn


class Block(nn.Layer):
    """y = x + W2 gelu(W1 norm(x) + b1) + b2; x and y (batch, units)."""

    def __init__(self, units: int, hidden: int) -> None:
        raise NotImplementedError("Block.__init__ is not written yet")

    def forward(self, x: Any) -> Tensor:
        """x and what the layers make of it."""
        raise NotImplementedError("Block.forward is not written yet")
