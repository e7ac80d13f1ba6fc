"""Derivatives as tensors: gradients at chosen places of a graph, and whole derivatives.

`grad` asks a graph that is there. The others take a function and its inputs, a tensor or a tuple of
them. With J the Jacobian d function(x) / dx and H the Jacobian of the gradient they find

    vjp        vᵀ J       by a pass back
    jvp        J v        by a pass back, and one through that
    hvp        H v        by a pass back, and one through that
    jacobian   J          by as many passes back as the result has elements
    hessian    H          by a pass back, and as many through that as the inputs have elements

The function is given copies of the inputs, and no `grad` changes. What is found is like the result
of any operation: it can be differentiated in its turn where something that it depends on wants a
gradient, be it an input, v, or a weight that the function uses; and not within `no_grad()`. So

    jacobian(lambda x: hessian(f, x), x)

is the third derivative of f, and a net learns from a loss that has its Jacobian in it.

Griewank, Walther, "Evaluating derivatives", 2nd ed., SIAM 2008.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DTypeError, GraphError, explain
from . import tape
from .recording import enable_grad, recording
from .tensor import Tensor, as_tensor, record, require_float, stack, tensor
from .tensor.base import origin
from .tensor.operation import ALIAS

Function = Callable[..., Any]  # of tensors, gives a tensor or a tuple of them
Several = tuple[Tensor, ...]

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "vjp"]


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> Several:
    """The gradient of sum over outputs of (grad_output · output), at each of the inputs.

    - outputs, inputs: a tensor or a sequence of them. Inputs may be leaves, or made by operations
      on the way to the outputs.
    - grad_outputs: one for each output, of its shape; None is 1, for an output of one element.
    - retain_graph: whether the graph stays for another pass; None: as create_graph says.
    - create_graph: whether the gradients are recorded, to be differentiated in their turn.

    Returns a tuple with a tensor for each input, of its shape and dtype. Nothing else receives
    anything.

    GraphError where an output or an input wants no gradient, where no output depends on an input,
    and as `backward`; ShapeError and DTypeError for grad_outputs that do not fit.

    >>> import minidl
    >>> x = minidl.tensor(3.0, requires_grad=True)
    >>> (slope,) = minidl.grad(x**3, x, create_graph=True)
    >>> slope.item()
    27.0
    >>> minidl.grad(slope, x)
    (tensor(18.),)
    """
    ys, xs = several(outputs), several(inputs)
    check_places("outputs", ys)
    check_places("inputs", xs)
    given = (None,) * len(ys) if grad_outputs is None else grad_outputs
    dys = directions("grad", ys, given, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    return gradients(ys, dys, xs, retain, create_graph, is_strict=True)


def check_places(name: str, tensors: tuple[Any, ...]) -> None:
    """DTypeError or GraphError unless all are tensors that want a gradient, and up to date."""
    for number, x in enumerate(tensors):
        if not isinstance(x, Tensor):
            got = f"{type(x).__name__} at number {number}"
            raise DTypeError(explain("grad", f"{name} that are tensors", got))
        if not x.requires_grad:
            got = f"none at number {number}"
            hint = "tensor(x, requires_grad=True); was it computed under no_grad()?"
            raise GraphError(explain("grad", f"{name} that want a gradient", got, hint))
        x.check_current("grad")


def vjp(function: Function, inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """y = function(inputs) and vᵀ J, the gradient of sum (v · y).

    v has the shape of y, and may be left out for a single element, where it is 1; for a tuple of
    results it is a tuple. vᵀ J is like the inputs. Errors as `grad`.

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0])
    >>> vjp(lambda x: x * x, x, [1.0, 10.0])
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = called("vjp", function, inputs, v)
    found = pulled("vjp", call.outputs, v, call.inputs, call.is_recorded)
    return call.result(), like(inputs, found)


