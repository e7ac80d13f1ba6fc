"""What a tensor is, before it can do anything: an array, its gradient, its place on the tape."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import tape
from ..errors import ArgumentError, DTypeError, GraphError, ShapeError, explain

if TYPE_CHECKING:
    from . import Tensor

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def to_array(data: Any, dtype: Any = None) -> np.ndarray:
    """`data` as an array of a dtype that tensors have: float32, float64, integers or bool.

    Python numbers become float32. An array keeps its dtype, so that nothing is rounded or
    converted unasked; it is not copied unless it has to be.
    """
    if isinstance(data, Base):
        data = data._data
    wanted = None if dtype is None else np.dtype(dtype)
    is_array = isinstance(data, (np.ndarray, np.generic))
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(
            explain("tensor", "numbers in rows of equal length", f"{type(data).__name__}: {error}")
        ) from None
    if wanted is None:
        wanted = np.dtype(np.float32) if not is_array and array.dtype.kind in "iuf" else array.dtype
    if array.dtype.kind not in "biuf" or not (wanted in FLOATS or wanted.kind in "biu"):
        raise DTypeError(
            explain(
                "tensor",
                "float32, float64, integer or bool data",
                array.dtype if array.dtype.kind not in "biuf" else wanted,
                "np.asarray(data, dtype=np.float32)",
            )
        )
    return array.astype(wanted.newbyteorder("="), copy=False)


class Base:
    """The array `data`, its gradient `grad`, and how it came to be."""

    __slots__ = ("__weakref__", "_data", "_memory", "_node", "_recorded", "_requires_grad", "grad")

    __array_ufunc__ = None  # array + tensor is left to the tensor

    # The class of what operations make, also of subclasses' operations; set where it is defined.
    result_class: ClassVar[type["Tensor"]]

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self._become(to_array(data, dtype), tape.Memory(), None)
        self.requires_grad = requires_grad

    def _become(self, data: np.ndarray, memory: tape.Memory, node: tape.Node | None) -> None:
        self._data = data
        self._memory = memory
        self._node = node
        self._recorded = memory.recorded_writes
        self._requires_grad = node is not None
        self.grad: Tensor | None = None

    @property
    def data(self) -> np.ndarray:
        """The values, as the array itself, not a copy.

        What is written into it directly goes unnoticed; `x += y` and `x[i] = y` are noticed.
        """
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        array = to_array(value)
        if array.shape != self._data.shape or array.dtype != self._data.dtype:
            raise ShapeError(
                explain(
                    "data",
                    f"an array of shape {self.shape} and dtype {self.dtype}",
                    f"{array.shape} and {array.dtype}",
                )
            )
        if array is not self._data:
            is_parameter = self._memory.is_parameter
            self._data, self._memory = array, tape.Memory()
            self._memory.is_parameter = is_parameter
            self._recorded = 0
        self.mark_written()

    @property
    def requires_grad(self) -> bool:
        """Whether a backward pass leaves this tensor's gradient, or goes through it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._data.dtype not in FLOATS:
            raise DTypeError(
                explain(
                    "requires_grad",
                    "float32 or float64 data",
                    self.dtype,
                    "tensor(x, dtype='float32', requires_grad=True)",
                )
            )
        if self._node is not None and not value:
            raise GraphError(
                "requires_grad: this tensor was made by "
                f"'{self._node.operation}', so it follows its inputs. Try: x.detach()"
            )
        self._requires_grad = bool(value)
        self._memory.is_parameter |= self._requires_grad and self._node is None

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every axis."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64; integers or bool for labels and masks."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._data.size

    def numpy(self) -> np.ndarray:
        """The values as an array, without history; not a copy."""
        return self._data

    def item(self) -> float:
        """The only element as a Python number; ShapeError if there is not exactly one."""
        if self._data.size != 1:
            raise ShapeError(
                explain(
                    "item", "one element", f"shape {self.shape}", "x.numpy(), or x.sum().item()"
                )
            )
        return self._data.item()

    def detach(self) -> "Tensor":
        """The same values, in the same memory, without history."""
        return self._result(self._data, self._memory)

    def receive_gradient(self, gradient: np.ndarray) -> None:
        """Adds to `grad`. The tape calls this at the end of a backward pass."""
        gradient = np.asarray(gradient, dtype=self.dtype)
        if self.grad is None:
            self.grad = self._result(gradient)
        else:
            self.grad._data += gradient

    def backward(self, grad: Any = None) -> None:
        """Adds d(self)/d(leaf) · grad to the `grad` of every leaf behind this tensor.

        `grad` has this tensor's shape; it may be left out for a single element, where it is 1.
        The graph is released: a second call raises GraphError, as does one where a value that it
        needs was changed in place.

        >>> import minidl
        >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        if not self._requires_grad:
            raise GraphError(
                "backward: expected a result of operations on a tensor with requires_grad=True, "
                "got one without history. Try: tensor(x, requires_grad=True); was it computed "
                "under no_grad()?"
            )
        self.check_current("backward")
        if grad is None:
            if self._data.size != 1:
                raise ShapeError(
                    explain(
                        "backward",
                        "a single number, such as a loss",
                        f"shape {self.shape}",
                        "x.sum().backward(), or x.backward(grad) with grad of that shape",
                    )
                )
            dy = np.ones_like(self._data)
        else:
            dy = to_array(grad).astype(self.dtype, copy=False)
            if dy.shape != self.shape:
                raise ShapeError(explain("backward", f"grad of shape {self.shape}", dy.shape))
        if self._node is None:
            self.receive_gradient(dy.copy())
        else:
            tape.backward(self._node, dy)

    def check_current(self, operation: str) -> None:
        """Raises GraphError if this tensor's values were changed by way of another that shares
        its memory, in an operation that gradients go through: its history is then wrong."""
        if self._recorded != self._memory.recorded_writes:
            raise GraphError(
                f"{operation}: this tensor shares memory with another that was changed in place, "
                "so its history no longer fits its values. Try: make the view again after the "
                "change"
            )

    def mark_written(self) -> None:
        """Tells the tape that the values were changed in place."""
        self._memory.writes += 1

    def write(self, operation: str, new: "Tensor", where: Any = ...) -> None:
        """Replaces the values in place by those of `new`, and the history by its."""
        if new._requires_grad:
            if self._memory.is_parameter:
                raise GraphError(
                    f"{operation}: this tensor, or the one it is a view of, is a leaf that wants a "
                    "gradient, and changing it in place would lose where its value came from. "
                    "Try: with no_grad(): ..., or an operation that makes a new tensor"
                )
            self._memory.recorded_writes += 1
            self._recorded = self._memory.recorded_writes
            self._node, self._requires_grad = new._node, True
        self._data[...] = new._data
        self.mark_written()

    @classmethod
    def _result(cls, data: np.ndarray, memory: tape.Memory | None = None) -> "Tensor":
        """A tensor without history around `data`, in `memory` if it shares someone's."""
        result = object.__new__(Base.result_class)
        result._become(data, tape.Memory() if memory is None else memory, None)
        return result


