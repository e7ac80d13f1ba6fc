"""A solution of exercise 4."""

from minidl import nn


class Block(nn.Layer):
    """y = x + W2 gelu(W1 norm(x) + b1) + b2; x and y (batch, units)."""

    def __init__(self, units: int, hidden: int) -> None:
        self.body = nn.Residual(
            nn.Sequential(
                nn.LayerNorm(units), nn.Dense(units, hidden), nn.GELU(), nn.Dense(hidden, units)
            )
        )

    forward = nn.chain("body")
