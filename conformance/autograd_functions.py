"""autograd's functions of functions, by minidl's of `minidl.autograd`.

Numbers and arrays, and tuples, lists and dicts of them, go in and come out.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from verdicts import LeftOut

import minidl
from minidl import autograd

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


def filled(like: Any, values: Any) -> Any:
    """The values, in order, in the containers of `like`."""
    following = iter(values)
    return mapped(lambda _: next(following), like)


def tensor(x: Any) -> minidl.Tensor:
    if np.iscomplexobj(x):
        raise LeftOut("complex numbers")
    if isinstance(x, minidl.Tensor):
        return x
    array = np.asarray(x)
    return minidl.tensor(array if array.dtype.kind == "f" else array.astype(np.float64))


def plain(x: minidl.Tensor) -> Any:
    """The array or number; a tensor that wants a gradient is a value on the way to another."""
    return x if x.requires_grad else x.numpy()[()]


class OfTensors:
    """A function as one of several tensors, with several results."""

    def __init__(self, fun: Function, x: Any) -> None:
        self.fun, self.x = fun, x
        self.inputs = tuple(map(tensor, leaves(x)))

    def __call__(self, *tensors: minidl.Tensor) -> tuple[minidl.Tensor, ...]:
        self.y = self.fun(filled(self.x, tensors))  # in its containers, for what is like it
        return tuple(map(tensor, leaves(self.y)))

    def value(self) -> Any:
        y = self(*self.inputs)
        return filled(self.y, map(plain, y))

    def pushed(self, derivative: Function, v: Any) -> tuple[Any, tuple[minidl.Tensor, ...]]:
        """The function's value, and vᵀJ or Jv."""
        y, found = derivative(self, self.inputs, tuple(map(tensor, leaves(v))))
        return filled(self.y, map(plain, y)), found


def make_vjp(fun: Function, x: Any) -> tuple[Function, Any]:
    """The function v ↦ vᵀJ, and fun(x)."""

    def vjp(v: Any) -> Any:
        _, found = OfTensors(fun, x).pushed(autograd.vjp, v)
        return filled(x, map(plain, found))

    return vjp, OfTensors(fun, x).value()


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
    return value_and_grad(fun)(x)[1]


@unary_to_nary
def elementwise_grad(fun: Function, x: Any) -> Any:
    """Where each element is a function of one: the gradient of their sum."""
    return value_and_grad(fun)(x)[1]


@unary_to_nary
def grad_and_aux(fun: Function, x: Any) -> tuple[Any, Any]:
    """The gradient of the first of two results, and the second."""
    return grad(lambda x: fun(x)[0])(x), fun(x)[1]


@unary_to_nary
def jacobian(fun: Function, x: Any) -> Any:
    """∂y / ∂x, of the shape of y followed by that of x."""
    return plain(autograd.jacobian(lambda x: tensor(fun(x)), tensor(x)))


@unary_to_nary
def hessian(fun: Function, x: Any) -> Any:
    return plain(autograd.hessian(lambda x: tensor(fun(x)), tensor(x)))


@unary_to_nary
def make_hvp(fun: Function, x: Any) -> tuple[Function, Any]:
    """The function v ↦ Hv, and the gradient."""
    found = OfTensors(fun, x)

    def hvp(v: Any) -> Any:
        along = tuple(map(tensor, leaves(v)))
        _, product = autograd.hvp(lambda *xs: found(*xs)[0], found.inputs, along)
        return filled(x, map(plain, product))

    return hvp, grad(fun)(x)


@unary_to_nary
def make_jvp(fun: Function, x: Any) -> Function:
    """The function v ↦ fun(x), Jv."""

    def jvp(v: Any) -> tuple[Any, Any]:
        of_tensors = OfTensors(fun, x)
        y, found = of_tensors.pushed(autograd.jvp, v)
        return y, filled(y, map(plain, found))

    return jvp


@unary_to_nary
def deriv(fun: Function, x: Any) -> Any:
    """Of a number: how fast the results change."""
    return make_jvp(fun)(x)(ones(x))[1]


def tensor_jacobian_product(fun: Function, argnum: int = 0) -> Function:
    """vJ as a function of fun's arguments and v, which has the first axes of what fun gives."""

    def along(*arguments: Any, **words: Any) -> Any:
        *given, v = arguments
        return minidl.tensordot(v, fun(*given, **words), axes=np.ndim(v))

    return jacobian(along, argnum)


def hessian_tensor_product(fun: Function, argnum: int = 0) -> Function:
    return tensor_jacobian_product(grad(fun, argnum), argnum)


def array(values: Any, *options: Any, **named: Any) -> Any:
    """np.array, which joins tensors, too."""
    if isinstance(values, minidl.Tensor):
        return values
    if any(isinstance(leaf, minidl.Tensor) for leaf in leaves(values)):
        return minidl.stack([tensor(array(value)) for value in values])
    return np.array(values, *options, **named)
