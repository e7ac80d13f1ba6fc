"""Parameters that are updated together, and the state of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from operator import attrgetter, is_
from typing import Any

import numpy as np

from ..engine.tensor import Tensor
from ..errors import ArgumentError, DTypeError, ShapeError, explain

ARRAY, SHAPE = attrgetter("_array"), attrgetter("shape")  # for map, which is faster than a loop

Gradients = Sequence[np.ndarray | None]


class Block:
    """The parameters of one group that share a dtype.

    The parameters stay where they are. (One flat buffer for all would need their gradients copied
    into it, which takes as long as the whole SGD step, and their `data` moved.) The state lies in
    flat arrays, in the parameters' order.

    `indices` are the parameters' places among all of the optimiser's. `steps` counts the updates of
    each parameter's state: a step without a gradient does not count. `decays` is 1, or 0 for a
    parameter with the attribute `decays = False`.
    """

    def __init__(self, parameters: Sequence[Tensor], indices: Sequence[int]) -> None:
        self.parameters = list(parameters)
        self.indices = list(indices)
        self.shapes = [p.shape for p in parameters]
        self.dtype = parameters[0].dtype
        sizes = [p.size for p in parameters]
        self.size = sum(sizes)
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.steps = [0] * len(sizes)
        self.decays = np.array([float(getattr(p, "decays", True)) for p in parameters])
        self.state: dict[str, np.ndarray] = {}
        self.overlaps = False  # whether two of the arrays share memory
        self._arrays: list[np.ndarray] = []  # the arrays for which that is known
        self.kernel: Any = None  # compiled.py's kernel for it

    def __getstate__(self) -> dict[str, Any]:
        """Leaves out the kernel, which cannot be copied: a copy makes its own."""
        return vars(self) | {"kernel": None, "_arrays": []}

    def check_arrays(self, operation: str) -> None:
        """Raises unless the parameters have the shapes and the dtype that the state is for, and if
        a step would have to copy one of two arrays that share memory. If an array is new, it finds
        out whether any share memory."""
        arrays = list(map(ARRAY, self.parameters))
        if same(arrays, self._arrays) and list(map(SHAPE, arrays)) == self.shapes:
            return
        for w, shape in zip(arrays, self.shapes, strict=True):
            if w.shape != shape or w.dtype != self.dtype:
                error = ShapeError if w.shape != shape else DTypeError
                expected = f"a parameter of shape {shape} and dtype {self.dtype}, as it was"
                got = f"{w.shape} and {w.dtype}"
                raise error(explain(operation, expected, got, "a new optimiser"))
        overlaps = share_memory(arrays)
        if overlaps and not all(w.flags.carray for w in arrays):
            expected = "parameters that share memory to be contiguous"
            hint = "one parameter, used at both places: x @ W.T"
            raise ArgumentError(explain(operation, expected, "a view that is not", hint))
        self._arrays, self.overlaps = arrays, overlaps

    def ensure_state(self, initial: dict[str, float]) -> None:
        """Makes the missing arrays, each filled with its first value."""
        for name, value in initial.items():
            if name not in self.state:
                self.state[name] = np.full(self.size, value, self.dtype)

    def part(self, name: str, k: int) -> np.ndarray:
        """The state `name` of the k-th parameter: a view of the parameter's shape."""
        flat = self.state[name][self.starts[k] : self.starts[k + 1]]
        return flat.reshape(self.shapes[k])

    def slots(self, names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
        """The key under which each number and array is saved, its name, and its parameter."""
        for k, index in enumerate(self.indices):
            for name in ("steps", *names):
                yield f"parameters.{index}.{name}", name, k

    def saved(self, initial: dict[str, float]) -> dict[str, Any]:
        """The state of each parameter, by key."""
        self.ensure_state(initial)
        return {
            key: self.steps[k] if name == "steps" else self.part(name, k).copy()
            for key, name, k in self.slots(initial)
        }

    def check_saved(self, operation: str, state: Mapping[str, Any], names: Iterable[str]) -> None:
        """Raises unless load() can take everything in `state`."""
        for key, name, k in self.slots(names):
            array = np.asarray(state[key])
            if name == "steps":
                if array.shape != () or array.dtype.kind not in "iu" or array < 0:
                    raise ArgumentError(
                        explain(operation, f"{key} to be a whole number from 0 up", state[key])
                    )
            elif array.shape != self.shapes[k]:
                raise ShapeError(
                    explain(operation, f"{key} of shape {self.shapes[k]}", array.shape)
                )
            elif array.dtype != self.dtype:
                raise DTypeError(explain(operation, f"{key} of dtype {self.dtype}", array.dtype))

    def load(self, state: Mapping[str, Any], initial: dict[str, float]) -> None:
        """Replaces the state of each parameter; check_saved() comes first."""
        self.state, self.kernel = {}, None
        self.ensure_state(initial)
        for key, name, k in self.slots(initial):
            if name == "steps":
                self.steps[k] = int(state[key])
            else:
                self.part(name, k)[...] = state[key]

    def gradients(self, operation: str) -> list[np.ndarray | None]:
        """Each parameter's gradient, as a contiguous array, or None; raises if one does not
        fit."""
        return [gradient_of(operation, p) for p in self.parameters]

    def mark(self, gradients: Gradients) -> None:
        """Tells the tape that the parameters with a gradient were changed in place."""
        for p, g in zip(self.parameters, gradients, strict=True):
            if g is not None:
                p.mark_written()
                p.grad._memory.was_stepped = True  # type: ignore[union-attr]  # g came from it


def share_memory(arrays: Sequence[np.ndarray]) -> bool:
    """Whether two of the arrays share memory."""
    return any(np.may_share_memory(a, b) for a, b in combinations(arrays, 2))


def same(objects: Sequence[Any], known: Sequence[Any]) -> bool:
    """Whether these are the very same objects as the last time."""
    return len(objects) == len(known) and all(map(is_, objects, known))


def gradient_of(operation: str, p: Tensor) -> np.ndarray | None:
    """p.grad as an array that a kernel can read; None without one, or if p is frozen."""
    grad, w = p.grad, p.data
    if grad is None or not p.requires_grad:
        return None
    if not isinstance(grad, Tensor):
        raise DTypeError(
            explain(operation, "grad to be a tensor or None", type(grad).__name__, "tensor(grad)")
        )
    gradient = grad.data
    if gradient.shape != w.shape:
        raise ShapeError(
            explain(operation, f"a gradient of the parameter's shape {w.shape}", gradient.shape)
        )
    if gradient.dtype != w.dtype:
        raise DTypeError(
            explain(operation, f"a gradient of the parameter's dtype {w.dtype}", gradient.dtype)
        )
    return gradient if gradient.flags.carray else gradient.copy()


def writable(p: Tensor) -> np.ndarray:
    """p.data; if a kernel cannot write to it, it is first replaced by a copy."""
    w = p.data
    if not w.flags.carray:
        p.mark_written()  # for graphs that hold on to the array left behind
        p.data = w = w.copy()
    return w


def read_only(values: Any) -> np.ndarray:
    """A read-only view of an array; other values unchanged."""
    view = np.asarray(values).view()
    view.flags.writeable = False
    return view


def fitting(operation: str, what: str, value: Any, like: np.ndarray) -> np.ndarray:
    """`value` as an array of the shape of `like`, whose dtype can hold its numbers."""
    array = np.asarray(value.data if isinstance(value, Tensor) else value)
    expected = f"{what} of shape {like.shape} and dtype {like.dtype}"
    if not np.can_cast(array.dtype, like.dtype, "same_kind"):
        got = type(value).__name__ if array.dtype == object else array.dtype
        raise DTypeError(explain(operation, expected, got, "return w - lr * g, or the like"))
    if array.shape != like.shape:
        raise ShapeError(explain(operation, expected, f"shape {array.shape}"))
    return array
