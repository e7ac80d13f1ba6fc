"""`MLP`: a net of dense layers, made from its sizes and the activation's name."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from ..errors import ArgumentError, explain
from ..tools.checks import check_size
from .activations import Activation
from .activations import activation as find
from .base import Layer
from .batch_norm import BatchNorm
from .containers import Sequential
from .dense import Dense
from .dropout import Dropout
from .init import Initializer

AnyActivation = str | type[Activation]


def dense_shapes(sizes: Sequence[int], activations: Sequence[Activation]) -> list[tuple[int, int]]:
    """The shapes of the dense layers' weights in a net of these sizes.

    >>> from minidl import nn
    >>> dense_shapes([784, 128, 10], [nn.Maxout(3)])
    [(784, 384), (128, 10)]
    """
    *hidden, last = pairwise(sizes)
    pairs = zip(hidden, activations, strict=True)
    return [*((n, units * f.inputs_per_unit(f.options)) for (n, units), f in pairs), last]


def alternating(
    sizes: Sequence[int],
    activations: Sequence[Activation],
    hidden: Callable[[int, int], Dense],
    last: Callable[[int, int], Dense],
    norm: Callable[[int], Layer] | None,
    dropout: Callable[[], Layer] | None,
) -> Iterator[Layer]:
    """The layers of a dense net: hidden(fan_in, columns), norm(columns), the activation and
    dropout() for each activation; then last(fan_in, units)."""
    *shapes, last_shape = dense_shapes(sizes, activations)
    for (fan_in, columns), activation in zip(shapes, activations, strict=True):
        yield hidden(fan_in, columns)
        if norm is not None:
            yield norm(columns)
        yield activation
        if dropout is not None:
            yield dropout()
    yield last(*last_shape)


def made(kind: Any, options: dict[str, Any]) -> Activation:
    """An activation with these options, from its name or class; or `kind` itself if it is one."""
    if not isinstance(kind, Activation):
        return find(kind)(**options)
    if options:
        expected = "no options beside an activation that has its own"
        raise ArgumentError(explain("MLP", expected, ", ".join(options)))
    return kind


class MLP(Sequential):
    """Dense layers of these sizes with the activation between them; the last layer has none.

    A net of two layers, W2 max(0, W1 x), is MLP([784, 128, 10], "relu"). It takes x (batch, 784)
    and returns the logits (batch, 10).

    - activation: a name or a class; or a list of these or of layers, one for each hidden layer.
      Further arguments are its options. Maxout's Dense layers have `pieces` times the units.
    - batch_norm: a BatchNorm before every activation. The Dense before it then has no bias, which
      the mean would cancel.
    - dropout: a probability; a Dropout follows every activation.

    ArgumentError for fewer than two sizes and for a wrong number of activations.

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
        activation: AnyActivation | Sequence[AnyActivation | Activation] = "relu",
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
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
        if isinstance(activation, str) or not isinstance(activation, Sequence):
            kinds: list[Any] = [find(activation)] * (len(sizes) - 2)
        else:
            kinds = list(activation)
        if len(kinds) != len(sizes) - 2:
            raise ArgumentError(
                explain("MLP", f"{len(sizes) - 2} activations, one per hidden layer", len(kinds))
            )
        layers = alternating(
            sizes,
            [made(kind, options) for kind in kinds],
            hidden=partial(Dense, bias=bias and not batch_norm, init=init),
            last=partial(Dense, bias=bias, init=init),
            norm=BatchNorm if batch_norm else None,
            dropout=partial(Dropout, dropout) if dropout else None,
        )
        super().__init__(*layers)
