"""autograd's checks of a function's derivatives, on minidl."""

from itertools import product
from typing import Any

import numpy as np
from autograd_functions import Function, leaves, make_jvp, make_vjp, mapped, unary_to_nary

RNG = np.random.default_rng(0)
STEP, CLOSE = 1e-6, 1e-6  # of the differences, and what they are held to: autograd's own


class Checks:
    """How many checks a test has made, and how many were passed over."""

    made = passed_over = 0


def inner(x: Any, y: Any) -> Any:
    return sum(np.sum(np.multiply(a, b)) for a, b in zip(leaves(x), leaves(y), strict=True))


def scalar_close(a: Any, b: Any) -> bool:
    return abs(a - b) < CLOSE or abs(a - b) / abs(a + b) < CLOSE


def drawn(x: Any) -> Any:
    """As many numbers from the normal distribution."""
    return mapped(lambda leaf: RNG.standard_normal(np.shape(leaf)), x)


def shapes(x: Any) -> list[tuple[int, ...]]:
    return [np.shape(leaf) for leaf in leaves(x)]


def check_equivalent(x: Any, y: Any) -> None:
    assert shapes(x) == shapes(y), f"shapes {shapes(x)} and {shapes(y)}"
    v = drawn(x)
    assert scalar_close(inner(x, v), inner(y, v)), f"other values: {x} and {y}"


def is_complex(value: Any) -> bool:
    return any(np.iscomplexobj(leaf) for leaf in leaves(value))


@unary_to_nary
def check_grads(fun: Function, x: Any, modes: Any = ("fwd", "rev"), order: int = 2) -> None:
    """AssertionError unless Jv and vᵀJ, and their derivatives, are central differences.

    Those are NumPy's alone: `fun` is then called without a tensor.
    """
    if is_complex(x) or is_complex(fun(x)):
        Checks.passed_over += 1
        return
    Checks.made += 1
    y = fun(x)
    u, v = drawn(x), drawn(y)
    high, low = (
        fun(mapped(lambda a, b, s=side: a + s * b, x, u)) for side in (STEP / 2, -STEP / 2)
    )
    slope = mapped(lambda a, b: (a - b) / STEP, high, low)
    if "fwd" in modes:
        check_equivalent(make_jvp(fun)(x)(u)[1], slope)
        if order > 1:
            check_grads(lambda x, u: make_jvp(fun)(x)(u)[1], (0, 1), modes, order - 1)(x, u)
    if "rev" in modes:
        found = make_vjp(fun, x)[0](v)
        assert shapes(found) == shapes(x), f"gradients of shapes {shapes(found)} for {shapes(x)}"
        along = inner(u, found)
        assert scalar_close(inner(v, slope), along), f"gradient {along}, slope {inner(v, slope)}"
        if order > 1:
            check_grads(lambda x, v: make_vjp(fun, x)[0](v), (0, 1), modes, order - 1)(x, v)


def combo_check(fun: Function, *options: Any, **named: Any) -> Function:
    """check_grads of every combination of the arguments."""

    def apply(*arguments: Any, **words: Any) -> None:
        for given in product(*arguments):
            for values in product(*words.values()):
                check_grads(fun, *options, **named)(*given, **dict(zip(words, values, strict=True)))

    return apply
