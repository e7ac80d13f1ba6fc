"""Derivatives as tensors: gradients at chosen places of a graph, and derivatives of functions.

`grad` differentiates a graph that exists. The others take a function and its inputs, a tensor or a
tuple of tensors. With J the Jacobian d function(x) / dx and H the Jacobian of the gradient, and
with "pass" for one backward pass, they compute

    vjp        vᵀ J       by one pass
    jvp        J v        by a pass, and a pass through that pass
    hvp        H v        by a pass, and a pass through that pass
    jacobian   J          by a pass for each element of the result
    hessian    H          by a pass, and a pass through it for each element of the inputs

The function gets copies of the inputs, and no `grad` changes. Results can be differentiated again
if they depend on something that wants a gradient: an input, v, or a weight that the function uses.
Within `no_grad()` they cannot. So

    jacobian(lambda x: hessian(f, x), x)

is the third derivative of f, and a net can learn from a loss that contains its Jacobian.

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

Function = Callable[..., Any]  # takes tensors, returns a tensor or a tuple of tensors
Several = tuple[Tensor, ...]

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "vjp"]


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> Several:
    """The gradient of a weighted sum of the outputs, at each of the inputs:

        d/d input  of  sum over outputs of sum(grad_output · output)

    - outputs, inputs: a tensor or a sequence of tensors. Inputs may be leaves, or tensors that
      operations made on the way to the outputs.
    - grad_outputs: one for each output, of its shape; None is 1, for an output of one element.
    - retain_graph: whether the graph stays for another pass; None: as create_graph says.
    - create_graph: whether the gradients are recorded, so that they can be differentiated again.

    Returns a tuple with one tensor for each input, of its shape and dtype. No `grad` changes.

    GraphError if an output or an input wants no gradient, if no output depends on an input, and
    where `backward` raises it; ShapeError and DTypeError for grad_outputs that do not fit.

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
    """DTypeError or GraphError unless all are tensors that want a gradient and are up to date."""
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
    """y = function(inputs) and the vector-Jacobian product vᵀ J, the gradient of sum(v · y).

    v has the shape of y; for a tuple of results it is a tuple. It may be left out if y has one
    element: then it is 1. vᵀ J has the shapes and dtypes of the inputs. Errors as in `grad`.

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0])
    >>> vjp(lambda x: x * x, x, [1.0, 10.0])
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = called("vjp", function, inputs, v)
    found = pulled("vjp", call.outputs, v, call.inputs, call.is_recorded)
    return call.result(), like(inputs, found)


def jvp(function: Function, inputs: Any, v: Any = None) -> tuple[Any, Any]:
    """y = function(inputs) and the Jacobian-vector product J v, the derivative of y along v.

    v has the shape of the inputs; for a tuple of inputs it is a tuple. It may be left out for a
    single element: then it is 1. J v has the shape and dtype of y. Errors as in `grad`.

    uᵀ J is linear in u, and J v is the gradient of (uᵀ J) · v with respect to u.

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
    """y = function(inputs), a single number, and the Hessian-vector product H v, the derivative of
    the gradient along v.

    v has the shape of the inputs; for a tuple of inputs it is a tuple. It may be left out for a
    single element: then it is 1. H v has the shapes and dtypes of the inputs. Errors as in `grad`.

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
    """J = d function(inputs) / d inputs; its shape is the result's, followed by the input's.

    For a tuple of inputs, a tuple with one Jacobian for each; for a tuple of results, a tuple of
    these. Errors as in `grad`.

    >>> import minidl
    >>> jacobian(lambda x: x * x, minidl.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    call = called("jacobian", function, inputs)
    found = [like(inputs, rows(y, call)) for y in call.outputs]
    return like(call.result(), found)


def hessian(function: Function, inputs: Any) -> Any:
    """H, the second derivatives of function(inputs), a single number; of the input's shape, twice.

    For a tuple of inputs, hessian[i][j] has the shape of input i followed by that of input j.
    Errors as in `grad`.

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
    """A function that was called in order to differentiate it."""

    inputs: Several  # the copies that it was called with
    given_back: Any
    outputs: Several  # the same, in a tuple
    is_recorded: bool  # whether it used something else that wants a gradient

    def result(self) -> Any:
        """What the function returned. Where no gradient is wanted outside, it has no graph, which
        would end at the copies; these want no gradient for another call around this one."""
        let_go(self.inputs)
        if self.is_recorded:
            return self.given_back
        return like(self.given_back, [y.detach() for y in self.outputs])


def called(operation: str, function: Function, inputs: Any, v: Any = None) -> Call:
    """Calls the function with copies of the inputs, and records it."""
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
    """A copy of an input that wants a gradient, and hands it on if the input wants one too. Like a
    leaf, it cannot be changed in place."""
    given = as_tensor(x, operation)
    require_float(operation, given)
    copy = record(ALIAS, given.data.copy(), (given,))
    copy.requires_grad = copy._memory.is_parameter = True
    return copy


def let_go(copies: Several) -> None:
    """From now on, copies that are leaves want no gradient."""
    for x in copies:
        if x._node is None:
            x.requires_grad = False


def rows(y: Tensor, call: Call) -> list[Tensor]:
    """The Jacobian of one output for each input: one backward pass from every element."""
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
    """The gradient of sum(v · output) at each of the inputs."""
    with enable_grad():
        dys = directions(operation, outputs, v, create_graph)
        return gradients(outputs, dys, inputs, create_graph or retain_graph, create_graph)


def gradients(
    outputs: Several, dys: list[Any], inputs: Several, retain_graph: bool, create_graph: bool,
    is_strict: bool = False,
) -> Several:  # fmt: skip
    """The gradient at each input, in memory of its own. An input that nothing reaches gets 0, or
    raises GraphError if `is_strict`."""
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
    """The gradient at each output that a backward pass starts with."""
    are_numbers = len(outputs) == 1 and not any(
        v is None or isinstance(v, (np.ndarray, Tensor)) for v in several(given)
    )
    vs = (given,) if are_numbers else several(given)
    if len(vs) != len(outputs):
        expected = f"{len(outputs)} gradients to start with"
        raise ArgumentError(explain(operation, expected, len(vs)))
    return [y.direction(operation, v, create_graph) for y, v in zip(outputs, vs, strict=True)]


def several(given: Any) -> tuple[Any, ...]:
    """What was given, one value or several, as a tuple."""
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)


def like(given: Any, values: Sequence[Any]) -> Any:
    """The values as a tuple if a tuple was given, else the only value."""
    return tuple(values) if isinstance(given, (tuple, list)) else values[0]


def __dir__() -> list[str]:
    return __all__
