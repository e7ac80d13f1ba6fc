"""What a tensor is, before it can do anything: an array, its gradient, its place on the tape."""

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import tape
from ..checks import is_whole
from ..errors import ArgumentError, DTypeError, GraphError, GuardWarning, ShapeError, explain
from ..forks import lock_across_forks
from .arrays import FLOATS, Shape, in_dtypes, to_array

if TYPE_CHECKING:
    from . import Tensor

_adding = lock_across_forks()  # threads that share a leaf must not lose each other's gradients


class Base:
    """The array `data`, its gradient `grad`, and how it came to be."""

    __slots__ = ("__weakref__", "_array", "_memory", "_node", "_recorded", "_requires_grad", "grad")

    # The class of what operations make, also of subclasses' operations; set where it is defined.
    result_class: ClassVar[type["Tensor"]]

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        array = to_array(raw(data), dtype)
        shared = isinstance(data, Base) and array is data._array
        self._become(array, data._memory if shared else tape.Memory(), None)
        self.requires_grad = requires_grad

    def _become(self, data: np.ndarray, memory: tape.Memory, node: tape.Node | None) -> None:
        self._array = data
        self._memory = memory
        self._node = node
        self._recorded = memory.recorded_writes
        self._requires_grad = node is not None
        self.grad: Tensor | None = None

    @property
    def data(self) -> np.ndarray:
        """The values, as the array itself, not a copy.

        `x += y`, `x[i] = y` and `x.data = y` are noticed. What is written into the array directly,
        or through another tensor made around it, is not.
        """
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        new = self._alike("data", value)
        if not np.may_share_memory(new._array, self._array):
            new._memory.is_parameter |= self._memory.is_parameter
            self._memory, self._recorded = new._memory, new._recorded
        self._array = new._array
        self.mark_written()

    def _alike(self, operation: str, value: Any) -> "Tensor":
        """`value` as a tensor; ShapeError or DTypeError if it differs in shape or dtype."""
        new = as_tensor(value, operation, like=self, numbers=None)
        if new.shape != self.shape:
            raise ShapeError(explain(operation, f"an array of shape {self.shape}", new.shape))
        if new.dtype != self.dtype:
            raise DTypeError(
                explain(operation, self.dtype, new.dtype, f"value.astype('{self.dtype}')")
            )
        return new

    @property
    def requires_grad(self) -> bool:
        """Whether a backward pass leaves this tensor's gradient, or goes through it."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._array.dtype not in FLOATS:
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
        return self._array.shape

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64; integers or bool for labels and masks."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    def numpy(self) -> np.ndarray:
        """The values as an array, without history; not a copy."""
        return self._array

    def item(self) -> float:
        """The only element as a Python number; ShapeError if there is not exactly one."""
        if self._array.size != 1:
            raise ShapeError(
                explain(
                    "item", "one element", f"shape {self.shape}", "x.numpy(), or x.sum().item()"
                )
            )
        return self._array.item()

    def detach(self) -> "Tensor":
        """The same values, in the same memory, without history."""
        return self._result(self._array, self._memory)

    def receive_gradient(self, gradient: np.ndarray) -> None:
        """Adds to `grad`, if it is still wanted. The tape calls this at the end of its pass."""
        if not self._requires_grad:
            return
        gradient = np.asarray(gradient, self._array.dtype)
        if self.grad is not None and getattr(self.grad, "_memory", tape.Memory).was_stepped:
            warnings.warn(
                "backward: adds to a gradient that an optimiser's step has used already. Try: "
                "optimizer.zero_grad() after each step",
                GuardWarning,
                stacklevel=4,  # the line that calls Tensor.backward
            )
        with _adding:
            # Not in place: whoever holds the old sum, or computes with it, keeps it.
            if self.grad is not None:
                gradient = np.asarray(np.asarray(self.grad) + gradient)
            self.grad = self._result(gradient)

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
            if self._array.size != 1:
                raise ShapeError(
                    explain(
                        "backward",
                        "a single number, such as a loss",
                        f"shape {self.shape}",
                        "x.sum().backward(), or x.backward(grad) with grad of that shape",
                    )
                )
            dy = np.array(1, self.dtype).reshape(self.shape)
        else:
            dy = to_array(raw(grad), self.dtype, "backward")
            if dy.shape != self.shape:
                raise ShapeError(explain("backward", f"grad of shape {self.shape}", dy.shape))
        if self._node is None:
            self.receive_gradient(dy.copy())
        else:
            with np.errstate(all="ignore"):  # as in the forward pass
                tape.backward(self._node, dy)

    def check_current(self, operation: str) -> None:
        """Raises GraphError if this tensor's values were changed by way of another that shares
        its memory, in an operation that gradients go through: its history is then wrong."""
        if self._recorded != self._memory.recorded_writes:
            raise GraphError(
                f"{operation}: this tensor shares memory with another that was changed in place, "
                "so its history no longer fits its values. Try: make the view again after the "
                "change; write x[i, j] = y, not x[i][j] = y"
            )

    def mark_written(self) -> None:
        """Tells the tape that the values were changed in place."""
        self._memory.writes += 1

    def _check_writeable(self, operation: str) -> None:
        if not self._array.flags.writeable:
            raise ArgumentError(
                explain(operation, "memory to write to", "a read-only array", "tensor(x)")
            )

    def write(
        self, operation: str, values: np.ndarray, history: "Tensor", where: Any = ...
    ) -> None:
        """Writes `values` to the place `where`, and takes over the history of `history`."""
        self._check_writeable(operation)
        if history._node is not None:
            memory = self._memory
            if memory.is_parameter:
                raise GraphError(
                    f"{operation}: this tensor, or the one it is a view of, is a leaf that wants a "
                    "gradient, and changing it in place would lose where its value came from. "
                    "Try: with no_grad(): ..., or an operation that makes a new tensor"
                )
            memory.recorded_writes += 1
            memory.last_writer = history._node.age
            self._recorded = memory.recorded_writes
            self._node, self._requires_grad = history._node, True
        self._array[where] = values
        self.mark_written()

    def __getstate__(self) -> dict[str, Any]:
        """What copy, pickle and their like keep; only a tensor without history has all it needs."""
        if self._node is not None and not tape.recording():
            return self.detach().__getstate__()
        if self._node is not None:
            raise GraphError(
                explain(
                    "copy",
                    "a tensor without history, also for pickling or plotting it",
                    f"one made by '{self._node.operation}'",
                    "x.detach(), or x.numpy() for the values",
                )
            )
        slots = [name for kind in type(self).__mro__ for name in vars(kind).get("__slots__", ())]
        kept = [name for name in slots if name != "__weakref__" and hasattr(self, name)]
        return {name: getattr(self, name) for name in kept} | getattr(self, "__dict__", {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Becomes what gave `state`."""
        for name, value in state.items():
            setattr(self, name, value)

    @classmethod
    def _result(cls, data: np.ndarray, memory: tape.Memory | None = None) -> "Tensor":
        """A tensor without history around `data`, in `memory` if it shares someone's."""
        result = object.__new__(Base.result_class)
        result._become(data, memory or tape.Memory(), None)
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
    array = np.asarray(data)
    result = Base._result(array, None if view_of is None else view_of._memory)
    if not tape.recording():
        return result
    edges: list[tape.Edge] = []
    is_wanted = is_mixed = False
    for x in inputs:
        if x._recorded != x._memory.recorded_writes:
            x.check_current(operation)
        if x._requires_grad:
            is_wanted = True
            is_mixed = is_mixed or x._array.dtype != array.dtype
            edges.append(x._node or x)
        else:
            edges.append(None)
    if is_wanted:
        kept = [x._memory for x in keeps]
        if keeps_result:
            kept.append(result._memory)
        if is_mixed:
            backward = in_dtypes([x.dtype if x._requires_grad else None for x in inputs], backward)
        result._node = tape.Node(operation, edges, backward, kept)
        result._requires_grad = True
    return result


