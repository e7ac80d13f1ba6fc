"""The smooth activations: declarations. Their kernels are in smooth.pxd."""

import math

from ...engine.tensor import Tensor
from .declaration import INF, Activation
from .formulas import near, normal_cdf, normal_density, softplus

LECUN_SCALE = 1.7159


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
        return Sigmoid.function(x) * Sigmoid.function(-x)

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
    nanoseconds = 2
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


class Softsign(Activation):
    """y = x / (1 + |x|): approaches ±1 slowly."""

    name = "softsign"
    paper = "Bergstra, Desjardins, Lamblin & Bengio 2009"
    nanoseconds = 0.3
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x / (1 + x.abs())

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return (1 / (1 + x.abs())) ** 2

    @staticmethod
    def limits() -> tuple[float, float]:
        return -1.0, 1.0


class Softplus(Activation):
    """y = ln(1 + e^x): a smooth ReLU."""

    name = "softplus"
    paper = "Dugas, Bengio, Bélisle, Nadeau & Garcia 2001"
    nanoseconds = 1.5
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return softplus(x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return Sigmoid.function(x)

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class LogSigmoid(Activation):
    """y = ln sigmoid(x) = -ln(1 + e^-x)."""

    name = "log_sigmoid"
    paper = ""
    nanoseconds = 1.5
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return -softplus(-x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return Sigmoid.function(-x)

    @staticmethod
    def limits() -> tuple[float, float]:
        return -INF, 0.0


class SiLU(Activation):
    """y = x sigmoid(x), also called swish."""

    name = "silu"
    paper = "Elfwing, Uchibe & Doya 2018"
    nanoseconds = 1.5

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x * Sigmoid.formula(x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return Sigmoid.function(x) + near(x) * Sigmoid.derivative(x)

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class Mish(Activation):
    """y = x tanh(ln(1 + e^x))."""

    name = "mish"
    paper = "Misra 2019"
    nanoseconds = 2

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x * softplus(x).tanh()

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        t = Softplus.function(x).tanh()
        return t + near(x) * Sigmoid.function(x) * (1 - t * t)

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class GELU(Activation):
    """y = x Phi(x), Phi the normal distribution; or its approximation by tanh."""

    name = "gelu"
    paper = "Hendrycks & Gimpel 2016"
    nanoseconds = 3

    @staticmethod
    def formula(x: Tensor, approximate: bool = False) -> Tensor:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return x / (1 + (-2 * inner).exp()) if approximate else x * normal_cdf(x)

    @staticmethod
    def derivative(x: Tensor, approximate: bool = False) -> Tensor:
        x = near(x)
        if not approximate:
            return normal_cdf(x) + x * normal_density(x)
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
        s = Sigmoid.function(2 * inner)
        return s + x * Sigmoid.derivative(2 * inner) * 2 * slope

    @staticmethod
    def limits(approximate: bool = False) -> tuple[float, float]:
        return 0.0, INF
