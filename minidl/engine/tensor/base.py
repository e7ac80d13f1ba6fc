"""The basis of a tensor: an array, its gradient, and its place on the tape."""

from collections.abc import Callable
from copyreg import __newobj__ as new_object  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import _kernels
from ..._kernels import bare
from ...errors import ArgumentError, DTypeError, GraphError, ShapeError, explain, warn_user
from ...tools.checks import is_whole
from ...tools.forks import lock_across_forks
from .. import tape
from ..recording import recording
from .arrays import FLOATS, beside_whole, to_array

if TYPE_CHECKING:
    from . import Tensor

_adding = lock_across_forks()  # threads that share a leaf must not lose each other's gradients


class Base:
    """The array `data`, its gradient `grad`, and the operation that made it."""

    __slots__ = (
        "__weakref__", "_array", "_hooks", "_memory", "_node", "_recorded", "_requires_grad",
        "grad",
    )  # fmt: skip

    def _become(self, data: np.ndarray, memory: tape.Memory, node: tape.Node | None) -> None:
        self._array = data
        self._memory = memory
        self._node = node
        self._recorded = memory.recorded_writes
        self._requires_grad = node is not None
        self._hooks: dict[int, Any] | None = None
        self.grad: Tensor | None = None

    @property
    def data(self) -> np.ndarray:
        """The values: the array itself, not a copy.

        The tape notices `x += y`, `x[i] = y` and `x.data = y`. It does not notice writes into the
        array itself, or through another tensor around the same array.
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
        """`value` as a tensor; ShapeError or DTypeError unless shape and dtype are this one's."""
        new = as_tensor(value, operation, like=self, number_dtype=None)
        if new.shape != self.shape:
            raise ShapeError(explain(operation, f"an array of shape {self.shape}", new.shape))
        if new.dtype != self.dtype:
            raise DTypeError(
                explain(operation, self.dtype, new.dtype, f"value.astype('{self.dtype}')")
            )
        return new

    @property
    def requires_grad(self) -> bool:
        """Whether backpropagation ends in this tensor, or goes through it."""
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
                f"'{self._node.operation.name}', so it follows its inputs. Try: x.detach()"
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
        return result_of(self._array, self._memory)

    def expect_gradient(self) -> None:
        """GuardWarning if the next gradient would add to one that was used already; ShapeError if
        it cannot be added. The tape calls this before it changes anything: warnings may raise."""
        if self.grad is None or not self._requires_grad:
            return
        own = np.shape(raw(self.grad))
        if own not in ((), self.shape):
            raise ShapeError(explain("backward", f"x.grad of shape {self.shape}", own))
        if getattr(self.grad, "_memory", UNTOUCHED).was_stepped:
            warn_user(
                "backward: adds to a gradient that an optimiser's step has used already. Try: "
                "optimizer.zero_grad() after each step"
            )

    def receive_gradient(self, gradient: Any) -> None:
        """Adds to `grad`, if a gradient is still wanted. The tape calls this at the end of its
        walk, with an array, or with a tensor if the gradient has a graph."""
        if not self._requires_grad:
            return
        with _adding:
            # Not in place: somebody may hold the old sum, or compute with it.
            if isinstance(gradient, Base):
                total: Any = gradient if self.grad is None else self.grad + gradient
                self.grad = total
                return
            if self.grad is not None:
                gradient = np.asarray(raw(self.grad) + gradient, self._array.dtype)
            self.grad = new_result(gradient)

    def backward(
        self, grad: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Backpropagation: adds d(self)/d(leaf) · grad to the `grad` of every leaf behind this.

        - grad: of this tensor's shape; it may be left out for a single element: then it is 1.
        - retain_graph: keeps the graph for another call. Else it is released, and a second call
          raises GraphError. None: as create_graph says.
        - create_graph: the gradients have a graph too, so that they can be differentiated again.

        The chain rule carries the gradient back through the operations, youngest first
        (Rumelhart, Hinton, Williams 1986, "Learning representations by back-propagating errors").
        GraphError for a tensor without history, and if a value that the gradients need was changed
        in place.

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
        dy = self.direction("backward", grad, create_graph)
        retain = create_graph if retain_graph is None else retain_graph
        with np.errstate(all="ignore"):  # as in the forward pass
            tape.backward([(origin(self), dy)], retain, create_graph)

    def direction(self, operation: str, grad: Any, create_graph: bool) -> Any:
        """The gradient of this tensor that a backward pass starts with: an array of its shape and
        dtype, or a tensor if a graph is to be created."""
        self.check_current(operation)
        if create_graph and not recording():
            got, hint = "a no_grad() block", "the gradient outside of it"
            raise GraphError(explain("create_graph", "operations to be recorded", got, hint))
        if grad is None and self._array.size != 1:
            raise ShapeError(
                explain(
                    operation,
                    "a single number, such as a loss",
                    f"shape {self.shape}",
                    "x.sum(), or a gradient of that shape to start with",
                )
            )
        if grad is None:
            dy: Any = _kernels.number(1, self._array).reshape(self.shape)
        elif create_graph and isinstance(grad, Base) and grad.dtype == self.dtype:
            dy = grad
        else:
            dy = to_array(raw(grad), self.dtype, operation)
        if dy.shape != self.shape:
            raise ShapeError(explain(operation, f"grad of shape {self.shape}", dy.shape))
        return new_result(dy) if create_graph and not isinstance(dy, Base) else dy

    def hooked(self, gradient: Any) -> Any:
        """The gradient of this leaf after its hooks."""
        return gradient if not self._hooks else tape.after_hooks(self._hooks, gradient)

    def check_current(self, operation: str) -> None:
        """GraphError if an operation that gradients go through changed this tensor's values by way
        of another tensor that shares its memory: its history is then wrong."""
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

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle's older protocols, which know no extension types."""
        return new_object, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        """The state for copy and pickle; only a tensor without history can be copied."""
        if self._node is not None and not recording():
            return self.detach().__getstate__()
        if self._node is not None:
            raise GraphError(
                explain(
                    "copy",
                    "a tensor without history, also for pickling or plotting it",
                    f"one made by '{self._node.operation.name}'",
                    "x.detach(), or x.numpy() for the values",
                )
            )
        slots = [name for kind in type(self).__mro__ for name in vars(kind).get("__slots__", ())]
        kept = [name for name in slots if name not in UNSAVED and hasattr(self, name)]
        return {name: getattr(self, name) for name in kept} | getattr(self, "__dict__", {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Takes over `state`, as `__getstate__` gave it."""
        self._node = self._hooks = None
        for name, value in state.items():
            setattr(self, name, value)


UNTOUCHED = tape.Memory()
UNSAVED = {"__weakref__", "_hooks", "_node"}
_result_class: type = Base  # the class of all results, also of operations on subclasses


def results_are(kind: type) -> None:
    """From now on operations return tensors of this class."""
    global _result_class
    _result_class = kind


def new_result(array: np.ndarray) -> "Tensor":
    """A tensor without history around an array in memory of its own."""
    return result_of(array, tape.Memory())


def result_of(array: np.ndarray, memory: tape.Memory) -> "Tensor":
    """A tensor without history around an array that lives in this memory."""
    result: Any = bare(_result_class)
    result._array = array
    result._memory = memory
    result._node = result._hooks = result.grad = None
    result._recorded = memory.recorded_writes
    result._requires_grad = False
    return result


def origin(x: Base) -> Any:
    """Where gradients of x go: the node that made it, or x itself if it is a leaf."""
    return x if x._node is None else x._node


def raw(data: Any) -> Any:
    """A tensor's array, without history; other data unchanged."""
    return data._array if isinstance(data, Base) else data


def as_tensor(
    value: Any, operation: str = "tensor", like: Base | None = None, number_dtype: Any = np.float32
) -> "Tensor":
    """`value` if it is a tensor, else a tensor around it.

    Beside a float tensor `like`, Python numbers, lists, masks and integers become constants of its
    dtype. Beside integers, a Python number becomes what `beside_whole` says. Without `like`, Python
    numbers become `number_dtype`; if it is None, NumPy chooses.
    """
    is_float = like is not None and like._array.dtype.kind == "f"
    dtype = like._array.dtype if like is not None and is_float else None
    if isinstance(value, Base):
        if dtype is None or value._array.dtype.kind == "f":
            return value  # type: ignore[return-value]
        return new_result(value._array.astype(dtype))
    if like is not None and type(value) in (float, int):
        try:
            if is_float:  # the most frequent case, kept short
                return new_result(_kernels.number(value, like._array))
            return new_result(beside_whole(value, like._array.dtype))
        except OverflowError:
            expected = f"a number that {like.dtype} can hold"
            raise DTypeError(explain(operation, expected, value)) from None
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0:
        dtype = None  # a float array keeps its own
    return new_result(to_array(value, dtype, operation, number_dtype))


def require_float(operation: str, *tensors: Base) -> None:
    """Raises DTypeError unless all tensors hold float32 or float64."""
    for x in tensors:
        if x._array.dtype.kind != "f":
            raise DTypeError(
                explain(operation, "float32 or float64", x.dtype, "tensor(x, dtype='float32')")
            )


def apply(operation: str, function: Callable[..., np.ndarray], *tensors: Base) -> np.ndarray:
    """The function of the tensors' arrays, which broadcast; ShapeError if they cannot.

    Overflow and invalid operations give inf or NaN without a warning, as in the kernels.
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
    """`axis` (None, a number or several) as numbers from 0 up; ArgumentError if out of range."""
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
