"""The activations: one declaration each.

A class states the formula, the derivative, the slope chosen at every kink (PyTorch's), the limits
at ±inf, what backward keeps, the options and the paper. It is the layer too. See activation.py.
"""

import math
from typing import Any

import numpy as np

from . import _kernels
from .activation import Activation, Rows, quadrature
from .errors import ArgumentError, ShapeError, explain
from .layer import Parameter
from .tensor import Tensor, maximum, minimum, record, where

INF = math.inf
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
LECUN_SCALE = 1.7159


def normal_density(x: Tensor) -> Tensor:
    """phi(x) = e^(-x²/2) / sqrt(2 pi)."""
    return (-0.5 * x * x).exp() / math.sqrt(2 * math.pi)


def normal_cdf(x: Tensor) -> Tensor:
    """Phi(x), by the C library's erfc, one element at a time: the truth, not the fast way."""
    erfc = np.vectorize(math.erfc, otypes=[float])
    values = 0.5 * erfc(-x.data / math.sqrt(2)) if x.size else np.empty(x.shape)
    # Keeps x: the derivative is phi(x).
    return record(
        "normal_cdf", values.astype(x.dtype), (x,),
        lambda dy: (dy * normal_density(x.detach()).data,), keeps=[x],
    )  # fmt: skip


def softplus_formula(x: Tensor) -> Tensor:
    """ln(1 + e^x), written so that nothing overflows."""
    return maximum(x, 0) + (-x.abs()).exp().log1p()


class Identity(Activation):
    """y = x: without a non-linearity a net is one matrix, however deep."""

    name = "identity"
    paper = ""

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return x * 0 + 1

    @staticmethod
    def limits() -> tuple[float, float]:
        return -INF, INF


class Sigmoid(Activation):
    """y = 1 / (1 + e^-x): squashes into (0, 1)."""

    name = "sigmoid"
    paper = "Rumelhart, Hinton & Williams 1986"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return 1 / (1 + (-x).exp())

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return 1 / ((1 + (-x).exp()) * (1 + x.exp()))

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, 1.0


class Tanh(Activation):
    """y = tanh x: squashes into (-1, 1), zero-centred."""

    name = "tanh"
    paper = "LeCun, Bottou, Orr & Müller 1998"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x.tanh()

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return 1 - x.tanh() ** 2

    @staticmethod
    def limits() -> tuple[float, float]:
        return -1.0, 1.0


class LeCunTanh(Activation):
    """y = 1.7159 tanh(2x / 3): maps ±1 to ±1."""

    name = "lecun_tanh"
    paper = "LeCun, Bottou, Orr & Müller 1998"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return LECUN_SCALE * (x * (2 / 3)).tanh()

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return LECUN_SCALE * (2 / 3) * (1 - (x * (2 / 3)).tanh() ** 2)

    @staticmethod
    def limits() -> tuple[float, float]:
        return -LECUN_SCALE, LECUN_SCALE


