"""Other libraries' names for a tensor's attributes, and what to type here."""

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from ...errors import explain
from .base import Base

OURS = {
    # What a tensor is, and its history.
    "numel": "x.size", "nelement": "x.size", "dim": "x.ndim", "ndimension": "x.ndim",
    "requires_grad_": "x.requires_grad = True", "detach_": "x.detach()",
    # Shapes.
    "view": "x.reshape(x.shape)", "view_as": "x.reshape(y.shape)", "resize": "x.reshape(x.shape)",
    "permute": "x.transpose()", "t": "x.T", "mT": "x.swapaxes(-1, -2)", "unbind": "list(x)",
    "broadcast_to": "x.expand(y.shape)", "expand_as": "x.expand(y.shape)",
    "repeat_interleave": "x.repeat(2)", "flat": "x.ravel()",
    # Copies, dtypes, devices: there is one device.
    "clone": "x.copy()", "contiguous": "x", "cpu": "x", "cuda": "x", "device": "x", "to": "x",
    "float": "x.astype('float32')", "double": "x.astype('float64')", "long": "x.astype('int64')",
    "type": "x.astype(y.dtype)", "type_as": "x.astype(y.dtype)",
    # Changes in place.
    "fill": "x[...] = 0", "fill_": "x[...] = 0", "zero_": "x[...] = 0", "copy_": "x[...] = y",
    "add_": "x += y", "sub_": "x -= y", "mul_": "x *= y", "div_": "x /= y", "put": "x[[0]] = y[0]",
    # Elements.
    "index_select": "x.take([0], 0)", "masked_select": "x[x > 0]", "compress": "x[x > 0]",
    "select": "x[0]", "narrow": "x[0:1]", "partition": "x.sort()", "argpartition": "x.argsort()",
    # Operators and functions.
    "add": "x + y", "sub": "x - y", "mul": "x * y", "div": "x / y", "pow": "x ** y", "neg": "-x",
    "mm": "x @ y.T", "bmm": "x @ y.T", "matmul": "x @ y.T", "eq": "x == y", "ne": "x != y",
    "lt": "x < y", "le": "x <= y", "gt": "x > y", "ge": "x >= y", "rsqrt": "1 / x.sqrt()",
    "clamp": "x.clip(0, 1)", "amax": "x.max(0)", "amin": "x.min(0)", "absolute": "x.abs()",
    "asin": "x.arcsin()", "acos": "x.arccos()", "atan": "x.arctan()", "asinh": "x.arcsinh()",
    "acosh": "x.arccosh()", "atanh": "x.arctanh()", "floor_divide": "x // y", "remainder": "x % y",
    "logical_not": "x == 0", "median": "x.ravel().sort()[x.size // 2]",
    # Functions of two, by `import minidl`.
    "where": "minidl.where(x > 0, x, y)", "maximum": "minidl.maximum(x, y)",
    "minimum": "minidl.minimum(x, y)", "atan2": "minidl.arctan2(x, y)",
    "arctan2": "minidl.arctan2(x, y)", "hypot": "minidl.hypot(x, y)",
    "logaddexp": "minidl.logaddexp(x, y)", "isclose": "minidl.isclose(x, y)",
    "allclose": "minidl.allclose(x, y)", "inner": "minidl.inner(x, y)",
    "outer": "minidl.outer(x, y)", "logical_and": "minidl.logical_and(x, y)",
    "logical_or": "minidl.logical_or(x, y)",
    # Activations, by `from minidl import functional as F`.
    "relu": "F.relu(x)", "sigmoid": "F.sigmoid(x)", "softmax": "F.softmax(x)",
    "log_softmax": "F.log_softmax(x)",
}  # fmt: skip

# Functions of other libraries whose answer differs from that of the method of the same name.
FUNCTIONS = dict.fromkeys(("array", "asarray", "as_tensor", "from_numpy"), "minidl.tensor(y)")
FUNCTIONS |= {"cat": "minidl.concatenate([x, y])", "concat": "minidl.concatenate([x, y])"}


def no_function(name: str, kind: type) -> AttributeError:
    """The error for a function that minidl does not have; it says what to type instead. `kind` is
    the class of tensors."""
    ours = FUNCTIONS.get(name) or OURS.get(name, "")
    ours = f"x.{name}" if hasattr(kind, name) else ours
    return AttributeError(explain("minidl", "a name that it has", repr(name), ours))


class Elsewhere:
    """A class attribute that raises AttributeError, and names minidl's own attribute for another
    library's name. (`__getattr__` would do, but makes every attribute slower, and np.asarray, which
    asks for some that do not exist, ten times slower.)"""

    def __init__(self, name: str, ours: str) -> None:
        self.name, self.ours = name, ours

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        got = f"the name {self.name!r}"
        raise AttributeError(explain(owner.__name__, "an attribute that it has", got, self.ours))


def name_ours(kind: type) -> None:
    """From now on this class of tensors answers to other libraries' names that it does not have
    itself. For an attribute of arrays the error names `x.numpy().` and that attribute."""
    of_arrays = {name: f"x.numpy().{name}" for name in dir(np.ndarray) if name[0] != "_"}
    for name, ours in (of_arrays | OURS).items():
        if not hasattr(kind, name):
            setattr(kind, name, Elsewhere(name, ours))


class Names(Base):
    """Makes completion list only attributes that exist."""

    __slots__ = ()

    def __dir__(self) -> Iterable[str]:
        return [name for name in super().__dir__() if hasattr(type(self), name)]