def jvp(function: Function, inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """y = function(inputs) and J v, the change of y as the inputs move in the direction v.

    v has the shape of the inputs, and may be left out for a single element, where it is 1; for a
    tuple of inputs it is a tuple. J v is like y. Errors as `grad`.

    uᵀ J is linear in u, and J v the gradient of (uᵀ J) · v by u.

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0])
    >>> jvp(lambda x: x.sum() * x, x, [1.0, 0.0])
    (tensor([3., 6.]), tensor([4., 2.]))
    """
    call = called("jvp", function, inputs, v)
    us = tuple([tensor(np.zeros(y.shape, y.dtype), requires_grad=True) for y in call.outputs])
    products = pulled("jvp", call.outputs, us, call.inputs, True)
    found = pulled("jvp", products, v, us, call.is_recorded)
    let_go(us)
    return call.result(), like(call.given_back, found)


def hvp(function: Function, inputs: Any, v: Any = None) -> tuple[Tensor, Any]:
    """y = function(inputs), a single number, and H v, the change of its gradient as the inputs move
    in the direction v.

    v has the shape of the inputs, and may be left out for a single element, where it is 1; for a
    tuple of inputs it is a tuple. H v is like the inputs. Errors as `grad`.

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0])
    >>> hvp(lambda x: (x**3).sum(), x, [1.0, 1.0])
    (tensor(9.), tensor([ 6., 12.]))
    """
    call = called("hvp", function, inputs, v)
    gradient = pulled("hvp", call.outputs, None, call.inputs, True)
    found = pulled("hvp", gradient, v, call.inputs, call.is_recorded)
    return call.result(), like(inputs, found)


def jacobian(function: Function, inputs: Any) -> Any:
    """J = d function(inputs) / d inputs, of the shape of the result and then that of the input.

    For a tuple of inputs it is a tuple with one for each; for a tuple of results a tuple of these.
    Errors as `grad`.

    >>> import minidl
    >>> jacobian(lambda x: x * x, minidl.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    call = called("jacobian", function, inputs)
    found = [like(inputs, rows(y, call)) for y in call.outputs]
    return like(call.result(), found)


def hessian(function: Function, inputs: Any) -> Any:
    """H = the second derivatives of function(inputs), a single number; of the input's shape, twice.

    For a tuple of inputs, hessian[i][j] has the shape of input i and then that of input j. Errors
    as `grad`.

    >>> import minidl
    >>> hessian(lambda x: x[0] * x[1] ** 2, minidl.tensor([1.0, 2.0]))
    tensor([[0., 4.],
            [4., 2.]])
    """

    def gradient(*xs: Tensor) -> Any:
        call = called("hessian", function, xs)
        return like(inputs, pulled("hessian", call.outputs, None, call.inputs, True))

    return jacobian(gradient, inputs)


class Call(NamedTuple):
    """A function that was called, to be differentiated."""

    inputs: Several  # what it was given
    given_back: Any
    outputs: Several  # the same, in a tuple
    is_recorded: bool  # whether something that wants a gradient outside of the function had a part

    def result(self) -> Any:
        """What the function gave; without a graph that would end at its copies of the inputs. These
        have done their part, and want no gradient in the eyes of another call around this one."""
        let_go(self.inputs)
        if self.is_recorded:
            return self.given_back
        return like(self.given_back, [y.detach() for y in self.outputs])


def called(operation: str, function: Function, inputs: Any, v: Any = None) -> Call:
    """The function of copies of the inputs, recorded."""
    xs = tuple([copied(operation, x) for x in several(inputs)])
    with enable_grad():
        given_back = function(*xs)
    outputs = several(given_back)
    for y in outputs:
        if not isinstance(y, Tensor):
            expected, hint = "a function that returns tensors", "operations on x, not on x.numpy()"
            raise DTypeError(explain(operation, expected, type(y).__name__, hint))
    parts = [x for x in (*outputs, *several(v)) if isinstance(x, Tensor) and x.requires_grad]
    sources = [x for x in tape.behind(map(origin, parts)) if not isinstance(x, tape.Node)]
    leaves = {x for x in sources if x.requires_grad}
    return Call(xs, given_back, outputs, recording() and not leaves <= set(xs))


def copied(operation: str, x: Any) -> Tensor:
    """A copy of an input that wants a gradient, and hands it on to the input if that wants one. It
    cannot be changed in place, as a leaf cannot."""
    given = as_tensor(x, operation)
    require_float(operation, given)
    copy = record(ALIAS, given.data.copy(), (given,))
    copy.requires_grad = copy._memory.is_parameter = True
    return copy


def let_go(copies: Several) -> None:
    """From now on those of them that are leaves want no gradient."""
    for x in copies:
        if x._node is None:
            x.requires_grad = False


def rows(y: Tensor, call: Call) -> list[Tensor]:
    """The Jacobian of one of the outputs for each input: a pass back from every element."""
    found = []
    for at in np.ndindex(y.shape):
        v = np.zeros(y.shape, y.dtype)
        v[at] = 1
        found.append(pulled("jacobian", (y,), v, call.inputs, call.is_recorded, retain_graph=True))
    shapes = [y.shape + x.shape for x in call.inputs]
    if not found:
        return [tensor(np.zeros(s, x.dtype)) for s, x in zip(shapes, call.inputs, strict=True)]
    return [stack(c).reshape(s) for c, s in zip(zip(*found, strict=True), shapes, strict=True)]


def pulled(
    operation: str, outputs: Several, v: Any, inputs: Several, create_graph: bool,
    retain_graph: bool = False,
) -> Several:  # fmt: skip
    """The gradient of sum (v · output) at each of the inputs."""
    with enable_grad():
        dys = directions(operation, outputs, v, create_graph)
        return gradients(outputs, dys, inputs, create_graph or retain_graph, create_graph)


def gradients(
    outputs: Several, dys: list[Any], inputs: Several, retain_graph: bool, create_graph: bool,
    is_strict: bool = False,
) -> Several:  # fmt: skip
    """What arrives at each input, in memory of its own; where nothing does 0, or GraphError if
    that is strict."""
    sources = [(origin(y), dy) for y, dy in zip(outputs, dys, strict=True) if y.requires_grad]
    found: dict[Any, Any] = {origin(x): None for x in inputs}
    with np.errstate(all="ignore"):  # as in the forward pass
        _, done = tape.walk(sources, found, create_graph)
    dxs = [found[origin(x)] for x in inputs]
    if is_strict and any(dx is None for dx in dxs):
        got = f"another at number {[dx is None for dx in dxs].index(True)}"
        hint = "leave it out: its gradient is 0"
        raise GraphError(explain("grad", "inputs that an output depends on", got, hint))
    tape.finish(done, retain_graph)
    pairs = zip(inputs, dxs, strict=True)
    found_or_0 = [np.zeros(x.shape, x.dtype) if dx is None else dx for x, dx in pairs]
    return tuple([dx.copy() if isinstance(dx, Tensor) else tensor(dx) for dx in found_or_0])


def directions(operation: str, outputs: Several, given: Any, create_graph: bool) -> list[Any]:
    """The gradient that a pass starts with at each output."""
    are_numbers = len(outputs) == 1 and not any(
        v is None or isinstance(v, (np.ndarray, Tensor)) for v in several(given)
    )
    vs = (given,) if are_numbers else several(given)
    if len(vs) != len(outputs):
        expected = f"{len(outputs)} gradients to start with"
        raise ArgumentError(explain(operation, expected, len(vs)))
    return [y.direction(operation, v, create_graph) for y, v in zip(outputs, vs, strict=True)]


def several(given: Any) -> tuple[Any, ...]:
    """What was given, one or several, as a tuple."""
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def like(given: Any, values: Sequence[Any]) -> Any:
    """The values in a tuple where a tuple was given, else the only one."""
    return tuple(values) if isinstance(given, (tuple, list)) else values[0]


def __dir__() -> list[str]:
    return __all__
