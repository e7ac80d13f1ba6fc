"""What names.py makes of the registry: `python -m minidl.layers.activations.stub` prints this."""

from typing import Any

from ...engine.tensor import Tensor
from .declaration import Activation
from .prelu import PReLU as PReLU

class Identity(Activation):
    """y = x: without a non-linearity a net is one matrix, however deep."""

    def __init__(self) -> None: ...

class ReLU(Activation):
    """y = max(0, x)."""

    def __init__(self) -> None: ...

class LeakyReLU(Activation):
    """y = x where x > 0, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01) -> None: ...

class ReLU6(Activation):
    """y = min(max(0, x), 6)."""

    def __init__(self) -> None: ...

class HardTanh(Activation):
    """y = min(max(-1, x), 1)."""

    def __init__(self) -> None: ...

class HardSigmoid(Activation):
    """y = min(max(0, x + 3), 6) / 6."""

    def __init__(self) -> None: ...

class ELU(Activation):
    """y = x where x > 0, else alpha (e^x - 1)."""

    def __init__(self, alpha: float = 1.0) -> None: ...

class SELU(Activation):
    """y = scale · x where x > 0, else scale · alpha (e^x - 1): keeps mean 0 and variance 1."""

    def __init__(self) -> None: ...

class CELU(Activation):
    """y = x where x > 0, else alpha (e^(x / alpha) - 1): an ELU that is smooth for any alpha."""

    def __init__(self, alpha: float = 1.0) -> None: ...

class Sigmoid(Activation):
    """y = 1 / (1 + e^-x): squashes into (0, 1)."""

    def __init__(self) -> None: ...

class Tanh(Activation):
    """y = tanh x: squashes into (-1, 1), zero-centred."""

    def __init__(self) -> None: ...

class LeCunTanh(Activation):
    """y = 1.7159 tanh(2x / 3): maps ±1 to ±1."""

    def __init__(self) -> None: ...

class Softsign(Activation):
    """y = x / (1 + |x|): approaches ±1 slowly."""

    def __init__(self) -> None: ...

class Softplus(Activation):
    """y = ln(1 + e^x): a smooth ReLU."""

    def __init__(self) -> None: ...

class LogSigmoid(Activation):
    """y = ln sigmoid(x) = -ln(1 + e^-x)."""

    def __init__(self) -> None: ...

class SiLU(Activation):
    """y = x sigmoid(x), also called swish."""

    def __init__(self) -> None: ...

class Mish(Activation):
    """y = x tanh(ln(1 + e^x))."""

    def __init__(self) -> None: ...

class GELU(Activation):
    """y = x Phi(x), Phi the normal distribution; or its approximation by tanh."""

    def __init__(self, approximate: bool = False) -> None: ...

class Maxout(Activation):
    """y_u = max over p of x_up: the largest of each unit's pieces, (batch, units · pieces) to
    (batch, units); unit u's pieces are columns u · pieces up to (u + 1) · pieces - 1. A tie goes
    to the first piece."""

    def __init__(self, pieces: int = 2) -> None: ...

def identity(x: Any) -> Tensor:
    """y = x: without a non-linearity a net is one matrix, however deep."""

def relu(x: Any) -> Tensor:
    """y = max(0, x)."""

def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """y = x where x > 0, else negative_slope · x."""

def relu6(x: Any) -> Tensor:
    """y = min(max(0, x), 6)."""

def hard_tanh(x: Any) -> Tensor:
    """y = min(max(-1, x), 1)."""

def hard_sigmoid(x: Any) -> Tensor:
    """y = min(max(0, x + 3), 6) / 6."""

def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, else alpha (e^x - 1)."""

def selu(x: Any) -> Tensor:
    """y = scale · x where x > 0, else scale · alpha (e^x - 1): keeps mean 0 and variance 1."""

def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """y = x where x > 0, else alpha (e^(x / alpha) - 1): an ELU that is smooth for any alpha."""

def sigmoid(x: Any) -> Tensor:
    """y = 1 / (1 + e^-x): squashes into (0, 1)."""

def tanh(x: Any) -> Tensor:
    """y = tanh x: squashes into (-1, 1), zero-centred."""

def lecun_tanh(x: Any) -> Tensor:
    """y = 1.7159 tanh(2x / 3): maps ±1 to ±1."""

def softsign(x: Any) -> Tensor:
    """y = x / (1 + |x|): approaches ±1 slowly."""

def softplus(x: Any) -> Tensor:
    """y = ln(1 + e^x): a smooth ReLU."""

def log_sigmoid(x: Any) -> Tensor:
    """y = ln sigmoid(x) = -ln(1 + e^-x)."""

def silu(x: Any) -> Tensor:
    """y = x sigmoid(x), also called swish."""

def mish(x: Any) -> Tensor:
    """y = x tanh(ln(1 + e^x))."""

def gelu(x: Any, approximate: bool = False) -> Tensor:
    """y = x Phi(x), Phi the normal distribution; or its approximation by tanh."""

def prelu(x: Any, weight: Any) -> Tensor:
    """y = x where x > 0, else weight · x: the slope is learned, one per unit or one per layer."""

def maxout(x: Any, pieces: int = 2) -> Tensor:
    """y_u = max over p of x_up: the largest of each unit's pieces, (batch, units · pieces) to
    (batch, units); unit u's pieces are columns u · pieces up to (u + 1) · pieces - 1. A tie goes
    to the first piece."""