def raw(data: Any) -> Any:
    """A tensor's array, without history; other data as they are."""
    return data._array if isinstance(data, Base) else data


def wanted_shape(x: Base) -> Shape | None:
    """The shape of the gradient of x; None if none is wanted."""
    return x._array.shape if x._requires_grad else None


def as_tensor(
    value: Any, operation: str = "tensor", like: Base | None = None, numbers: Any = np.float32
) -> "Tensor":
    """`value` if it is a tensor, else one around it.

    Beside a float tensor `like`, Python numbers, lists, masks and integers are constants of its
    dtype; else Python numbers become `numbers`, None for what NumPy makes of them.
    """
    dtype = None if like is None or like._array.dtype.kind != "f" else like._array.dtype
    if isinstance(value, Base):
        if dtype is None or value._array.dtype.kind == "f":
            return value  # type: ignore[return-value]
        return Base._result(value._array.astype(dtype))
    if dtype is not None and type(value) in (float, int):  # the usual case, made short
        return Base._result(np.asarray(value, dtype))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0:
        dtype = None  # a float array keeps its own
    return Base._result(to_array(value, dtype, operation, numbers))


def require_float(operation: str, *tensors: Base) -> None:
    """Raises DTypeError unless all tensors hold float32 or float64."""
    for x in tensors:
        if x._array.dtype.kind != "f":
            raise DTypeError(
                explain(operation, "float32 or float64", x.dtype, "tensor(x, dtype='float32')")
            )


def apply(operation: str, function: Callable[..., np.ndarray], *tensors: Base) -> np.ndarray:
    """The function of the tensors' arrays, which broadcast; ShapeError if they cannot.

    Overflow and the like give inf or NaN without a warning, as in the kernels.
    """
    try:
        with np.errstate(all="ignore"):
            return function(*[x._array for x in tensors])
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
        if not (is_whole(a, -ndim) and a < ndim):
            raise ArgumentError(explain(operation, f"axis within {ndim} axes", f"axis={axis!r}"))
    normal = tuple(int(a) % ndim for a in axes)
    if len(set(normal)) != len(normal):
        raise ArgumentError(explain(operation, "every axis once", f"axis={axis!r}"))
    return normal
