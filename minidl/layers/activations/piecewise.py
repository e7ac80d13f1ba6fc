"""The activations made of pieces: declarations. Their kernels are in piecewise.pxd."""

from ...engine.tensor import Tensor, maximum, minimum, where
from ..plan import Builder, Value
from .declaration import INF, Activation
from .formulas import flat

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class Identity(Activation):
    """y = x: without a non-linearity a net is one matrix, however deep.

    dy/dx = 1. x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.identity([-1.0, 2.0])
    tensor([-1.,  2.])
    """

    name = "identity"
    paper = ""
    nanoseconds = 0.3

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x

    def plan(self, builder: Builder, x: Value) -> Value:
        """No instruction; a subclass with its own formula is planned as usual."""
        return x if self.is_as_declared() else super().plan(builder, x)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return x**0

    @staticmethod
    def limits() -> tuple[float, float]:
        return -INF, INF


class ReLU(Activation):
    """y = max(0, x).

    dy/dx = 1 where x > 0, else 0, also at the kink x = 0. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.relu([-1.0, 0.0, 2.0])
    tensor([0., 0., 2.])

    Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    name = "relu"
    paper = "Nair & Hinton 2010"
    nanoseconds = 0.3
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return maximum(x, 0)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where(x <= 0, flat(x), 1.0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {0.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF


class LeakyReLU(Activation):
    """y = x where x > 0, else negative_slope · x.

    dy/dx = 1 where x > 0, else negative_slope, also at the kink x = 0. x has any shape and dtype
    float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.leaky_relu([-1.0, 0.0, 2.0], negative_slope=0.25)
    tensor([-0.25,  0.  ,  2.  ])

    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """

    name = "leaky_relu"
    paper = "Maas, Hannun & Ng 2013"
    nanoseconds = 0.3
    keeps = "y"
    positive = ("negative_slope",)

    @staticmethod
    def formula(x: Tensor, negative_slope: float = 0.01) -> Tensor:
        return where(x <= 0, negative_slope * x, x)

    @staticmethod
    def derivative(x: Tensor, negative_slope: float = 0.01) -> Tensor:
        return where(x <= 0, flat(x) + negative_slope, 1.0)

    @staticmethod
    def kinks(negative_slope: float = 0.01) -> dict[float, float]:
        return {0.0: negative_slope}

    @staticmethod
    def limits(negative_slope: float = 0.01) -> tuple[float, float]:
        return -INF, INF


class ReLU6(Activation):
    """y = min(max(0, x), 6).

    dy/dx = 1 where 0 < x < 6, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.relu6([-1.0, 2.0, 7.0])
    tensor([0., 2., 6.])

    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """

    name = "relu6"
    paper = "Krizhevsky 2010"
    nanoseconds = 0.3
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x.clip(0, 6)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where((x <= 0) | (x >= 6), flat(x), 1.0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {0.0: 0.0, 6.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, 6.0


class HardTanh(Activation):
    """y = min(max(-1, x), 1).

    dy/dx = 1 where -1 < x < 1, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.hard_tanh([-2.0, 0.5, 2.0])
    tensor([-1. ,  0.5,  1. ])

    Collobert, "Large scale machine learning", PhD thesis, Université Paris VI, 2004.
    """

    name = "hard_tanh"
    paper = "Collobert 2004"
    nanoseconds = 0.3
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return x.clip(-1, 1)

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where(x.abs() >= 1, flat(x), 1.0)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {-1.0: 0.0, 1.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return -1.0, 1.0


class HardSigmoid(Activation):
    """y = min(max(0, x + 3), 6) / 6.

    dy/dx = 1/6 where -3 < x < 3, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.hard_sigmoid([-4.0, 0.0, 4.0])
    tensor([0. , 0.5, 1. ])

    Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

    name = "hard_sigmoid"
    paper = "Howard et al. 2019"
    nanoseconds = 0.3

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return (x + 3).clip(0, 6) / 6

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return where(x.abs() >= 3, flat(x), 1 / 6)

    @staticmethod
    def kinks() -> dict[float, float]:
        return {-3.0: 0.0, 3.0: 0.0}

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, 1.0


class ELU(Activation):
    """y = x where x > 0, else alpha (e^x - 1).

    dy/dx = 1 where x > 0, else alpha e^x = y + alpha; alpha at x = 0, a kink unless alpha is 1. x
    has any shape and dtype float32 or float64; y is like x. ArgumentError unless alpha > 0.

    >>> from minidl import functional as F
    >>> F.elu([-100.0, 0.0, 2.0])
    tensor([-1.,  0.,  2.])

    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear
    units (ELUs)", ICLR 2016.
    """

    name = "elu"
    paper = "Clevert, Unterthiner & Hochreiter 2016"
    keeps = "y"
    positive = ("alpha",)

    @staticmethod
    def formula(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, x, alpha * minimum(x, 0).expm1())

    @staticmethod
    def derivative(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, 1.0, alpha * x.clip(high=0).exp())

    @staticmethod
    def kinks(alpha: float = 1.0) -> dict[float, float]:
        return {0.0: alpha}

    @staticmethod
    def limits(alpha: float = 1.0) -> tuple[float, float]:
        return -alpha, INF


class SELU(Activation):
    """y = scale · x where x > 0, else scale · alpha (e^x - 1): keeps mean 0 and variance 1.

    scale = 1.0507... and alpha = 1.6732... make mean 0 and variance 1 a fixed point, for weights of
    mean 0 and variance 1 / fan_in. dy/dx = scale where x > 0, else scale · alpha e^x, also at the
    kink x = 0. x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.selu([-100.0, 0.0, 1.0]).round(3)
    tensor([-1.758,  0.   ,  1.051])

    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.
    """

    name = "selu"
    paper = "Klambauer, Unterthiner, Mayr & Hochreiter 2017"
    keeps = "y"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return SELU_SCALE * where(x > 0, x, SELU_ALPHA * minimum(x, 0).expm1())

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return SELU_SCALE * where(x > 0, 1.0, SELU_ALPHA * x.clip(high=0).exp())

    @staticmethod
    def kinks() -> dict[float, float]:
        return {0.0: SELU_SCALE * SELU_ALPHA}

    @staticmethod
    def limits() -> tuple[float, float]:
        return -SELU_SCALE * SELU_ALPHA, INF


class CELU(Activation):
    """y = x where x > 0, else alpha (e^(x / alpha) - 1): an ELU that is smooth for any alpha.

    dy/dx = 1 where x > 0, else e^(x / alpha). x has any shape and dtype float32 or float64; y is
    like x. ArgumentError unless alpha > 0.

    >>> from minidl import functional as F
    >>> F.celu([-100.0, 0.0, 2.0], alpha=0.5)
    tensor([-0.5,  0. ,  2. ])

    Barron, "Continuously differentiable exponential linear units", 2017.
    """

    name = "celu"
    paper = "Barron 2017"
    keeps = "y"
    positive = ("alpha",)

    @staticmethod
    def formula(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, x, alpha * (minimum(x, 0) / alpha).expm1())

    @staticmethod
    def derivative(x: Tensor, alpha: float = 1.0) -> Tensor:
        return where(x > 0, 1.0, (x.clip(high=0) / alpha).exp())

    @staticmethod
    def limits(alpha: float = 1.0) -> tuple[float, float]:
        return -alpha, INF
