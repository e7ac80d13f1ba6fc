"""The layers that nets are made of: Dense, BatchNorm, Dropout, GaussianNoise, Bias, Sequential."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import Any, ClassVar

import numpy as np

from . import init as initial
from .activations import Activation
from .checks import declared, is_whole, runs_as
from .dense import dense
from .dropout import check_mask, dropout
from .errors import ArgumentError, DTypeError, ShapeError, explain
from .layer import Layer, Parameter, RandomLayer, parts
from .noise import check_deviation, gaussian_noise
from .normalization import batch_norm, check_options
from .tensor import Tensor, as_tensor


def check_size(operation: str, name: str, value: Any) -> int:
    """`value` as an int; ArgumentError unless it is a whole number from 1 up."""
    if not is_whole(value, 1):
        raise ArgumentError(explain(operation, f"{name}: a whole number from 1 up", repr(value)))
    return int(value)


@declared
class Dense(Layer):
    """y = x · W + b: every output sees every input. x (..., in), W (in, out), y (..., out).

    `weight` (in_features, out_features) is drawn by `init`, the name of a function in minidl.init
    or such a function; `bias` starts at 0. By default the weights are normal with variance
    gain² / in_features, where the gain is that of the activation after the layer: `Sequential`
    sets it (He et al. 2015 for ReLU), and on its own it is 1.

    >>> Dense(784, 128)
    Dense(784, 128)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str | initial.Initializer | None = None,
    ) -> None:
        shape = (
            check_size("Dense", "in_features", in_features),
            check_size("Dense", "out_features", out_features),
        )
        draw = initial.initializer("lecun_normal" if init is None else init)
        self.weight = Parameter(np.asarray(draw(shape), dtype=np.float32))
        self.bias = Parameter(np.zeros(shape[1], np.float32)) if bias else None
        self.gain = 1.0 if init is None else None  # None: the weights are as the user wants them

    def forward(self, x: Any, activation: Activation | None = None) -> Tensor:
        """x · W + b, and the activation's function of it in the same kernel call."""
        return dense(x, self.weight, self.bias, activation)

    def scale_for(self, activation: Activation) -> None:
        """Gives fresh default weights the gain of the activation that follows."""
        if self.gain is not None and self.weight._memory.writes == 0:
            gain = initial.gain(activation)
            self.weight.data[...] *= gain / self.gain
            self.gain = gain

    def describe(self) -> str:
        """Its sizes."""
        rows, columns = self.weight.shape
        return f"{rows}, {columns}" + ("" if self.bias is not None else ", bias=False")


class Bias(Layer):
    """y = x + b: x and y (..., units), `bias` (units,), which starts at 0.

    For where no other layer can add it, such as after noise: in a ladder network's encoder
    (Rasmus et al. 2015) ReLU(noise(batch norm(W x)) + b) is

    >>> from minidl import nn
    >>> net = nn.Sequential(
    ...     nn.Dense(784, 100, bias=False),
    ...     nn.BatchNorm(100, affine=False),
    ...     nn.GaussianNoise(0.3),
    ...     nn.Bias(100),
    ...     nn.ReLU(),
    ... )
    >>> net(np.zeros((2, 784), np.float32)).shape
    (2, 100)
    """

    def __init__(self, units: int) -> None:
        self.bias = Parameter(np.zeros(check_size("Bias", "units", units), np.float32))

    def forward(self, x: Any) -> Tensor:
        """x + b."""
        x = as_tensor(x, "Bias", like=self.bias)
        (units,) = self.bias.shape
        if x.shape[-1:] != (units,):
            raise ShapeError(explain("Bias", f"x of shape (batch, {units})", x.shape))
        if x.dtype != self.bias.dtype:
            hint = f"x.astype('{self.bias.dtype}'), or layer.astype('{x.dtype}')"
            raise DTypeError(explain("Bias", f"x of dtype {self.bias.dtype}", x.dtype, hint))
        return x + self.bias

    def describe(self) -> str:
        """Its size."""
        return f"{self.bias.size}"


