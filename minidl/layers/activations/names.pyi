"""What names.py makes of the registry: `python -m minidl.layers.activations.stub` prints this."""

from typing import Any

from ...engine.tensor import Tensor
from .declaration import Activation
from .prelu import PReLU as PReLU

class Identity(Activation):
    """y = x: without a non-linearity a net is one matrix, however deep.

    dy/dx = 1. x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.identity([-1.0, 2.0])
    tensor([-1.,  2.])
    """

    def __init__(self) -> None: ...

class ReLU(Activation):
    """y = max(0, x).

    dy/dx = 1 where x > 0, else 0, also at the kink x = 0. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.relu([-1.0, 0.0, 2.0])
    tensor([0., 0., 2.])

    Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

    def __init__(self) -> None: ...

class LeakyReLU(Activation):
    """y = x where x > 0, else negative_slope · x.

    dy/dx = 1 where x > 0, else negative_slope, also at the kink x = 0. x has any shape and dtype
    float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.leaky_relu([-1.0, 0.0, 2.0], negative_slope=0.25)
    tensor([-0.25,  0.  ,  2.  ])

    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """

    def __init__(self, negative_slope: float = 0.01) -> None: ...

class ReLU6(Activation):
    """y = min(max(0, x), 6).

    dy/dx = 1 where 0 < x < 6, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.relu6([-1.0, 2.0, 7.0])
    tensor([0., 2., 6.])

    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """

    def __init__(self) -> None: ...

class HardTanh(Activation):
    """y = min(max(-1, x), 1).

    dy/dx = 1 where -1 < x < 1, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.hard_tanh([-2.0, 0.5, 2.0])
    tensor([-1. ,  0.5,  1. ])

    Collobert, "Large scale machine learning", PhD thesis, Université Paris VI, 2004.
    """

    def __init__(self) -> None: ...

class HardSigmoid(Activation):
    """y = min(max(0, x + 3), 6) / 6.

    dy/dx = 1/6 where -3 < x < 3, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.hard_sigmoid([-4.0, 0.0, 4.0])
    tensor([0. , 0.5, 1. ])

    Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

    def __init__(self) -> None: ...

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

    def __init__(self, alpha: float = 1.0) -> None: ...

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

    def __init__(self) -> None: ...

class CELU(Activation):
    """y = x where x > 0, else alpha (e^(x / alpha) - 1): an ELU that is smooth for any alpha.

    dy/dx = 1 where x > 0, else e^(x / alpha). x has any shape and dtype float32 or float64; y is
    like x. ArgumentError unless alpha > 0.

    >>> from minidl import functional as F
    >>> F.celu([-100.0, 0.0, 2.0], alpha=0.5)
    tensor([-0.5,  0. ,  2. ])

    Barron, "Continuously differentiable exponential linear units", 2017.
    """

    def __init__(self, alpha: float = 1.0) -> None: ...

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

    def __init__(self) -> None: ...

class Tanh(Activation):
    """y = tanh x: squashes into (-1, 1), zero-centred.

    dy/dx = 1 - y², at most 1: it saturates on both sides. tanh x = 2 sigmoid(2 x) - 1. x has any
    shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.tanh([-100.0, 0.0, 100.0])
    tensor([-1.,  0.,  1.])

    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998, section 4.4.
    """

    def __init__(self) -> None: ...

class LeCunTanh(Activation):
    """y = 1.7159 tanh(2x / 3): maps ±1 to ±1.

    dy/dx = 1.7159 · 2/3 · (1 - tanh²(2x / 3)). x has any shape and dtype float32 or float64; y is
    like x.

    >>> from minidl import functional as F
    >>> F.lecun_tanh([-1.0, 0.0, 1.0]).round(3)
    tensor([-1.,  0.,  1.])

    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998, section 4.4.
    """

    def __init__(self) -> None: ...

class Softsign(Activation):
    """y = x / (1 + |x|): approaches ±1 slowly.

    dy/dx = 1 / (1 + |x|)² = (1 - |y|)². x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.softsign([-1.0, 0.0, 3.0])
    tensor([-0.5 ,  0.  ,  0.75])

    Bergstra, Desjardins, Lamblin, Bengio, "Quadratic polynomials learn better image features",
    Université de Montréal, technical report 1337, 2009.
    """

    def __init__(self) -> None: ...

class Softplus(Activation):
    """y = ln(1 + e^x): a smooth ReLU.

    dy/dx = sigmoid(x). x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.softplus([-2.0, 0.0, 2.0]).round(3)
    tensor([0.127, 0.693, 2.127])

    Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000.
    """

    def __init__(self) -> None: ...

class LogSigmoid(Activation):
    """y = ln sigmoid(x) = -ln(1 + e^-x).

    dy/dx = sigmoid(-x). x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.log_sigmoid([-2.0, 0.0, 2.0]).round(3)
    tensor([-2.127, -0.693, -0.127])
    """

    def __init__(self) -> None: ...

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

    def __init__(self) -> None: ...

