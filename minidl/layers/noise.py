"""Gaussian noise: in training, a random number is added to every element."""

import math
from typing import Any

import numpy as np

from .. import _kernels
from ..engine.random import check_words, fresh_seed
from ..engine.tensor import Operation, Tensor, as_tensor, record, require_float
from ..errors import ArgumentError, explain
from ..tools.checks import is_number
from .base import RandomLayer
from .plan import Builder, Value

NANOSECONDS = 3  # for one element

GAUSSIAN_NOISE = Operation("gaussian_noise", x=lambda dy: dy)


def gaussian_noise(
    x: Any, sd: float, training: bool = True, *, seed: int | None = None, step: int = 0
) -> Tensor:
    """y = x + sd n, where every element of n is drawn from the normal distribution N(0, 1).

    x is float32 or float64 of any shape; y is like x. Without `training`, and for sd = 0, the
    result is x itself. The noise of an element depends only on seed, step and position, never on
    the threads; a layer holds a seed and counts its steps. Without a seed, one is drawn from
    minidl's generator, which manual_seed starts. No |n| is above 6.77, as two elements share 64
    random bits; for a true normal number the chance of that is 1e-11.

    The gradient is dx = dy: nothing is kept.

    DTypeError for integers; ArgumentError for an sd that is not a finite number from 0 up, and for
    a seed or step that is not a whole number from 0 to 2^64 - 1.

    >>> import minidl
    >>> gaussian_noise(minidl.tensor([1.0, 1.0, 1.0]), sd=0.1, seed=3).shape
    (3,)

    Box, Muller, "A note on the generation of random normal deviates", Annals of Mathematical
    Statistics 29, 1958. The random numbers: Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", SC 2011.
    """
    x = as_tensor(x, "gaussian_noise")
    require_float("gaussian_noise", x)
    check_deviation("gaussian_noise", sd)
    check_words("gaussian_noise", seed, step)
    if not training or sd == 0:
        return x
    key = fresh_seed() if seed is None else int(seed)
    values = np.ascontiguousarray(x.data).reshape(-1)
    y = np.empty(x.shape, x.dtype)
    threads = _kernels.threads_for(NANOSECONDS * values.size)
    _kernels.noise.gaussian_noise(values, float(sd), y.reshape(-1), key, int(step), threads)
    return record(GAUSSIAN_NOISE, y, (x,))


class GaussianNoise(RandomLayer):
    """In training y = x + sd n with n from the normal distribution N(0, 1); in evaluation y = x.

    x and y have any shape. The noise follows from the layer's seed, drawn when it is made, and from
    how often it was called. Errors as in `functional.gaussian_noise`.

    Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7,
    1995.

    >>> layer = GaussianNoise(0.3)
    >>> layer.eval()(np.ones(2, np.float32))
    tensor([1., 1.])
    """

    def __init__(self, sd: float) -> None:
        check_deviation("GaussianNoise", sd)
        super().__init__()
        self.sd = float(sd)

    def forward(self, x: Any) -> Tensor:
        """x with noise."""
        y = gaussian_noise(x, self.sd, self.training, seed=self.seed, step=self.calls)
        self.calls += self.training
        return y

    def plan(self, builder: Builder, x: Value) -> Value:
        """The noise; backward, dx is dy."""
        check_deviation("GaussianNoise", self.sd)
        builder.once(self)
        if not self.training or self.sd == 0:
            return x
        y = builder.value(
            x.width, x.is_wanted, numbers=x.numbers if x.is_free else None, gradient=x.gradient
        )
        builder.forward(
            "noise", is_live=True, x=x.numbers, y=y.numbers, width=x.width, layer=self, sd=self.sd
        )
        builder.hand_back(y, x)
        builder.cost(row=NANOSECONDS * x.width / 3)  # a step counts as three passes
        return y

    def describe(self) -> str:
        """Its standard deviation."""
        return f"sd={self.sd}"


def check_deviation(operation: str, sd: Any) -> None:
    """ArgumentError unless sd can be a standard deviation."""
    if not (is_number(sd) and 0 <= sd < math.inf):
        raise ArgumentError(explain(operation, "sd to be a finite number from 0 up", f"sd={sd!r}"))
