"""What happens when a function of NumPy, or of a library built on NumPy, is given a tensor."""

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from ...errors import GraphError, explain
from ..recording import recording
from .arrays import requires_grad
from .base import Base, as_tensor
from .numpy_functions import INSTEAD, OPERATIONS, READS_NO_VALUES, SAVES, WRITES, Function


class NumPyProtocol(Base):
    """Makes sure that no gradient is lost unasked.

    If minidl has the operation, it runs and returns a tensor. Any other function gets the values.
    If a gradient is wanted, this is allowed only for results that hold no floats and so can have
    no gradient (`np.isnan`, `np.argmax`, `np.shape`); else it raises GraphError.
    """

    __slots__ = ()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The values, for np.asarray and its callers; GraphError if a gradient is wanted."""
        if self._requires_grad and recording():
            raise refusal("array", "x.numpy() for the values")
        return np.array(self._array, dtype=dtype, copy=copy)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
    ) -> Any:  # fmt: skip
        """A universal function with a tensor among its inputs, or its `reduce`, `outer`, `at`."""
        if method != "__call__":
            return of_values(getattr(ufunc, method), inputs, options)
        if ufunc not in OPERATIONS or options:
            return of_values(ufunc, inputs, options)
        name, like = ufunc.__name__, next(x for x in inputs if isinstance(x, Base))
        return OPERATIONS[ufunc](*[as_tensor(x, name, like, number_dtype=None) for x in inputs])

    def __array_function__(
        self,
        function: Function,
        types: Sequence[type],
        arguments: Sequence[Any],
        options: Mapping[str, Any],
    ) -> Any:
        """Any other function with a tensor among its arguments, perhaps in a list."""
        if not all(issubclass(kind, (Base, np.ndarray)) for kind in types):
            return NotImplemented
        operation = OPERATIONS.get(function)
        if operation is None:
            return of_values(function, arguments, options)
        taken = signature(operation)
        given = {
            n: value for n, value in options.items() if n in taken.parameters or value is not None
        }
        if not given.keys() <= taken.parameters.keys():
            return of_values(function, arguments, options)
        try:
            taken.bind(*arguments, **given)
        except TypeError:
            return of_values(function, arguments, options)
        return operation(*arguments, **given)


def of_values(function: Function, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The function of the tensors' values; GraphError if a gradient would be lost."""
    if function in READS_NO_VALUES:
        arguments = [*values(arguments[:1]), *arguments[1:]]
    wants_gradient = recording() and requires_grad([*arguments, *options.values()])
    written = places_written(function, arguments, options)
    if any(isinstance(place, Base) for place in written) or (wants_gradient and written):
        raise refusal(name_of(function), hint_for(function, options))
    try:
        result = function(*values(arguments), **values(options))
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise refusal(name_of(function), hint_for(function, options)) from error
    if wants_gradient and not (function in SAVES or is_exact(result)):
        raise refusal(name_of(function), hint_for(function, options))
    return result


def values(data: Any) -> Any:
    """`data` with an array for every tensor; read-only, as the tape would not notice a change."""
    if isinstance(data, Base):
        array = data._array.view()
        array.flags.writeable = False
        return array
    if isinstance(data, list):
        return [values(part) for part in data]
    if isinstance(data, tuple):
        return tuple(values(part) for part in data)
    if isinstance(data, dict):
        return {name: values(part) for name, part in data.items()}
    return data


def places_written(
    function: Function, arguments: Sequence[Any], options: Mapping[str, Any]
) -> list[Any]:
    """The arrays or tensors that the call writes its result into."""
    out = options.get("out")
    places = list(out) if isinstance(out, tuple) else [out]
    if function in WRITES or function.__name__ == "at":
        places += arguments[:1]
    return [place for place in places if place is not None]


def is_exact(result: Any) -> bool:
    """Whether a result holds no floats: truth values, whole numbers, text, dtypes."""
    if isinstance(result, (list, tuple)):
        return all(map(is_exact, result))
    if isinstance(result, (np.ndarray, np.generic)):
        return result.dtype.kind in "biuSU"
    return isinstance(result, (int, str, np.dtype, type))


def name_of(function: Function) -> str:
    """A function's name as a user writes it: np.linalg.norm, np.add.reduce."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{name_of(owner)}.{function.__name__}"
    name = function.__name__
    if isinstance(function, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is function else name
    return f"{function.__module__}.{name}".replace("numpy", "np", 1)


def hint_for(function: Function, options: Mapping[str, Any]) -> str:
    """What to type instead of this call."""
    if options.get("out") is not None:
        return "x = x + y for x += y, and no out="
    if function in INSTEAD:
        return INSTEAD[function]
    if isinstance(function, np.ufunc) and function in OPERATIONS:
        return f"{name_of(function)} without options"
    if function in OPERATIONS:
        taken = ", ".join(signature(OPERATIONS[function]).parameters)
        return f"{name_of(function)} of {taken} alone"
    return ""


def refusal(operation: str, hint: str) -> GraphError:
    """The error for a call that would lose a gradient."""
    detached = "x.detach() where no gradient is wanted"
    return GraphError(
        explain(
            operation,
            "a tensor that wants no gradient",
            "one whose gradient would be lost",
            f"{hint}, or {detached}" if hint else detached,
        )
    )