class Mish(Activation):
    """y = x tanh(ln(1 + e^x)).

    dy/dx = t + x sigmoid(x) (1 - t²) with t = tanh(ln(1 + e^x)). x has any shape and dtype float32
    or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.mish([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.303,  0.   ,  0.865])

    Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    """

    def __init__(self) -> None: ...

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

    def __init__(self, approximate: bool = False) -> None: ...

class Maxout(Activation):
    """y_u = max over p of x_up: the largest of each unit's pieces.

    x is (batch, units · pieces) or (..., units · pieces), float32 or float64; y is (..., units).
    The pieces of unit u are the columns u · pieces to (u + 1) · pieces - 1. The gradient goes to
    the largest piece, and in a tie to the first of the largest.

    ShapeError if `pieces` does not divide the last axis; ArgumentError unless it is a whole number
    from 1 up.

    >>> from minidl import functional as F
    >>> F.maxout([[1.0, 3.0, -2.0, -5.0]], pieces=2)
    tensor([[ 3., -2.]])

    Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", ICML 2013.
    """

    def __init__(self, pieces: int = 2) -> None: ...

def identity(x: Any) -> Tensor:
    """y = x: without a non-linearity a net is one matrix, however deep.

    dy/dx = 1. x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.identity([-1.0, 2.0])
    tensor([-1.,  2.])
    """

def relu(x: Any) -> Tensor:
    """y = max(0, x).

    dy/dx = 1 where x > 0, else 0, also at the kink x = 0. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.relu([-1.0, 0.0, 2.0])
    tensor([0., 0., 2.])

    Nair, Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010.
    """

def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """y = x where x > 0, else negative_slope · x.

    dy/dx = 1 where x > 0, else negative_slope, also at the kink x = 0. x has any shape and dtype
    float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.leaky_relu([-1.0, 0.0, 2.0], negative_slope=0.25)
    tensor([-0.25,  0.  ,  2.  ])

    Maas, Hannun, Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """

def relu6(x: Any) -> Tensor:
    """y = min(max(0, x), 6).

    dy/dx = 1 where 0 < x < 6, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.relu6([-1.0, 2.0, 7.0])
    tensor([0., 2., 6.])

    Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """

def hard_tanh(x: Any) -> Tensor:
    """y = min(max(-1, x), 1).

    dy/dx = 1 where -1 < x < 1, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.hard_tanh([-2.0, 0.5, 2.0])
    tensor([-1. ,  0.5,  1. ])

    Collobert, "Large scale machine learning", PhD thesis, Université Paris VI, 2004.
    """

def hard_sigmoid(x: Any) -> Tensor:
    """y = min(max(0, x + 3), 6) / 6.

    dy/dx = 1/6 where -3 < x < 3, else 0, also at the kinks. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.hard_sigmoid([-4.0, 0.0, 4.0])
    tensor([0. , 0.5, 1. ])

    Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """

def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, else alpha (e^x - 1).

    dy/dx = 1 where x > 0, else alpha e^x = y + alpha; alpha at x = 0, a kink unless alpha is 1. x
    has any shape and dtype float32 or float64; y is like x. ArgumentError unless alpha > 0.

    >>> from minidl import functional as F
    >>> F.elu([-100.0, 0.0, 2.0])
    tensor([-1.,  0.,  2.])

    Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning by exponential linear
    units (ELUs)", ICLR 2016.
    """

def selu(x: Any) -> Tensor:
    """y = scale · x where x > 0, else scale · alpha (e^x - 1): keeps mean 0 and variance 1.

    scale = 1.0507... and alpha = 1.6732... make mean 0 and variance 1 a fixed point, for weights of
    mean 0 and variance 1 / fan_in. dy/dx = scale where x > 0, else scale · alpha e^x, also at the
    kink x = 0. x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.selu([-100.0, 0.0, 1.0]).round(3)
    tensor([-1.758,  0.   ,  1.051])

    Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.
    """

def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, else alpha (e^(x / alpha) - 1): an ELU that is smooth for any alpha.

    dy/dx = 1 where x > 0, else e^(x / alpha). x has any shape and dtype float32 or float64; y is
    like x. ArgumentError unless alpha > 0.

    >>> from minidl import functional as F
    >>> F.celu([-100.0, 0.0, 2.0], alpha=0.5)
    tensor([-0.5,  0. ,  2. ])

    Barron, "Continuously differentiable exponential linear units", 2017.
    """

def sigmoid(x: Any) -> Tensor:
    """y = 1 / (1 + e^-x): squashes into (0, 1).

    dy/dx = y (1 - y), at most 1/4: it saturates on both sides. x has any shape and dtype float32 or
    float64; y is like x.

    >>> from minidl import functional as F
    >>> F.sigmoid([-2.0, 0.0, 2.0]).round(3)
    tensor([0.119, 0.5  , 0.881])

    Rumelhart, Hinton, Williams, "Learning representations by back-propagating errors", Nature 323,
    1986.
    """

