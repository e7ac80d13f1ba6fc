"""The exceptions, and the wording of their messages: operation, expected, got, what to try."""

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

HERE = str(Path(__file__).parent) + os.sep


class MinidlError(Exception):
    """Every error that minidl raises on purpose."""


class ShapeError(MinidlError, ValueError):
    """An array has a shape that the operation does not take."""


class DTypeError(MinidlError, TypeError):
    """An array has a dtype that the operation does not take."""


class ArgumentError(MinidlError, ValueError):
    """An option is out of range, or its value has no meaning."""


class KeywordError(MinidlError, TypeError):
    """The function does not have this keyword; the message says what it is called here."""


class GraphError(MinidlError, RuntimeError):
    """Gradients cannot be right: the graph is gone, or a value that they need has changed."""


class DataError(MinidlError, ValueError):
    """A file does not hold what it claims to hold."""


class DivergedError(MinidlError, ArithmeticError):
    """The loss in training is not finite. The net has the weights from before that step.

    `step` counts all batches from 1, `epoch` from 1, `batch` within the epoch from 1;
    `place` names the value that stopped being finite first, and `cause` the probable reason.
    """

    def __init__(
        self, message: str, *, step: int = 0, epoch: int = 0, batch: int = 0, place: str = "",
        cause: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.step, self.epoch, self.batch = step, epoch, batch
        self.place, self.cause = place, cause


class ParallelError(MinidlError, RuntimeError):
    """Another process of the training has failed, or is at another place of the program."""


class GuardWarning(UserWarning):
    """Training goes on, but with a value or setting that is probably a mistake."""


class CheckpointError(DataError):
    """A checkpoint is damaged or cut short, belongs to another model, or is none at all."""


class MissingPackageError(MinidlError, ImportError):
    """A package that only this part of minidl needs is not installed."""


class Unplanned(Exception):  # noqa: N818  # nothing went wrong
    """A kernel cannot do this: `what` prevents it, and the `hint` says what to do about it.

    Not a MinidlError, as nothing is wrong: the planner catches it, and plans the slower way.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(f"{what}. Try: {hint}" if hint else what)
        self.what, self.hint = what, hint


def some(names: Sequence[str], most: int = 10) -> str:
    """The first names, for a message.

    >>> some(["a", "b", "c"], most=2)
    'a, b, ...'
    """
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def explain(operation: str, expected: object, got: object, hint: str = "") -> str:
    """One message: the operation, what it takes, what it got, and what to do about it.

    >>> explain("dense", "x of shape (batch, 784)", "(64, 28, 28)", "x.reshape(64, -1)")
    'dense: expected x of shape (batch, 784), got (64, 28, 28). Try: x.reshape(64, -1)'
    >>> explain("read", "a table", "Disk full.")
    'read: expected a table, got Disk full.'
    """
    message = f"{operation}: expected {expected}, got {got}".removesuffix(".") + "."
    return f"{message} Try: {hint}" if hint else message


def warn_user(message: str, category: type[Warning] = GuardWarning) -> None:
    """Warns with the line outside minidl that led here, however deep in minidl the call is."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
