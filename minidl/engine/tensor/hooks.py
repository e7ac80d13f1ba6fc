"""Gradients of tensors inside a graph: kept in their `grad`, or shown to a function."""

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from ...errors import GraphError, ShapeError, explain
from .base import Base, as_tensor, new_result, raw

if TYPE_CHECKING:
    from . import Tensor


def retain_grad(x: Base) -> None:
    """Makes backward store a gradient in this tensor too, though an operation made it: the gradient
    of its present value, even if it is changed in place later.

    >>> import minidl
    >>> x = minidl.tensor(3.0, requires_grad=True)
    >>> y = x * x
    >>> y.retain_grad()
    >>> (2 * y).backward()
    >>> y.grad
    tensor(2.)
    """
    if not x._requires_grad:
        raise GraphError(explain("retain_grad", "a tensor that wants a gradient", "another"))
    if x._node is not None:
        others = [reference for reference in x._node.retaining or () if reference() is not x]
        x._node.retaining = [*others, ref(x)]


def register_hook(x: Base, hook: Callable[["Tensor"], "Tensor | None"]) -> "Hook":
    """Calls `hook(dy)` in each backward pass, with the whole gradient dy of this tensor.

    What the hook returns, of dy's shape, replaces dy; None leaves it. `remove()` of the result
    takes the hook away.

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> handle = x.register_hook(lambda dy: 10 * dy)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([20., 40.])
    >>> handle.remove()
    """
    if not x._requires_grad:
        raise GraphError(explain("register_hook", "a tensor that wants a gradient", "another"))
    if x._node is None:
        hooks = x._hooks = {} if x._hooks is None else x._hooks
    else:
        hooks = x._node.hooks = {} if x._node.hooks is None else x._node.hooks
    return Hook(hooks, hook)


class Hook:
    """A hook on a tensor; `remove()` takes it away."""

    _numbers = count()

    def __init__(self, hooks: dict[int, Any], hook: Callable[["Tensor"], Any]) -> None:
        self._hooks, self._number = hooks, next(Hook._numbers)
        hooks[self._number] = hooking(hook)

    def remove(self) -> None:
        """Takes the hook away: the next gradients pass it by."""
        self._hooks.pop(self._number, None)


def hooking(hook: Callable[["Tensor"], Any]) -> Callable[[Any], Any]:
    """The hook, which takes tensors, for values on the tape: arrays, or tensors with a graph."""

    def after(dy: Any) -> Any:
        is_array = not isinstance(dy, Base)
        array = np.asarray(raw(dy))
        found = hook(new_result(array.copy()) if is_array else dy)
        if found is None:
            return dy
        new = as_tensor(found, "hook", like=new_result(array))
        if new.shape != array.shape:
            raise ShapeError(explain("hook", f"a gradient of shape {array.shape}", new.shape))
        return new._array.astype(array.dtype) if is_array else new

    return after