def tanh(x: Any) -> Tensor:
    """y = tanh x: squashes into (-1, 1), zero-centred.

    dy/dx = 1 - y², at most 1: it saturates on both sides. tanh x = 2 sigmoid(2 x) - 1. x has any
    shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.tanh([-100.0, 0.0, 100.0])
    tensor([-1.,  0.,  1.])

    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998, section 4.4.
    """

def lecun_tanh(x: Any) -> Tensor:
    """y = 1.7159 tanh(2x / 3): maps ±1 to ±1.

    dy/dx = 1.7159 · 2/3 · (1 - tanh²(2x / 3)). x has any shape and dtype float32 or float64; y is
    like x.

    >>> from minidl import functional as F
    >>> F.lecun_tanh([-1.0, 0.0, 1.0]).round(3)
    tensor([-1.,  0.,  1.])

    LeCun, Bottou, Orr, Müller, "Efficient backprop", 1998, section 4.4.
    """

def softsign(x: Any) -> Tensor:
    """y = x / (1 + |x|): approaches ±1 slowly.

    dy/dx = 1 / (1 + |x|)² = (1 - |y|)². x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.softsign([-1.0, 0.0, 3.0])
    tensor([-0.5 ,  0.  ,  0.75])

    Bergstra, Desjardins, Lamblin, Bengio, "Quadratic polynomials learn better image features",
    Université de Montréal, technical report 1337, 2009.
    """

def softplus(x: Any) -> Tensor:
    """y = ln(1 + e^x): a smooth ReLU.

    dy/dx = sigmoid(x). x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.softplus([-2.0, 0.0, 2.0]).round(3)
    tensor([0.127, 0.693, 2.127])

    Dugas, Bengio, Bélisle, Nadeau, Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 2000.
    """

def log_sigmoid(x: Any) -> Tensor:
    """y = ln sigmoid(x) = -ln(1 + e^-x).

    dy/dx = sigmoid(-x). x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.log_sigmoid([-2.0, 0.0, 2.0]).round(3)
    tensor([-2.127, -0.693, -0.127])
    """

def silu(x: Any) -> Tensor:
    """y = x sigmoid(x), also called swish.

    dy/dx = s + x s (1 - s) with s = sigmoid(x). x has any shape and dtype float32 or float64; y is
    like x.

    >>> from minidl import functional as F
    >>> F.silu([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.269,  0.   ,  0.731])

    Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation
    in reinforcement learning", Neural Networks 107, 2018.
    """

def mish(x: Any) -> Tensor:
    """y = x tanh(ln(1 + e^x)).

    dy/dx = t + x sigmoid(x) (1 - t²) with t = tanh(ln(1 + e^x)). x has any shape and dtype float32
    or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.mish([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.303,  0.   ,  0.865])

    Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    """

def gelu(x: Any, approximate: bool = False) -> Tensor:
    """y = x Phi(x), Phi the normal distribution; or its approximation by tanh.

        dy/dx = Phi(x) + x phi(x)                                    phi the normal density
        approximate:  y = x / 2 · (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³)))

    x has any shape and dtype float32 or float64; y is like x.

    >>> from minidl import functional as F
    >>> F.gelu([-1.0, 0.0, 1.0]).round(3)
    tensor([-0.159,  0.   ,  0.841])

    Hendrycks, Gimpel, "Gaussian error linear units (GELUs)", 2016.
    """

def prelu(x: Any, weight: Any) -> Tensor:
    """y = x where x > 0, else weight · x: the slope is learned, one per unit or one per layer.

        dx = dy where x > 0, else weight · dy, also at the kink x = 0
        dweight = sum of dy · x over the elements with x <= 0 that share the slope

    - x: float32 or float64; of any shape for one slope, (..., units) for one per unit. y is like x.
    - weight: (1,) or (units,), of x's dtype. The layer starts it at `init`, and weight decay leaves
      it alone: decay would turn the activation into ReLU.

    ShapeError for a weight of another shape; ArgumentError unless `units` is a whole number from 1
    up.

    >>> from minidl import functional as F
    >>> F.prelu([-4.0, 2.0], weight=[0.25])
    tensor([-1.,  2.])

    He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015, section 2.
    """

def maxout(x: Any, pieces: int = 2) -> Tensor:
    """y_u = max over p of x_up: the largest of each unit's pieces.

    x is (batch, units · pieces) or (..., units · pieces), float32 or float64; y is (..., units).
    The pieces of unit u are the columns u · pieces to (u + 1) · pieces - 1. The gradient goes to
    the largest piece, and in a tie to the first of the largest.

    ShapeError if `pieces` does not divide the last axis; ArgumentError unless it is a whole number
    from 1 up.

    >>> from minidl import functional as F
    >>> F.maxout([[1.0, 3.0, -2.0, -5.0]], pieces=2)
    tensor([[ 3., -2.]])

    Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", ICML 2013.
    """
