"""The smooth activations: declarations. Their kernels are in smooth.pxd."""

import math

from ...engine.tensor import Tensor
from .declaration import INF, Activation
from .formulas import near, normal_cdf, normal_density, softplus

LECUN_SCALE = 1.7159


class Sigmoid(Activation):
    """y = 1 / (1 + e^-x): squashes into (0, 1).

    dy/dx = y (1 - y), at most 1/4: it saturates on both sides. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.sigmoid([-2.0, 0.0, 2.0]).round(3)
    tensor([0.119, 0.5  , 0.881])

    Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323,
    1986.
    """

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
    """y = tanh x: squashes into (-1, 1), zero-centred.

    dy/dx = 1 - y², at most 1: it saturates on both sides. tanh x = 2 sigmoid(2 x) - 1. x has any
    shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.tanh([-100.0, 0.0, 100.0])
    tensor([-1.,  0.,  1.])

    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998, section 4.4.
    """

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
    """y = 1.7159 tanh(2x / 3): maps ±1 to ±1.

    dy/dx = 1.7159 · 2/3 · (1 - tanh²(2x / 3)). x has any shape and dtype float32 or float64; y is
    like x.

    >>> from minidl import functional as F
    >>> F.lecun_tanh([-1.0, 0.0, 1.0]).round(3)
    tensor([-1.,  0.,  1.])

    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998, section 4.4.
    """

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
    """y = x / (1 + |x|): approaches ±1 slowly.

    dy/dx = 1 / (1 + |x|)² = (1 - |y|)². x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.softsign([-1.0, 0.0, 3.0])
    tensor([-0.5 ,  0.  ,  0.75])

    Bergstra, Desjardins, Lamblin, Bengio, "Quadratic polynomials learn better image features",
    Université de Montréal, technical report 1337, 2009.
    """

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
    """y = ln(1 + e^x): a smooth ReLU.

    dy/dx = sigmoid(x). x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.softplus([-2.0, 0.0, 2.0]).round(3)
    tensor([0.127, 0.693, 2.127])

    Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000.
    """

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
    """y = ln sigmoid(x) = -ln(1 + e^-x).

    dy/dx = sigmoid(-x). x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.log_sigmoid([-2.0, 0.0, 2.0]).round(3)
    tensor([-2.127, -0.693, -0.127])
    """

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
    """y = x sigmoid(x), also called swish.

    dy/dx = s + x s (1 - s) with s = sigmoid(x). x has any shape and dtype float32 or float64; y is
    like x.

    >>> from minidl import functional as F
    >>> F.silu([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.269,  0.   ,  0.731])

    Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", Neural Networks 107, 2018.
    """

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
    """y = x tanh(ln(1 + e^x)).

    dy/dx = t + x sigmoid(x) (1 - t²) with t = tanh(ln(1 + e^x)). x has any shape and dtype float32
    or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.mish([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.303,  0.   ,  0.865])

    Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    """

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
    """y = x Phi(x), Phi the normal distribution; or its approximation by tanh.

        dy/dx = Phi(x) + x phi(x)                                    phi the normal density
        approximate:  y = x / 2 · (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³)))

    x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.gelu([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.159,  0.   ,  0.841])

    Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016.
    """

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