class BatchNorm(Layer):
    """y = weight (x - mean) / sqrt(var + eps) + bias, unit by unit; x and y (batch, units).

    In training mean and var are the batch's (of 2 rows or more), in evaluation `running_mean` and
    `running_var`, which training moves towards those of each batch by the share `momentum`; None
    makes them the plain average over all batches. `num_batches_tracked` counts these. The three are
    buffers, saved with the parameters. All is as in PyTorch's BatchNorm1d: the running variance is
    the unbiased one, `weight` starts at 1 and `bias` at 0, weight decay reaches both, and without
    `affine` there is neither.

    Ioffe & Szegedy 2015.

    >>> layer = BatchNorm(2)
    >>> layer(np.array([[1, 10], [3, 10]], np.float32)).data.round(3)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> layer.running_mean
    array([0.2, 1. ], dtype=float32)
    """

    buffer_names: ClassVar = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(
        self, units: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True
    ) -> None:
        size = check_size("BatchNorm", "units", units)
        check_options("BatchNorm", 0 if momentum is None else momentum, eps)
        self.eps, self.momentum = eps, momentum
        self.weight = Parameter(np.ones(size, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(size, np.float32)) if affine else None
        self.running_mean = np.zeros(size, np.float32)
        self.running_var = np.ones(size, np.float32)
        self.num_batches_tracked = np.zeros((), np.int64)

    def forward(self, x: Any) -> Tensor:
        """x normalised; in training the running values go on."""
        seen = int(self.num_batches_tracked) + self.training
        momentum = 1 / max(seen, 1) if self.momentum is None else self.momentum
        y = batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
            momentum, self.eps,
        )  # fmt: skip
        self.num_batches_tracked[...] = seen
        return y

    def describe(self) -> str:
        """Its size, and the options."""
        options = f"eps={self.eps}, momentum={self.momentum}, affine={self.weight is not None}"
        return f"{self.running_mean.size}, {options}"


@declared
class Dropout(RandomLayer):
    """In training each element is 0 with probability p, else x / (1 - p); in evaluation y = x.
    With rescale=False it is x instead of x / (1 - p).

    The mask follows from the layer's seed and the count of its calls; without a seed one is drawn
    when the layer is made. Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014.
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

    def describe(self) -> str:
        """Its probability, and whether what is kept is not scaled."""
        return f"p={self.p}" if self.rescale else f"p={self.p}, rescale=False"


class GaussianNoise(RandomLayer):
    """In training y = x + sd n with n from the normal distribution N(0, 1); in evaluation y = x.

    The noise follows from the layer's seed, drawn when it is made, and the count of its calls.
    Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

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

    def describe(self) -> str:
        """Its standard deviation."""
        return f"sd={self.sd}"


@declared
class Sequential(Layer):
    """One layer after the other. A Dense and the activation after it run as one kernel call.

    >>> from minidl import nn
    >>> net = Sequential(nn.Dense(784, 128), nn.ReLU(), nn.Dense(128, 10))
    >>> net(np.zeros((2, 784), np.float32)).shape
    (2, 10)
    """

    def __init__(self, *layers: Layer) -> None:
        given: Sequence[Any] = layers
        for i, layer in enumerate(given):
            if not isinstance(layer, Layer):
                hint = (
                    "ReLU() with brackets" if isinstance(layer, type) else "nn.ReLU() and the like"
                )
                raise ArgumentError(
                    explain(f"Sequential: argument {i}", "a layer", repr(layer), hint)
                )
        self._layers = layers
        self._stages = list(stages(layers))
        for first, second in pairwise(layers):
            if isinstance(first, Dense) and isinstance(second, Activation):
                first.scale_for(second)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers; to change them, make a new Sequential of them."""
        return self._layers

    def held(self) -> Iterator[tuple[str, Any]]:
        """The layers, named by their position, and what a subclass holds beside them."""
        others = {k: v for k, v in vars(self).items() if k not in ("_layers", "_stages")}
        return parts({str(i): layer for i, layer in enumerate(self._layers)} | others, set())

    def forward(self, x: Any) -> Tensor:
        """The last layer's output. An array becomes a tensor, so that a layer of one's own can use
        a tensor's methods wherever it stands."""
        x = as_tensor(x, "Sequential") if isinstance(x, np.ndarray) else x
        for layer, activation in self._stages:
            if activation is None:
                x = layer(x)
            elif is_own(layer, Dense) and is_own(activation, Activation):
                x = layer.forward(x, activation)
            else:
                x = activation(layer(x))
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        return self.layers[index]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)


def stages(layers: Sequence[Layer]) -> Iterator[tuple[Any, Activation | None]]:
    """Each layer, a Dense together with the activation after it."""
    paired = None
    for layer, following in zip_longest(layers, layers[1:]):
        if layer is paired:
            paired = None
        elif isinstance(layer, Dense) and isinstance(following, Activation):
            paired = following
            yield layer, following
        else:
            yield layer, None


def is_own(layer: Layer, kind: type[Layer]) -> bool:
    """Whether calling the layer does what `kind` does, so that a kernel may do it."""
    return runs_as(layer, kind, "forward", "__call__")