class ReLU(Activation):
    """y = max(0, x)."""

    name = "relu"
    paper = "Nair & Hinton 2010"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return maximum(x, 0)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where(x > 0, 1.0, x * 0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {0.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class LeakyReLU(Activation):
    """y = x where x > 0, else negative_slope · x."""

    name = "leaky_relu"
    paper = "Maas, Hannun & Ng 2013"
    keeps = "y"
    positive = ("negative_slope",)

    @staticmethod
    def formula(x: Tensor, negative_slope: float = 0.01) -> Tensor:
        return where(x > 0, x, negative_slope * x)

    @staticmethod
    def derivative(x: Tensor, negative_slope: float = 0.01) -> Tensor:
        return where(x > 0, 1.0, x * 0 + negative_slope)

    @staticmethod
    def kinks(negative_slope: float = 0.01) -> dict[float, float]:
        return {0.0: negative_slope}

    @staticmethod
    def limits(negative_slope: float = 0.01) -> tuple[float, float]:
        return -INF, INF


class ReLU6(Activation):
    """y = min(max(0, x), 6)."""

    name = "relu6"
    paper = "Krizhevsky 2010"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x.clip(0, 6)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where((x - 3).abs() < 3, 1.0, x * 0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {0.0: 0.0, 6.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, 6.0


class ELU(Activation):
    """y = x where x > 0, else alpha (e^x - 1)."""

    name = "elu"
    paper = "Clevert, Unterthiner & Hochreiter 2016"
    keeps = "y"
    positive = ("alpha",)

    @staticmethod
    def formula(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, x, alpha * minimum(x, 0).expm1())

    @staticmethod
    def derivative(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, 1.0, alpha * minimum(x, 0).exp())

    @staticmethod
    def kinks(alpha: float = 1.0) -> dict[float, float]:
        return {0.0: alpha}

    @staticmethod
    def limits(alpha: float = 1.0) -> tuple[float, float]:
        return -alpha, INF


class SELU(Activation):
    """y = scale · x where x > 0, else scale · alpha (e^x - 1): keeps mean 0 and variance 1."""

    name = "selu"
    paper = "Klambauer, Unterthiner, Mayr & Hochreiter 2017"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return SELU_SCALE * where(x > 0, x, SELU_ALPHA * minimum(x, 0).expm1())

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return SELU_SCALE * where(x > 0, 1.0, SELU_ALPHA * minimum(x, 0).exp())

    @staticmethod
    def kinks() -> dict[float, float]:
        return {0.0: SELU_SCALE * SELU_ALPHA}

    @staticmethod
    def limits() -> tuple[float, float]:
        return -SELU_SCALE * SELU_ALPHA, INF


class CELU(Activation):
    """y = x where x > 0, else alpha (e^(x / alpha) - 1): an ELU that is smooth for any alpha."""

    name = "celu"
    paper = "Barron 2017"
    keeps = "y"
    positive = ("alpha",)

    @staticmethod
    def formula(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, x, alpha * (minimum(x, 0) / alpha).expm1())

    @staticmethod
    def derivative(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, 1.0, (minimum(x, 0) / alpha).exp())

    @staticmethod
    def limits(alpha: float = 1.0) -> tuple[float, float]:
        return -alpha, INF


class GELU(Activation):
    """y = x Phi(x), Phi the normal distribution; or its approximation by tanh."""

    name = "gelu"
    paper = "Hendrycks & Gimpel 2016"

    @staticmethod
    def formula(x: Tensor, approximate: bool = False) -> Tensor:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return x / (1 + (-2 * inner).exp()) if approximate else x * normal_cdf(x)

    @staticmethod
    def derivative(x: Tensor, approximate: bool = False) -> Tensor:
        if not approximate:
            return normal_cdf(x) + x * normal_density(x)
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        s = Sigmoid.formula(2 * inner)
        return s + x * Sigmoid.derivative(2 * inner) * 2 * slope

    @staticmethod
    def limits(approximate: bool = False) -> tuple[float, float]:
        return 0.0, INF


class SiLU(Activation):
    """y = x sigmoid(x), also called swish."""

    name = "silu"
    paper = "Elfwing, Uchibe & Doya 2018"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x * Sigmoid.formula(x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return Sigmoid.formula(x) + x * Sigmoid.derivative(x)

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class Mish(Activation):
    """y = x tanh(ln(1 + e^x))."""

    name = "mish"
    paper = "Misra 2019"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x * softplus_formula(x).tanh()

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        t = softplus_formula(x).tanh()
        return t + x * Sigmoid.formula(x) * (1 - t * t)

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class Softplus(Activation):
    """y = ln(1 + e^x): a smooth ReLU."""

    name = "softplus"
    paper = "Dugas, Bengio, Bélisle, Nadeau & Garcia 2001"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return softplus_formula(x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return Sigmoid.formula(x)

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class Softsign(Activation):
    """y = x / (1 + |x|): approaches ±1 slowly."""

    name = "softsign"
    paper = "Bergstra, Desjardins, Lamblin & Bengio 2009"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x / (1 + x.abs())

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return 1 / (1 + x.abs()) ** 2

    @staticmethod
    def limits() -> tuple[float, float]:
        return -1.0, 1.0


class HardSigmoid(Activation):
    """y = min(max(0, x + 3), 6) / 6."""

    name = "hard_sigmoid"
    paper = "Howard et al. 2019"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return (x + 3).clip(0, 6) / 6

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where(x.abs() < 3, 1 / 6, x * 0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {-3.0: 0.0, 3.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, 1.0


class HardTanh(Activation):
    """y = min(max(-1, x), 1)."""

    name = "hard_tanh"
    paper = "Collobert 2004"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x.clip(-1, 1)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where(x.abs() < 1, 1.0, x * 0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {-1.0: 0.0, 1.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return -1.0, 1.0


class LogSigmoid(Activation):
    """y = ln sigmoid(x) = -ln(1 + e^-x)."""

    name = "log_sigmoid"
    paper = ""
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return -softplus_formula(-x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return Sigmoid.formula(-x)

    @staticmethod
    def limits() -> tuple[float, float]:
        return -INF, 0.0


class PReLU(Activation):
    """y = x where x > 0, else weight · x: the slope is learned, one per unit or one per layer."""

    name = "prelu"
    paper = "He, Zhang, Ren & Sun 2015"
    learned = ("weight",)

    def __init__(self, units: int = 1, init: float = 0.25) -> None:
        if isinstance(units, bool) or not isinstance(units, (int, np.integer)) or units < 1:
            raise ArgumentError(explain("prelu", "units: a whole number from 1 up", repr(units)))
        self.options = self.bind()
        # Weight decay would pull the slope to 0, which is ReLU (He et al. 2015, section 2.1).
        self.weight = Parameter(np.full(units, init, np.float32), decays=False)

    def describe(self) -> str:
        """The number of slopes, if it is not one."""
        return f"units={self.weight.size}" if self.weight.size > 1 else ""

    @staticmethod
    def formula(x: Tensor, weight: Tensor) -> Tensor:
        return where(x > 0, x, weight * x)

    @staticmethod
    def derivative(x: Tensor, weight: Tensor) -> Tensor:
        return where(x > 0, 1.0, x * 0 + weight)

    @staticmethod
    def kinks(weight: float = 0.25) -> dict[float, float]:
        return {0.0: weight}

    @staticmethod
    def limits(weight: float = 0.25) -> tuple[float, float]:
        return -INF * weight, INF

    @classmethod
    def rows(cls, shape: tuple[int, ...], options: dict[str, Any]) -> Rows:
        units = shape[-1] if shape else 1
        return Rows(units, units, shape)

    @classmethod
    def slopes(cls, learned: tuple[Tensor, ...], units: int, dtype: np.dtype) -> np.ndarray:
        (weight,) = learned
        if weight.ndim != 1 or weight.size not in (1, units):
            raise ShapeError(
                explain("prelu", f"a weight of shape (1,) or ({units},)", weight.shape)
            )
        return np.ascontiguousarray(np.broadcast_to(weight.data.astype(dtype, copy=False), units))

    @classmethod
    def learned_gradients(
        cls, x: np.ndarray, dy: np.ndarray, learned: tuple[Tensor, ...]
    ) -> list[np.ndarray]:
        (weight,) = learned
        per_unit = np.empty(x.shape[1], x.dtype)
        _kernels.prelu.slope_gradient(x, dy, per_unit, _kernels.threads_for(2 * x.size))
        return [per_unit if weight.size == x.shape[1] else per_unit.sum(keepdims=True)]

    @classmethod
    def second_moment(cls, weight: float = 0.25) -> float:
        """(1 + weight²) / 2: half of the normal distribution on either side."""
        return (1 + weight * weight) / 2


class Maxout(Activation):
    """y_u = max over p of x_up: the largest of each unit's pieces, (batch, units · pieces) to
    (batch, units); unit u's pieces are columns u · pieces up to (u + 1) · pieces - 1. A tie goes
    to the first piece."""

    name = "maxout"
    paper = "Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013"

    @staticmethod
    def formula(x: Tensor, pieces: int = 2) -> Tensor:
        rows = x.reshape(-1, pieces)
        winners = rows[np.arange(len(rows)), rows.argmax(1)]
        return winners.reshape(*x.shape[:-1], x.shape[-1] // pieces)

    @staticmethod
    def derivative(x: Tensor, pieces: int = 2) -> Tensor:
        rows = x.reshape(-1, pieces)
        return Tensor(np.eye(pieces)[rows.argmax(1).data].reshape(x.shape))

    @staticmethod
    def limits(pieces: int = 2) -> tuple[float, float]:
        return -INF, INF

    @classmethod
    def check_options(cls, **options: Any) -> None:
        pieces = options["pieces"]
        if isinstance(pieces, bool) or not isinstance(pieces, (int, np.integer)) or pieces < 1:
            raise ArgumentError(explain("maxout", "pieces: a whole number from 1 up", repr(pieces)))

    @classmethod
    def inputs_per_unit(cls, options: dict[str, Any]) -> int:
        return int(options["pieces"])

    @classmethod
    def rows(cls, shape: tuple[int, ...], options: dict[str, Any]) -> Rows:
        pieces = options["pieces"]
        if not shape or shape[-1] % pieces:
            raise ShapeError(
                explain(
                    "maxout",
                    f"a last axis of units · {pieces} pieces",
                    shape,
                    f"a Dense layer with out_features = units * {pieces} before it",
                )
            )
        units = shape[-1] // pieces
        return Rows(shape[-1], units, (*shape[:-1], units))

    @classmethod
    def second_moment(cls, pieces: int = 2) -> float:
        """E of the square of the largest of `pieces` normal numbers, whose density is
        pieces · phi(z) · Phi(z)^(pieces - 1)."""
        z, weights = quadrature(np.linspace(-12, 12, 49))
        x = Tensor(z)
        density = pieces * normal_density(x) * normal_cdf(x) ** (pieces - 1)
        return float(np.sum(weights * z * z * density.data))
