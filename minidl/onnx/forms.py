"""The activations as expressions of ONNX's operators: `save` writes them, and `load` finds them.

An expression is an `Op` of expressions. `X` is the layer's input, a number is a constant, and an
`Option` is the layer's option of that name.
"""

import math
from typing import Any, NamedTuple

from ..layers import activations as f
from ..layers.activations.piecewise import SELU_ALPHA, SELU_SCALE
from ..layers.activations.smooth import LECUN_SCALE


class Op(NamedTuple):
    """An operator of the opset, with its inputs and the attributes that are not at default."""

    type: str
    inputs: tuple[Any, ...]
    attributes: dict[str, Any]


class Option(NamedTuple):
    """An option of the layer."""

    name: str


class Form(NamedTuple):
    """An activation with these options, and its expression."""

    kind: type[f.Activation]
    options: dict[str, Any]
    expression: Op


def op(type: str, *inputs: Any, **attributes: Any) -> Op:
    """An operator's expression."""
    return Op(type, inputs, attributes)


X = "x"
ALPHA = Option("alpha")
HALF, PHI_2 = op("Mul", X, 0.5), op("Add", op("Erf", op("Mul", X, math.sqrt(0.5))), 1)
CUBE = op("Mul", op("Mul", X, X), X)
INNER = op("Mul", op("Add", X, op("Mul", CUBE, 0.044715)), math.sqrt(2 / math.pi))
EXACT, BY_TANH = {"approximate": False}, {"approximate": True}

# The first form of an activation is written, all are read. CELU is not ONNX's Celu, which knows no
# float64; GELU is not Gelu, which came with opset 20.
FORMS = [
    Form(f.Identity, {}, op("Identity", X)),
    Form(f.ReLU, {}, op("Relu", X)),
    Form(f.LeakyReLU, {}, op("LeakyRelu", X, alpha=Option("negative_slope"))),
    Form(f.ReLU6, {}, op("Clip", X, 0, 6)),
    Form(f.HardTanh, {}, op("Clip", X, -1, 1)),
    Form(f.HardSigmoid, {}, op("HardSigmoid", X, alpha=1 / 6, beta=0.5)),
    Form(f.ELU, {}, op("Elu", X, alpha=ALPHA)),
    Form(f.SELU, {}, op("Selu", X, alpha=SELU_ALPHA, gamma=SELU_SCALE)),
    Form(f.CELU, {}, op("Mul", op("Elu", op("Div", X, ALPHA), alpha=1.0), ALPHA)),
    Form(f.Sigmoid, {}, op("Sigmoid", X)),
    Form(f.Tanh, {}, op("Tanh", X)),
    Form(f.LeCunTanh, {}, op("Mul", op("Tanh", op("Mul", X, 2 / 3)), LECUN_SCALE)),
    Form(f.Softsign, {}, op("Softsign", X)),
    Form(f.Softplus, {}, op("Softplus", X)),
    Form(f.LogSigmoid, {}, op("Neg", op("Softplus", op("Neg", X)))),
    Form(f.SiLU, {}, op("Mul", X, op("Sigmoid", X))),
    Form(f.Mish, {}, op("Mul", X, op("Tanh", op("Softplus", X)))),
    Form(f.GELU, EXACT, op("Mul", HALF, PHI_2)),
    Form(f.GELU, BY_TANH, op("Mul", HALF, op("Add", op("Tanh", INNER), 1))),
    # As other programs write them.
    Form(f.CELU, {}, op("Celu", X, alpha=ALPHA)),
    Form(f.LogSigmoid, {}, op("Log", op("Sigmoid", X))),
    Form(f.Mish, {}, op("Mish", X)),
    Form(f.SiLU, {}, op("Swish", X, alpha=1.0)),
    Form(f.Softsign, {}, op("Div", X, op("Add", op("Abs", X), 1))),
    Form(f.Softplus, {}, op("Where", op("Greater", X, 20), X, op("Softplus", X))),
    Form(f.GELU, EXACT, op("Mul", op("Mul", X, PHI_2), 0.5)),
    Form(f.GELU, BY_TANH, op("Mul", op("Mul", X, op("Add", op("Tanh", INNER), 1)), 0.5)),
    Form(f.GELU, EXACT, op("Gelu", X, approximate="none")),
    Form(f.GELU, BY_TANH, op("Gelu", X, approximate="tanh")),
]


def form_of(layer: f.Activation) -> Form | None:
    """The form to write this activation in; None for one that is not minidl's."""
    if not layer.is_as_declared():
        return None
    for form in FORMS:
        if form.kind is layer.declaration and form.options.items() <= layer.options.items():
            return form
    return None
