"""autograd's functions of functions, by minidl's `grad`.

As in autograd, `make_vjp` does the work and the others are defined by it. Numbers and arrays, and
tuples, lists and dicts of them, go in and come out.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any

import numpy as np
from verdicts import LeftOut

import minidl

Function = Callable[..., Any]


def leaves(value: Any) -> list[Any]:
    """The numbers and arrays in tuples, lists and dicts, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def mapped(function: Function, *values: Any) -> Any:
    """The function of their leaves, in the containers that these are in."""
    first = values[0]
    if isinstance(first, dict):
        return {key: mapped(function, *(value[key] for value in values)) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(mapped(function, *items) for items in zip(*values, strict=True))
    return function(*values)


class Depth:
    """How many functions that are being differentiated run now, one in another."""

    inside = 0

    @contextmanager
    def deeper(self) -> Iterator[None]:
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


DEPTH = Depth()


def variable(x: Any) -> minidl.Tensor:
    """A tensor of its own, of which others may be functions."""
    if isinstance(x, minidl.Tensor):
        return x.reshape(x.shape)
    if np.iscomplexobj(x):
        raise LeftOut("complex numbers")
    return minidl.tensor(np.asarray(x, np.float64), requires_grad=True)


def plain(value: Any) -> Any:
    """Arrays and numbers for tensors; in a function that is being differentiated, tensors."""
    if DEPTH.inside:
        return value
    return mapped(lambda x: x.numpy()[()] if isinstance(x, minidl.Tensor) else x, value)


def make_vjp(fun: Function, x: Any) -> tuple[Function, Any]:
    """The function v ↦ vᵀ ∂fun / ∂x, and fun(x)."""
    inputs = mapped(variable, x)
    with DEPTH.deeper():
        y = fun(inputs)

    def vjp(v: Any) -> Any:
        found = iter(gradients(leaves(y), leaves(inputs), leaves(v)))
        return plain(mapped(lambda _: next(found), inputs))

    return vjp, plain(y)


def gradients(ys: Sequence[Any], inputs: Sequence[Any], vs: Sequence[Any]) -> Sequence[Any]:
    """Of each input; 0 where no output is a function of it."""
    wanted = [(y, v) for y, v in zip(ys, vs, strict=True) if getattr(y, "requires_grad", False)]
    if not wanted:
        return [0 * x for x in inputs]
    outputs = [y for y, _ in wanted]
    directions = [v if isinstance(v, minidl.Tensor) else np.asarray(v) for _, v in wanted]
    return minidl.grad(outputs, inputs, directions, create_graph=True)


def unary_to_nary(unary: Function) -> Function:
    """An operator on functions of one argument, for any: that, or those, of number `argnum`."""

    @wraps(unary)
    def of_function(fun: Function, argnum: Any = 0, *options: Any, **named: Any) -> Function:
        def apply(*arguments: Any, **words: Any) -> Any:
            def of_one(x: Any) -> Any:
                given = list(arguments)
                if isinstance(argnum, int):
                    given[argnum] = x
                else:
                    for number, value in zip(argnum, x, strict=True):
                        given[number] = value
                return fun(*given, **words)

            one = isinstance(argnum, int)
            x = arguments[argnum] if one else tuple(arguments[number] for number in argnum)
            return unary(of_one, x, *options, **named)

        return apply

    return of_function


def ones(y: Any) -> Any:
    return mapped(lambda leaf: np.ones(np.shape(leaf)), y)


@unary_to_nary
def value_and_grad(fun: Function, x: Any) -> tuple[Any, Any]:
    vjp, y = make_vjp(fun, x)
    return y, vjp(ones(y))


@unary_to_nary
def grad(fun: Function, x: Any) -> Any:
    vjp, y = make_vjp(fun, x)
    return vjp(ones(y))


@unary_to_nary
def elementwise_grad(fun: Function, x: Any) -> Any:
    """Of a function of one element each, the same as of the sum."""
    return grad(fun)(x)


@unary_to_nary
def grad_and_aux(fun: Function, x: Any) -> tuple[Any, Any]:
    """The gradient of the first of two results, and the second."""
    vjp, (y, aux) = make_vjp(fun, x)
    return vjp((ones(y), mapped(lambda leaf: 0 * leaf, aux))), aux


@unary_to_nary
def jacobian(fun: Function, x: Any) -> Any:
    """∂y / ∂x, of the shape of y followed by that of x."""
    vjp, y = make_vjp(fun, x)
    rows = [vjp(v) for v in np.eye(np.size(y)).reshape(np.size(y), *np.shape(y))]
    return array(rows).reshape(*np.shape(y), *np.shape(x))


def hessian(fun: Function, argnum: Any = 0) -> Function:
    return jacobian(jacobian(fun, argnum), argnum)


@unary_to_nary
def make_hvp(fun: Function, x: Any) -> tuple[Function, Any]:
    return make_vjp(grad(fun), x)


def tensor_jacobian_product(fun: Function, argnum: int = 0) -> Function:
    """vᵀ ∂fun / ∂x, as a function of fun's arguments and v."""

    def apply(*arguments: Any, **words: Any) -> Any:
        *given, v = arguments

        def of_one(x: Any) -> Any:
            return fun(*given[:argnum], x, *given[argnum + 1 :], **words)

        return make_vjp(of_one, given[argnum])[0](v)

    return apply


def hessian_tensor_product(fun: Function, argnum: int = 0) -> Function:
    return tensor_jacobian_product(grad(fun, argnum), argnum)


def array(values: Any, *options: Any, **named: Any) -> Any:
    """np.array, which joins tensors, too."""
    if isinstance(values, minidl.Tensor):
        return values
    if any(isinstance(leaf, minidl.Tensor) for leaf in leaves(values)):
        return minidl.stack([array(value) for value in values])
    return np.array(values, *options, **named)
