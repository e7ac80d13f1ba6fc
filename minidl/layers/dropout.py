"""Dropout: in training, each element is switched off with some probability."""

from typing import Any

import numpy as np

from .. import _kernels
from ..engine.random import check_words, fresh_seed
from ..engine.tensor import Operation, Tensor, as_tensor, record, require_float
from ..errors import ArgumentError, explain
from ..tools.checks import declared, is_number
from .base import RandomLayer
from .plan import Builder, Value

NANOSECONDS = 1  # for one element; most of it makes the random number


def dropout(
    x: Any, p: float = 0.5, training: bool = True, *, rescale: bool = True,
    seed: int | None = None, step: int = 0,
) -> Tensor:  # fmt: skip
    """y = 0 with probability p, else x / (1 - p), so that the mean stays x ("inverted" dropout).

    With rescale=False, elements that stay are x itself: their mean in training is then (1 - p) x,
    but x in evaluation, as in Goodfellow et al., "Maxout networks", ICML 2013, for the pixels.

    x is float32 or float64 of any shape; y is like x. Without `training`, and for p = 0, the result
    is x itself; p = 1 gives zeros. Which elements are dropped depends only on seed, step and
    position, never on the threads or the processor; a layer holds a seed and counts its steps.
    Without a seed, one is drawn from minidl's generator, which manual_seed starts. The probability
    is exact to 2^-32. A dropped element is 0 even if it was NaN or infinite.

    The gradient is that of the mask: dx = 0 where y was dropped, else dy / (1 - p). Backward makes
    the mask again from the seed, so nothing is kept.

    DTypeError for integers; ArgumentError for p outside [0, 1], a rescale that is neither True nor
    False, and a seed or step that is not a whole number from 0 to 2^64 - 1.

    >>> import minidl
    >>> dropout(minidl.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), p=0.5, seed=3)
    tensor([ 2.,  0.,  6.,  8.,  0., 12.])
    >>> dropout(minidl.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), p=0.5, rescale=False, seed=3)
    tensor([1., 0., 3., 4., 0., 6.])

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR
    15, 2014. The random numbers: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
    SC 2011.
    """
    x = as_tensor(x, "dropout")
    require_float("dropout", x)
    check_mask("dropout", p, rescale)
    check_words("dropout", seed, step)
    last, scale = mask_numbers(float(p), rescale)
    if not training or last < 0:
        return x
    key = fresh_seed() if seed is None else int(seed)

    return masked(x, key, int(step), last, scale)


@declared
class Dropout(RandomLayer):
    """In training, each element is 0 with probability p, else x / (1 - p); in evaluation, y = x.

    With rescale=False, elements that stay are x instead of x / (1 - p). x and y have any shape.

    The mask follows from the layer's seed and from how often it was called; without a seed, one is
    drawn when the layer is made. Errors as in `functional.dropout`.

    >>> layer = Dropout(0.5, seed=3)
    >>> layer([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).shape
    (6,)
    >>> layer.eval()([1.0, 2.0])
    tensor([1., 2.])

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15, 2014.
    """

    def __init__(self, p: float = 0.5, *, rescale: bool = True, seed: int | None = None) -> None:
        check_mask("Dropout", p, rescale)
        super().__init__(seed)
        self.p, self.rescale = float(p), rescale

    def forward(self, x: Any) -> Tensor:
        """x with some elements dropped."""
        y = dropout(x, self.p, self.training, rescale=self.rescale, seed=self.seed, step=self.calls)
        self.calls += self.training
        return y

    def plan(self, builder: Builder, x: Value) -> Value:
        """The mask; the backward pass makes it again."""
        check_mask("Dropout", self.p, self.rescale)
        last, scale = mask_numbers(self.p, self.rescale)
        builder.once(self)
        if not self.training or last < 0:
            return x
        y = builder.value(x.width, x.is_wanted, gradient=x.gradient)
        mask = {"layer": self, "last": last, "scale": scale, "width": x.width}
        builder.forward("dropout", is_live=True, x=x.numbers, y=y.numbers, **mask)
        if x.is_wanted:
            builder.backward("dropout", is_live=True, x=y.gradient, y=x.gradient, **mask)
        builder.cost(row=NANOSECONDS * x.width)
        return y

    def describe(self) -> str:
        """Its probability, and `rescale` if it is False."""
        return f"p={self.p}" if self.rescale else f"p={self.p}, rescale=False"


DROPOUT = Operation("dropout", x=lambda dy, mask: masked(dy, *mask))


def masked(x: Any, key: int, step: int, last: int, scale: float) -> Any:
    """x, an array or a tensor, with the elements dropped that these numbers determine."""
    array = x.data if isinstance(x, Tensor) else x
    values = np.ascontiguousarray(array).reshape(-1)
    y = np.empty(array.shape, array.dtype)
    threads = _kernels.threads_for(NANOSECONDS * values.size)
    _kernels.dropout.dropout(values, y.reshape(-1), key, step, last, scale, threads)
    if not isinstance(x, Tensor):
        return y
    return record(DROPOUT, y, (x,), {"mask": (key, step, last, scale)})


def mask_numbers(p: float, rescale: bool) -> tuple[int, float]:
    """The largest random word that drops its element, and the factor for the other elements."""
    scale = 1 / (1 - p) if rescale and p < 1 else 1.0
    return round(p * 2**32) - 1, scale


def check_mask(operation: str, p: Any, rescale: Any) -> None:
    """ArgumentError unless p is a probability and rescale is True or False."""
    if not (is_number(p) and 0 <= p <= 1):
        raise ArgumentError(explain(operation, "a probability p from 0 to 1", f"p={p!r}"))
    if not isinstance(rescale, bool):
        raise ArgumentError(explain(operation, "rescale: True or False", f"rescale={rescale!r}"))
