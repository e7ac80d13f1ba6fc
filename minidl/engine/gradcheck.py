"""Gradients compared with finite differences, which do not depend on backpropagation."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ArgumentError, DTypeError, GraphError, explain
from ..tools.checks import is_whole
from .autograd import gradients
from .recording import enable_grad, no_grad, recording
from .tensor import Tensor, concatenate, tensor

KINK_DISTANCE = 10  # in eps; a difference across a kink is the slope of neither side

Function = Callable[..., Tensor]


def gradcheck(
    function: Function,
    inputs: Tensor | Sequence[Any],
    *,
    order: int = 1,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    kinks: Sequence[float] = (),
    raise_exception: bool = True,
) -> bool:
    """Whether backward gives the function's whole Jacobian, element by element.

        |backward - difference| <= atol + rtol |difference|
        difference = (f(x + eps) - f(x - eps)) / 2 eps     for every element of every input

    - function: takes the inputs and returns one tensor of any shape, the same at every call
      (dropout needs a seed). To check something else that it uses, such as a layer's weight, name
      it among the inputs; the function then takes it as an argument, and may ignore it.
    - inputs: a tensor or a sequence. Those with requires_grad are checked; they are leaves.
      All float tensors are float64: differences in float32 would be noise. They may be
      non-contiguous. At the end they have their old values and their old `grad` again.
    - order: 2 also checks the second derivatives: it compares the gradients of gradients, which
      `create_graph` allows, with differences of gradients. 3 and above go on like this.
    - kinks: values of the inputs at which the function has a kink; elements within 10 eps of one
      are skipped.

    Returns True. A gradient that is wrong, missing or of a wrong shape raises GraphError, which
    names the input, the element and both values; without `raise_exception` it returns False.
    A function that changes its inputs, or returns other values when it is called again, raises
    GraphError too. DTypeError for another dtype; ArgumentError for inputs that cannot be checked
    and options out of range.

    >>> import minidl
    >>> x = minidl.tensor(np.array([-1.0, 0.5, 2.0]), requires_grad=True)
    >>> gradcheck(lambda x: x * x, x)
    True
    >>> gradcheck(lambda x: x.exp() * x, x, order=3)
    True
    >>> gradcheck(lambda x: x * x.detach(), x, raise_exception=False)
    False
    """
    if not (eps > 0 and rtol >= 0 and atol >= 0 and is_whole(order, 1)):
        expected = "order >= 1, eps > 0, rtol >= 0 and atol >= 0"
        got = f"order={order!r}, eps={eps}, rtol={rtol}, atol={atol}"
        raise ArgumentError(explain("gradcheck", expected, got))
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    before = [(x, x.data.copy(), x.grad) for x in arguments if isinstance(x, Tensor)]
    try:
        problem = _problem(function, arguments, 1, order, kinks, (eps, rtol, atol))
    finally:
        for x, values, grad in before:
            x.grad = grad
            if x.data.flags.writeable:
                x.data[...] = values
    if problem is not None and raise_exception:
        raise GraphError(problem)
    return problem is None


def _problem(
    function: Function, arguments: tuple[Any, ...], order: int, last: int, kinks: Sequence[float],
    tolerances: tuple[float, float, float],
) -> str | None:  # fmt: skip
    """What is wrong with the derivatives of this order, or of one up to the last."""
    checked = _checked(arguments, kinks, tolerances[0])
    problem = next(_problems(function, arguments, checked, *tolerances), None)
    if problem is None and order < last:
        further = _gradient(function, arguments)
        return _problem(*further, order + 1, last, kinks, tolerances)
    return problem if problem is None or order == 1 else f"order {order}: {problem}"


def _gradient(function: Function, arguments: tuple[Any, ...]) -> tuple[Function, tuple[Any, ...]]:
    """A function that returns the gradients of all inputs in a row, and its arguments: the inputs
    and a random gradient of the result. A call of it is recorded like any operation."""
    shape = _evaluate(function, arguments).shape
    dy = tensor(np.random.default_rng(0).normal(size=shape), requires_grad=True)

    def gradient(*given: Any) -> Tensor:
        create_graph, direction = recording(), given[-1]
        xs = [x for x in given[:-1] if isinstance(x, Tensor) and x.requires_grad]
        with enable_grad():
            y = function(*given[:-1])
            dys = [direction if create_graph else direction.data]
            found = gradients((y,), dys, tuple(xs), create_graph, create_graph)
        return concatenate([dx.reshape(-1) for dx in found])

    return gradient, (*arguments, dy)


class _Checked:
    """An input whose gradient is checked."""

    def __init__(self, number: int, x: Tensor, kinks: Sequence[float], eps: float) -> None:
        self.number = number
        self.x = x
        # For each element of the output, the gradient from backward; None if there was none.
        self.gradients: list[np.ndarray | None] = []
        near = [np.abs(x.data - kink) <= KINK_DISTANCE * eps for kink in kinks]
        skipped = np.any(near, axis=0) if near else np.zeros(x.shape, bool)
        self.elements = [at for at in np.ndindex(x.shape) if not skipped[at]]


def _checked(arguments: tuple[Any, ...], kinks: Sequence[float], eps: float) -> list[_Checked]:
    tensors = [(number, x) for number, x in enumerate(arguments) if isinstance(x, Tensor)]
    for number, x in tensors:
        if x.dtype.kind == "f" and x.dtype != np.float64:
            got = f"input {number} of {x.dtype}"
            raise DTypeError(explain("gradcheck", "float64", got, "dtype='float64'"))
    checked = [_Checked(number, x, kinks, eps) for number, x in tensors if x.requires_grad]
    if not checked:
        raise ArgumentError(explain("gradcheck", "an input with requires_grad=True", "none"))
    for c in checked:
        if c.x._node is not None or not c.x.data.flags.writeable:
            got = f"input {c.number}, a result or read-only"
            hint = "tensor(x, requires_grad=True), which copies"
            raise ArgumentError(
                explain("gradcheck", "leaves whose values can be changed", got, hint)
            )
        if c.x.size and not c.elements:
            got = f"none in input {c.number}"
            raise ArgumentError(explain("gradcheck", "an element away from the kinks", got))
    return checked


def _problems(
    function: Function,
    arguments: tuple[Any, ...],
    checked: list[_Checked],
    eps: float,
    rtol: float,
    atol: float,
) -> Iterator[str]:
    """The problems, found one after the other as they are asked for."""
    outputs = list(np.ndindex(_collect_gradients(function, arguments, checked)))
    for c in checked:
        for at in c.elements:
            differences = _central_difference(function, arguments, c.x, at, eps)
            for output, gradient in zip(outputs, c.gradients, strict=True):
                found = 0.0 if gradient is None else gradient[at]
                difference = differences[output]
                if not abs(found - difference) <= atol + rtol * abs(difference):
                    where = f"d output{list(output)} / d input {c.number}{list(at)}"
                    yield explain(
                        "gradcheck",
                        f"{where} = {difference:.9g}, the central difference",
                        "no gradient" if gradient is None else f"{found:.9g} from backward",
                    )


def _collect_gradients(
    function: Function, arguments: tuple[Any, ...], checked: list[_Checked]
) -> tuple[int, ...]:
    """Runs backward from every element of the output; returns the output's shape.

    Each backward releases the graph, so the function is called anew for each.
    """
    first = _evaluate(function, arguments)
    for output in np.ndindex(first.shape):
        y = _evaluate(function, arguments)
        if not np.array_equal(y.data, first.data, equal_nan=True):
            raise GraphError(
                explain(
                    "gradcheck", "the same values at every call", "others", "a fixed seed inside"
                )
            )
        for c in checked:
            c.x.grad = None
        if y.requires_grad:
            direction = np.zeros(y.shape)
            direction[output] = 1
            y.backward(direction)
        for c in checked:
            c.gradients.append(None if c.x.grad is None else c.x.grad.numpy())
    return first.shape


def _evaluate(function: Function, arguments: tuple[Any, ...]) -> Tensor:
    before = [(i, x, x.data.copy()) for i, x in enumerate(arguments) if isinstance(x, Tensor)]
    y = function(*arguments)
    if not isinstance(y, Tensor) or y.dtype != np.float64:
        got = f"one of {y.dtype}" if isinstance(y, Tensor) else type(y).__name__
        raise DTypeError(explain("gradcheck", "a function that returns a float64 tensor", got))
    for i, x, values in before:
        if not np.array_equal(x.data, values, equal_nan=x.dtype.kind == "f"):
            raise GraphError(
                explain(
                    "gradcheck",
                    "a function that leaves its inputs alone",
                    f"input {i} changed in place",
                    "x = x + y for x += y",
                )
            )
    return y


def _central_difference(
    function: Function, arguments: tuple[Any, ...], x: Tensor, at: tuple[int, ...], eps: float
) -> np.ndarray:
    """(f(x + eps) - f(x - eps)) / 2 eps for one element of x, in the output's shape."""
    value = x.data[at]
    with no_grad(), np.errstate(invalid="ignore"):
        x.data[at] = above = value + eps
        y_above = _evaluate(function, arguments).data.copy()
        x.data[at] = below = value - eps
        y_below = _evaluate(function, arguments).data.copy()
        x.data[at] = value
        return (y_above - y_below) / (above - below)
