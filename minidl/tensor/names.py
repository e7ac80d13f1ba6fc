"""What other libraries call a tensor's methods, and what to type here."""

from typing import TYPE_CHECKING, Any

from ..errors import explain
from .base import Base

HERE = {
    # What a tensor is.
    "numel": "x.size", "nelement": "x.size", "dim": "x.ndim", "ndimension": "x.ndim",
    "nbytes": "x.numpy().nbytes", "itemsize": "x.dtype.itemsize", "tobytes": "x.numpy().tobytes()",
    "strides": "x.numpy().strides", "stride": "x.numpy().strides",
    # Shapes.
    "view": "x.reshape(x.shape)", "view_as": "x.reshape(y.shape)", "permute": "x.transpose()",
    "t": "x.T", "unbind": "list(x)", "broadcast_to": "x.expand(y.shape)",
    "expand_as": "x.expand(y.shape)", "repeat_interleave": "x.repeat(2)", "flat": "x.ravel()",
    # Copies, dtypes, devices: there is one.
    "clone": "x.copy()", "contiguous": "x", "cpu": "x", "cuda": "x", "device": "x", "to": "x",
    "float": "x.astype('float32')", "double": "x.astype('float64')", "long": "x.astype('int64')",
    "type": "x.astype(y.dtype)", "type_as": "x.astype(y.dtype)",
    # Changes in place.
    "fill": "x[...] = 0", "fill_": "x[...] = 0", "zero_": "x[...] = 0", "copy_": "x[...] = y",
    "add_": "x += y", "sub_": "x -= y", "mul_": "x *= y", "div_": "x /= y",
    "requires_grad_": "x.requires_grad = True", "put": "x[0] = y[0]",
    # Elements.
    "index_select": "x.take([0], 0)", "masked_select": "x[x > 0]", "select": "x[0]",
    "narrow": "x[0:1]", "compress": "x[x > 0]",
    # Operators.
    "add": "x + y", "sub": "x - y", "mul": "x * y", "div": "x / y", "pow": "x ** y", "neg": "-x",
    "mm": "x @ y.T", "bmm": "x @ y.T", "matmul": "x @ y.T", "eq": "x == y", "ne": "x != y",
    "lt": "x < y", "le": "x <= y", "gt": "x > y", "ge": "x >= y",
    "rsqrt": "1 / x.sqrt()", "clamp": "x.clip(0, 1)", "amax": "x.max(0)",
    "amin": "x.min(0)",
    # Activations.
    "relu": "F.relu(x)", "sigmoid": "F.sigmoid(x)", "softmax": "F.softmax(x)",
    "log_softmax": "F.log_softmax(x)",
}  # fmt: skip


class Names(Base):
    """An attribute that is not there gets an error that names the one that is."""

    __slots__ = ()

    if not TYPE_CHECKING:  # type checkers would take it that every name is there

        def __getattr__(self, name: str) -> Any:
            """Python calls this only where it has found no such attribute."""
            message = explain("Tensor", "an attribute that it has", repr(name), HERE.get(name, ""))
            raise AttributeError(message, name=name, obj=self)
