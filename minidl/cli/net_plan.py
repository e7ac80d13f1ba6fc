"""`NetPlan`: a net's description in plain values, from which the net is built."""

import inspect
import math
from typing import Any, NamedTuple

from ..errors import ArgumentError, explain
from ..layers.activations import Activation
from ..layers.activations import activation as find
from ..layers.mlp import MLP, dense_shapes
from ..tools.checks import is_number, is_whole


class NetPlan(NamedTuple):
    """Dense layers of these sizes; after each but the last come batch normalisation (optional), the
    activation, and dropout (optional)."""

    sizes: list[int]
    activation: str
    options: dict[str, Any]
    dropout: float
    batch_norm: bool

    def check(self, most: float = math.inf) -> None:
        """ArgumentError for a plan that makes no net, or whose activation has an option above
        `most`, which could take much memory."""
        if len(self.sizes) < 2 or not all(is_whole(size, 1) for size in self.sizes):
            raise ArgumentError(explain("net", "sizes from 1 up, two at least", self.sizes))
        if not (is_number(self.dropout) and 0 <= self.dropout < 1):
            raise ArgumentError(explain("net", "dropout from 0 to below 1", repr(self.dropout)))
        signature = inspect.signature(find(self.activation))
        for name, value in self.options.items():
            is_fit = isinstance(value, bool) or (is_number(value) and -most < value < most)
            if name not in signature.parameters or not is_fit:
                expected = f"options as in {self.activation}{signature}"
                raise ArgumentError(explain("net", expected, f"{name}={value!r}"))
        self.layer()

    def layer(self) -> Activation:
        """The activation with its options."""
        return find(self.activation)(**self.options)

    def dense_shapes(self) -> list[tuple[int, int]]:
        """The shapes of the dense layers' weights."""
        return dense_shapes(self.sizes, [self.layer() for _ in self.sizes[2:]])

    def build(self) -> MLP:
        """The net, with new random weights."""
        activations = [self.layer() for _ in self.sizes[2:]]
        return MLP(self.sizes, activations, dropout=self.dropout, batch_norm=self.batch_norm)

    def __str__(self) -> str:
        sizes = dashed(self.sizes)
        return f"{sizes}, {self.activation}" if len(self.sizes) > 2 else sizes


def dashed(sizes: list[int]) -> str:
    """Sizes as one word.

    >>> dashed([4, 16, 3])
    '4-16-3'
    """
    return "-".join(map(str, sizes))
