"""`MLP`: a net of dense layers, from its sizes and the activation's name."""

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, explain
from ..tools.checks import check_size
from .activations import Activation
from .activations import activation as find
from .base import Layer
from .containers import Sequential
from .dense import Dense
from .dropout import Dropout
from .init import Initializer

AnyActivation = str | type[Activation]


class MLP(Sequential):
    """Dense layers of these sizes with the activation between them; the last has none.

    A net of two layers, W2 max(0, W1 x), is MLP([784, 128, 10], "relu"). `activation` is a name,
    a class, or a list with one for each hidden layer; further arguments are its options. Maxout's
    Dense layers have `pieces` times the units. `dropout` follows every activation.

    >>> MLP([784, 128, 10], "maxout", pieces=3)
    MLP(
      (0): Dense(784, 384)
      (1): Maxout(pieces=3)
      (2): Dense(128, 10)
    )
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: AnyActivation | Sequence[AnyActivation] = "relu",
        *,
        dropout: float = 0.0,
        bias: bool = True,
        init: str | Initializer | None = None,
        **options: Any,
    ) -> None:
        sizes = list(sizes)
        if len(sizes) < 2:
            raise ArgumentError(
                explain("MLP", "at least the sizes of input and output", sizes, "[784, 128, 10]")
            )
        for size in sizes:
            check_size("MLP", "sizes", size)
        single = isinstance(activation, str) or not isinstance(activation, Sequence)
        kinds = [activation] * (len(sizes) - 2) if single else list(activation)  # type: ignore[arg-type]
        if len(kinds) != len(sizes) - 2:
            raise ArgumentError(
                explain("MLP", f"{len(sizes) - 2} activations, one per hidden layer", len(kinds))
            )
        layers: list[Layer] = []
        for fan_in, units, kind in zip(sizes, sizes[1:], kinds, strict=False):
            layer = find(kind)(**options)  # type: ignore[arg-type]
            inputs = layer.inputs_per_unit(layer.options)
            layers += [Dense(fan_in, units * inputs, bias, init=init), layer]
            if dropout:
                layers.append(Dropout(dropout))
        super().__init__(*layers, Dense(sizes[-2], sizes[-1], bias, init=init))
