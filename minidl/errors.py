"""The exceptions, and what words them: operation, expected, got, what to try."""

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

HERE = str(Path(__file__).parent) + os.sep


class MinidlError(Exception):
    """Every error that minidl raises on purpose."""


class ShapeError(MinidlError, ValueError):
    """An array of a shape that the operation has no meaning for."""


class DTypeError(MinidlError, TypeError):
    """An array of numbers of a kind that the operation does not take."""


class ArgumentError(MinidlError, ValueError):
    """An option outside its range."""


class KeywordError(MinidlError, TypeError):
    """A keyword that the function does not have; the message says what it is called here."""


class GraphError(MinidlError, RuntimeError):
    """A backward pass that cannot be right: its graph is gone, or a value it needs has changed."""


class DataError(MinidlError, ValueError):
    """A file that does not hold what it claims to hold."""


class DivergedError(MinidlError, ArithmeticError):
    """Training met a loss that is not finite. The net has the weights from before that step.

    `step` counts all batches from 1, `epoch` from 1, `batch` within the epoch from 1;
    `place` is what was the first not to be finite, and `cause` what probably made it so.
    """

    def __init__(
        self, message: str, *, step: int = 0, epoch: int = 0, batch: int = 0, place: str = "",
        cause: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.step, self.epoch, self.batch = step, epoch, batch
        self.place, self.cause = place, cause


class GuardWarning(UserWarning):
    """Training goes on, but what it was given is probably a mistake."""


class CheckpointError(DataError):
    """A checkpoint that is damaged, cut short, no checkpoint at all, or one of another model."""


class MissingPackageError(MinidlError, ImportError):
    """A package that only this part of minidl needs is not installed."""


class Unplanned(Exception):  # noqa: N818  # nothing went wrong
    """Why a kernel cannot do this: `what` stands in the way, and the `hint` says what to do.

    Nobody's mistake, and so no MinidlError: who plans catches it, and goes the slower way.
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
    """One message: what was called, what it takes, what came, and what to do about it.

    >>> explain("dense", "x of shape (batch, 784)", "(64, 28, 28)", "x.reshape(64, -1)")
    'dense: expected x of shape (batch, 784), got (64, 28, 28). Try: x.reshape(64, -1)'
    >>> explain("read", "a table", "Disk full.")
    'read: expected a table, got Disk full.'
    """
    message = f"{operation}: expected {expected}, got {got}".removesuffix(".") + "."
    return f"{message} Try: {hint}" if hint else message


def warn_user(message: str, category: type[Warning] = GuardWarning) -> None:
    """Warns with the line of the caller outside minidl, however deep within it this is called."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(HERE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
