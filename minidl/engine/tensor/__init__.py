"""`Tensor`: an array that remembers the operations that made it, so gradients can be computed."""

from copy import deepcopy
from typing import Any

import numpy as np

from ...errors import DTypeError, ShapeError, explain
from ...tools.tables import preformatted
from ..recording import no_grad
from ..tape import Memory
from .arithmetic import Arithmetic
from .arrays import FLOATS, to_array
from .base import as_tensor, raw, require_float, results_are
from .bits import Bits
from .comparisons import Comparisons
from .dlpack import DLPack
from .elementwise import maximum, minimum, where
from .indexing import Indexing
from .joining import concatenate, stack
from .methods import Methods
from .names import Names, name_ours
from .numpy_protocol import NumPyProtocol
from .operation import Operation, by_formula, record, through_formula
from .shapes import Shapes

__all__ = [
    "FLOATS", "Operation", "Tensor", "as_tensor", "by_formula", "concatenate", "maximum",
    "minimum", "no_grad", "record", "require_float", "stack", "tensor", "through_formula",
    "where",
]  # fmt: skip

COPY = Operation("copy", x=lambda dy: dy)


class Tensor(
    Arithmetic, Comparisons, Bits, Shapes, Indexing, Methods, NumPyProtocol, DLPack, Names
):
    """An array with reverse-mode differentiation (backpropagation).

    `Tensor(array)` wraps the array without copying it; `tensor(data)` copies. Python numbers become
    float32; an array keeps its dtype: float32 or float64, or integers or bool for labels and
    masks, which have no gradient.

    >>> x = Tensor(np.array([1.0, -2.0]), requires_grad=True)
    >>> y = (x.exp() * 3).sum()
    >>> y.backward()
    >>> x.grad
    tensor([8.15484549, 0.40600585], dtype=float64)
    """

    __slots__ = ()

    # Here, and not in `Base`: Python finds no signature of a compiled class.
    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        array = to_array(raw(data), dtype)
        shared = isinstance(data, Tensor) and array is data._array
        self._become(array, data._memory if shared else Memory(), None)
        self.requires_grad = requires_grad

    def copy(self) -> "Tensor":
        """The same values in memory of their own. Gradients go through; x.detach().copy() has no
        history."""
        return record(COPY, self._array.copy(), (self,))

    def tolist(self) -> Any:
        """The values as Python numbers, in nested lists; without axes, one number."""
        return self._array.tolist()

    def __repr__(self) -> str:
        text = np.array2string(self._array, separator=", ", prefix="tensor(", threshold=60)
        if self.size == 0 and self.shape != (0,):
            text += f", shape={self.shape}"
        if self.dtype != np.float32 and (self.size == 0 or self.dtype.kind == "f"):
            text += f", dtype={self.dtype}"
        if self._node is not None:
            text += f", made by {self._node.operation.name}"
        elif self.requires_grad:
            text += ", requires_grad=True"
        return f"tensor({text})"

    def _repr_html_(self) -> str:
        facts = [str(self.shape), str(self.dtype)]
        if self.grad is not None:
            facts.append("with a gradient")
        return f"<div>tensor {', '.join(facts)}</div>{preformatted(repr(self))}"

    def __format__(self, spec: str) -> str:
        if spec and self.size != 1:
            hint = "x.numpy(), or x.mean()"
            raise ShapeError(
                explain(f"format {spec!r}", "one element", f"shape {self.shape}", hint)
            )
        return format(self.item(), spec) if spec else repr(self)

    def __copy__(self) -> "Tensor":
        return deepcopy(self)

    def __round__(self, ndigits: int | None = None) -> "Tensor":
        return self.round(ndigits or 0)

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ShapeError(
                explain("bool", "one element", f"shape {self.shape}", "x.all() or x.any()")
            )
        return bool(self._array.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise DTypeError(explain("index", "an integer tensor", self.dtype, "int(x)"))
        return int(self.item())


name_ours(Tensor)
results_are(Tensor)


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: numbers, nested lists, an array or a tensor.

    Python numbers become float32; an array keeps its dtype unless `dtype` says otherwise.
    DTypeError for data that are not numbers, and for `requires_grad` with integers.

    >>> tensor([[1, 2], [3, 4]])
    tensor([[1., 2.],
            [3., 4.]])
    >>> tensor(np.arange(3)).dtype
    dtype('int64')
    """
    return Tensor(to_array(raw(data), dtype).copy(), requires_grad=requires_grad)
