"""`NetPlan`: a net's description in plain values, from which the net is built."""

import inspect
import math
from typing import Any, NamedTuple

from ..errors import ArgumentError, explain
from ..layers.activations import Activation
from ..layers.activations import activation as find
from ..layers.containers import Sequential
from ..layers.embedding import EntityEmbedding
from ..layers.mlp import MLP, dense_shapes
from ..tools.checks import is_number, is_whole


class NetPlan(NamedTuple):
    """Dense layers of these sizes; after each but the last come batch normalisation (optional), the
    activation, and dropout (optional). First, each of the last inputs is embedded in a table."""

    sizes: list[int]
    tables: list[tuple[int, int]]  # (count, width)
    activation: str
    options: dict[str, Any]
    dropout: float
    batch_norm: bool

    def check(self, most: float = math.inf) -> None:
        """ArgumentError for a plan that makes no net, or whose activation has an option above
        `most`, which could take much memory."""
        if len(self.sizes) < 2 or not all(is_whole(size, 1) for size in self.sizes):
            raise ArgumentError(explain("net", "sizes from 1 up, two at least", self.sizes))
        if len(self.tables) > self.sizes[0]:
            raise ArgumentError(explain("net", "an input for each table", self.sizes[0]))
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

    @property
    def dense_sizes(self) -> list[int]:
        """The sizes of the dense layers: those of the net, with vectors for the embedded inputs."""
        inputs, *others = self.sizes
        return [inputs + sum(width - 1 for _, width in self.tables), *others]

    def shapes(self) -> list[tuple[int, int]]:
        """The shapes of the tables and of the dense layers' weights."""
        activations = [self.layer() for _ in self.sizes[2:]]
        return [*self.tables, *dense_shapes(self.dense_sizes, activations)]

    def build(self) -> Sequential:
        """The net, with new random weights."""
        first = [EntityEmbedding(*self.tables)] if self.tables else []
        activations = [self.layer() for _ in self.sizes[2:]]
        net = MLP(self.dense_sizes, activations, dropout=self.dropout, batch_norm=self.batch_norm)
        return Sequential(*first, *net) if first else net

    def __str__(self) -> str:
        words = [dashed(self.sizes)]
        words += [self.activation] * (len(self.sizes) > 2)
        words += [f"embedding {count} by {width}" for count, width in self.tables]
        return ", ".join(words)


def dashed(sizes: list[int]) -> str:
    """Sizes as one word.

    >>> dashed([4, 16, 3])
    '4-16-3'
    """
    return "-".join(map(str, sizes))
