"""Whether operations are recorded: `no_grad` and its opposite, for each thread on its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeVar, cast

from ..errors import ArgumentError, explain

Function = TypeVar("Function", bound=Callable[..., Any])


class _Mode(threading.local):
    no_grad_blocks = 0  # how many of them this thread has entered


_mode = _Mode()
_no_grad_blocks = 0  # how many all threads have entered; while it is 0, no thread is asked


def recording() -> bool:
    """Whether this thread records operations."""
    return _no_grad_blocks == 0 or _mode.no_grad_blocks == 0


def count_no_grad(change: int) -> None:
    """This thread has entered a no_grad block (1), or left one (-1)."""
    global _no_grad_blocks
    _no_grad_blocks += change
    _mode.no_grad_blocks += change


@contextmanager
def enable_grad() -> Iterator[None]:
    """Within the block this thread records operations, even within no_grad()."""
    blocks, _mode.no_grad_blocks = _mode.no_grad_blocks, 0
    try:
        yield
    finally:
        _mode.no_grad_blocks = blocks


class no_grad(ContextDecorator):  # noqa: N801  (PyTorch's name, and used like a function)
    """Within the block, or in the decorated function, this thread records no operations.

    In a generator function, the body is not recorded; its caller's code between two items is.
    ArgumentError for an asynchronous function, which shares its thread with others.

    >>> import minidl
    >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> with minidl.no_grad():
    ...     w -= 0.5
    >>> (w * 2).requires_grad
    True
    """

    def __enter__(self) -> None:
        count_no_grad(1)

    def __exit__(self, *_: object) -> None:
        count_no_grad(-1)

    def __call__(self, function: Function) -> Function:
        """The function, or generator function; its body runs unrecorded."""
        if iscoroutinefunction(function) or isasyncgenfunction(function):
            hint = "with no_grad(): around lines without await"
            raise ArgumentError(explain("no_grad", "a function or generator", "async def", hint))
        if not isgeneratorfunction(function):
            return super().__call__(function)

        @wraps(function)
        def generator(*arguments: Any, **options: Any) -> Any:
            items = function(*arguments, **options)
            go_on, sent = items.send, None
            try:
                while True:
                    with self:
                        item = go_on(sent)
                    try:
                        go_on, sent = items.send, (yield item)
                    except BaseException as error:  # the caller's throw() or close()
                        go_on, sent = items.throw, error
            except StopIteration as end:
                return end.value

        return cast(Function, generator)
