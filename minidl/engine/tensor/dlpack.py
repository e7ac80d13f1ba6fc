"""DLPack: arrays that other libraries (PyTorch, JAX, NumPy) share with tensors, without a copy.

The array API standard describes the protocol, https://data-apis.org/array-api (2024.12, "Data
interchange mechanisms"). NumPy carries it out: a tensor's values are NumPy's array.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import DTypeError, GraphError, explain
from ..recording import recording
from .arrays import KINDS, to_array
from .base import Base, new_result

if TYPE_CHECKING:
    from . import Tensor


class ExportError(GraphError, BufferError):
    """A gradient would be lost. BufferError is what the standard asks for."""


class DLPack(Base):
    """The two methods by which other libraries take a tensor: `torch.from_dlpack(x)`."""

    __slots__ = ()

    def __dlpack__(
        self, *, stream: None = None, max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None, copy: bool | None = None,
    ) -> Any:  # fmt: skip
        """The values as a DLPack capsule, for `torch.from_dlpack(x)`, `np.from_dlpack(x)` and their
        like.

        The other library shares the memory, and the tape does not notice what it writes there (as
        with `x.numpy()`): change no value that a backward pass still needs, or pass `x.copy()`.

        - max_version: what the caller reads. From (1, 0) on a read-only array is exported as such;
          NumPy raises BufferError for it below. (PyTorch 2.13 ignores the mark.)
        - copy: True for memory of its own; False never copies. None copies only what has a
          reversed axis (x[::-1]), which not all libraries read; False raises BufferError for it.
        - stream, dl_device: None and (1, 0), as the values are in the CPU's memory.

        GraphError, which is a BufferError here, if a gradient is wanted, as in PyTorch.
        """
        if self._requires_grad and recording():
            expected, got = "a tensor that wants no gradient", "one whose gradient would be lost"
            raise ExportError(explain("dlpack", expected, got, "x.detach()"))
        is_reversed = min(self._array.strides, default=0) < 0  # PyTorch 2.13 would abort Python
        if is_reversed and copy is False:
            expected, got = "an order that other libraries read", "a reversed axis (x[::-1])"
            raise BufferError(explain("dlpack", expected, got, "x.copy()"))
        array = self._array.copy("C") if copy or is_reversed else self._array
        options: dict[str, Any] = {
            "stream": stream,
            "max_version": max_version,
            "dl_device": dl_device,
        }
        # NumPy before 2.1 knows `stream` alone, and a caller then tries again without the others.
        return array.__dlpack__(**{n: value for n, value in options.items() if value is not None})

    def __dlpack_device__(self) -> tuple[int, int]:
        """Where the values are: (1, 0), the CPU's memory."""
        return self._array.__dlpack_device__()


def from_dlpack(x: Any, *, device: str | None = None, copy: bool | None = None) -> "Tensor":
    """A tensor around another library's array: of PyTorch, JAX, NumPy, or any that has
    `__dlpack__`.

    It shares the array's memory where it can, and the tape does not notice what the other library
    writes there. Memory that is read-only, such as JAX's, stays so: operations in place raise
    ArgumentError.

    - copy: True for memory of its own; False never copies.
    - device: "cpu" asks for a copy of an array that is elsewhere.

    DTypeError for what has no `__dlpack__` and for a dtype that tensors do not have, such as
    float16. If an array is not in the CPU's memory, or PyTorch wants its gradient, the error is the
    library's own.

    >>> import numpy as np
    >>> array = np.array([1.0, 2.0])
    >>> x = from_dlpack(array)
    >>> array[0] = 5.0
    >>> x
    tensor([5., 2.], dtype=float64)
    """
    if not hasattr(x, "__dlpack__"):
        expected, got = "an array that has __dlpack__", type(x).__name__
        raise DTypeError(explain("from_dlpack", expected, got, "tensor(x)"))
    # Not copy=True: NumPy would ask the other library for the copy, and not all can make it.
    options: dict[str, Any] = {} if copy is not False else {"copy": False}
    options |= {} if device is None else {"device": device}
    try:
        array = np.from_dlpack(x, **options)
    except RuntimeError as error:
        if "dtype" not in str(error):
            raise
        got = getattr(x, "dtype", type(x).__name__)
        raise DTypeError(explain("from_dlpack", f"{KINDS} data", got)) from error
    array = to_array(array, None, "from_dlpack")
    return new_result(array.copy() if copy else array)