def record(
    operation: str,
    data: np.ndarray,
    inputs: Sequence[Base],
    backward: tape.Backward,
    keeps: Sequence[Base] = (),
    keeps_result: bool = False,
    view_of: Base | None = None,
) -> "Tensor":
    """The tensor around `data`, which `operation` computed from `inputs`.

    `backward(dy)` gives a gradient per input, as arrays of the inputs' shapes (see tape.backward
    for who owns them). `keeps` names the inputs whose values it will read, `keeps_result` says
    that it will read `data`: changing those in place then raises an error instead of giving a
    wrong gradient. `view_of` is the input that `data` may share its memory with.
    """
    result = Base._result(np.asarray(data), None if view_of is None else view_of._memory)
    if tape.recording() and any(x._requires_grad for x in inputs):
        for x in inputs:
            x.check_current(operation)
        edges = tuple(x._node or (x if x._requires_grad else None) for x in inputs)
        kept = [x._memory for x in keeps]
        if keeps_result:
            kept.append(result._memory)
        result._node = tape.Node(operation, edges, backward, kept)
        result._requires_grad = True
    return result


def unbroadcast(dy: np.ndarray, like: Base) -> np.ndarray:
    """The gradient of an operand that NumPy's broadcasting stretched: the sum over its copies."""
    shape = like.shape
    if dy.shape != shape:
        added = dy.ndim - len(shape)
        stretched = [
            added + axis for axis, n in enumerate(shape) if n == 1 and dy.shape[added + axis] != 1
        ]
        dy = dy.sum(axis=(*range(added), *stretched), keepdims=True).reshape(shape)
    return dy.astype(like.dtype, copy=False)


def as_tensor(value: Any, operation: str = "tensor", like: Base | None = None) -> "Tensor":
    """`value` if it is a tensor, else one around it, of `like`'s dtype if it is no float array.

    Masks and integer arrays count as constants beside a float tensor.
    """
    if isinstance(value, Base):
        if like is None or value.dtype in FLOATS or like.dtype not in FLOATS:
            return value  # type: ignore[return-value]
        return Base._result(value._data.astype(like.dtype))
    if like is None or like.dtype not in FLOATS:
        return Base._result(to_array(value))
    is_float_array = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0
    try:
        array = to_array(value, None if is_float_array else like.dtype)
    except DTypeError:
        raise DTypeError(
            explain(operation, "a number, an array of numbers or a tensor", type(value).__name__)
        ) from None
    return Base._result(array)


def require_float(operation: str, *tensors: Base) -> None:
    """Raises DTypeError unless all tensors hold float32 or float64."""
    for x in tensors:
        if x._data.dtype not in FLOATS:
            raise DTypeError(
                explain(operation, "float32 or float64", x.dtype, "tensor(x, dtype='float32')")
            )


def broadcast_shapes(operation: str, *tensors: Base) -> tuple[int, ...]:
    """The shape that NumPy's broadcasting gives; ShapeError if there is none."""
    try:
        return np.broadcast_shapes(*(x.shape for x in tensors))
    except ValueError:
        shapes = " and ".join(str(x.shape) for x in tensors)
        raise ShapeError(
            explain(
                operation,
                "shapes that agree from the last axis on (or are 1)",
                shapes,
                "x.reshape(...), or keepdims=True in the reduction before",
            )
        ) from None


def normal_axes(operation: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """`axis` (None, a number or several) as non-negative numbers; ArgumentError if not there."""
    if axis is None:
        return tuple(range(ndim))
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    for a in axes:
        if isinstance(a, bool) or not isinstance(a, (int, np.integer)) or not -ndim <= a < ndim:
            raise ArgumentError(explain(operation, f"axis within {ndim} axes", f"axis={axis!r}"))
    normal = tuple(int(a) % ndim for a in axes)
    if len(set(normal)) != len(normal):
        raise ArgumentError(explain(operation, "every axis once", f"axis={axis!r}"))
    return normal
