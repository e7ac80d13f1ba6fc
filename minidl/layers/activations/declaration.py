"""What an activation is: a declaration, which is its layer too, and how it runs.

A subclass of `Activation` declares one activation; the files beside this one hold minidl's own.
Defining the class is enough: it registers itself under its name, and the function, the choices on
the command line, the README's row and the tests follow from the registry. If the kernels have a
section of that name, the activation runs by the kernel; else by its formula, whose gradient comes
from the tape.
"""

import difflib
import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ... import _kernels
from ...engine.tape import Node
from ...engine.tensor import (
    FLOATS,
    Operation,
    Tensor,
    as_tensor,
    record,
    require_float,
    through_formula,
)
from ...errors import ArgumentError, Unplanned, explain
from ...tools.checks import declared
from ..base import Layer, Parameter
from ..plan import Builder, Value

INF = float("inf")

REGISTRY: "dict[str, type[Activation]]" = {}

# The most elements that one call of a pointwise kernel works on.
POINTWISE_ROW: int = _kernels.rows.POINTWISE_ROW


class Rows(NamedTuple):
    """How a kernel goes through an array: in rows of `width` inputs and `units` outputs."""

    width: int
    units: int
    shape: tuple[int, ...]  # of the output


# Given to a kernel in place of an array that it will not read.
NOTHING = {dtype: np.empty(1, dtype) for dtype in FLOATS}


@lru_cache
def kernel_options(values: tuple[float, ...]) -> np.ndarray:
    """The options as the kernels take them."""
    return np.array([*values, 0.0], dtype=np.float64)


class Kernel(NamedTuple):
    """What the dense kernel needs to run an activation behind the product."""

    forward: Any
    backward: Any
    units: int  # the outputs of a row
    options: np.ndarray


@lru_cache
def dense_kernel(
    kind: "type[Activation]", columns: int, dtype: np.dtype, values: tuple[float, ...], level: str
) -> Kernel:
    """The kernel of an activation behind a product of `columns` columns, at a CPU level."""
    options = dict(zip(kind.option_signature().parameters, values, strict=True))
    units = kind.rows((1, columns), options).shape[1]
    forward, backward = kind.functions(dtype)
    return Kernel(forward, backward, units, kernel_options(values))


def nowhere(**options: Any) -> dict[float, float]:
    """The kinks of a smooth activation: none."""
    return {}


@declared
class Activation(Layer):
    """One activation. The class attributes and static methods are the declaration."""

    name: ClassVar[str]
    paper: ClassVar[str]
    keeps: ClassVar[str] = "x"  # what the backward pass reads: the input or the output
    learned: ClassVar[tuple[str, ...]] = ()  # the formula's arguments that are parameters
    nanoseconds: ClassVar[float] = 1  # one core's time for a float32: about that of an exponential
    positive: ClassVar[tuple[str, ...]] = ()  # the options that must be above zero
    function: ClassVar[Callable[..., Tensor]]  # made from the declaration
    declaration: "ClassVar[type[Activation]]"  # the class that was given the name
    operation: ClassVar[Operation]  # the declaration for the tape
    kept_places: ClassVar[tuple[int, ...]]  # of what the backward pass reads; the last: the output
    is_pointwise: ClassVar[bool]  # whether each output comes from one input, without parameters

    # Static methods; each takes the options as further arguments, with the same names in all.
    # y in operations on tensors: the reference that the kernel is tested against.
    formula: ClassVar[Callable[..., Tensor]]
    # dy/dx as operations on tensors, with the chosen slope at a kink.
    derivative: ClassVar[Callable[..., Tensor]]
    # The values at minus and plus infinity.
    limits: ClassVar[Callable[..., tuple[float, float]]]
    # Where the slope jumps, and the slope chosen there.
    kinks: ClassVar[Callable[..., dict[float, float]]] = staticmethod(nowhere)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            return  # a subclass of a declared activation, or a base of some
        clash = REGISTRY.get(cls.name)
        if clash is not None and (clash.__module__, clash.__qualname__) != (
            cls.__module__,
            cls.__qualname__,
        ):
            raise ArgumentError(
                explain(f"activation {cls.name!r}", "a name of its own", f"that of {clash!r}")
            )
        REGISTRY[cls.name] = cls.declaration = cls
        cls.operation = Operation(cls.name, kernel=gradients_by_kernel, recorded=gradients_recorded)
        first = 0 if cls.keeps == "x" else 1
        cls.kept_places = tuple(range(first, first + len(cls.learned) + 1))
        is_by_rows = cls.rows.__func__ is not Activation.rows.__func__  # type: ignore[attr-defined]
        has_kernel = cls.name in _kernels.ROW_FUNCTIONS
        cls.is_pointwise = has_kernel and not (cls.learned or is_by_rows)
        if "__init__" not in vars(cls):
            cls.__signature__ = cls.option_signature()  # type: ignore[attr-defined]
        cls.function = staticmethod(as_function(cls))

    @classmethod
    def option_signature(cls) -> inspect.Signature:
        """The options with their defaults: the formula's arguments after x, without parameters."""
        parameters = list(inspect.signature(cls.formula).parameters.values())[1:]
        return inspect.Signature([p for p in parameters if p.name not in cls.learned])

    @classmethod
    def bind(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The options by name, checked, with defaults filled in."""
        signature = cls.option_signature()
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(
                explain(cls.name, f"the options {signature}", f"a call with {error}")
            ) from None
        bound.apply_defaults()
        cls.check_options(**bound.arguments)
        return dict(bound.arguments)

    @classmethod
    def check_options(cls, **options: Any) -> None:
        """ArgumentError for an option outside its range."""
        for name in cls.positive:
            value = options[name]
            if not (isinstance(value, (int, float, np.number)) and 0 < value < np.inf):
                raise ArgumentError(explain(cls.name, f"{name} > 0", f"{name}={value!r}"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.options = self.bind(*args, **kwargs)

    def forward(self, x: Any) -> Tensor:
        """y = f(x)."""
        return self.run(x, self.options, self.learned_parameters())

    def plan(self, builder: Builder, x: Value) -> Value:
        """The kernel's row functions; backward, dx may replace dy in memory."""
        if self.name not in _kernels.ROW_FUNCTIONS or not self.is_as_declared():
            raise Unplanned(
                f"{type(self).__name__}, which has no kernel", "an activation of minidl"
            )
        units, width = self.planned_units(x.width), x.width
        learned = self.learned_parameters()
        forward, backward = self.functions(builder.dtype)
        keeps_y = self.keeps == "y"
        fits = units == width and not learned
        y = builder.value(
            units, x.is_wanted or builder.is_learned(*learned),
            numbers=x.numbers if keeps_y and fits and x.is_free else None,
            gradient=x.gradient if fits else None, is_free=not keeps_y,
        )  # fmt: skip
        fired = builder.fires(self, width)
        arguments = {
            "x": x.numbers, "y": y.numbers, "dx": x.gradient, "dy": y.gradient, "width": width,
            "units": units, "keeps_y": keeps_y, "forward": forward, "backward": backward,
            "options": kernel_options(tuple(self.options.values())),
            "parameter": builder.parameter(learned[0] if learned else None),
            "group": builder.lanes, "gradient": _kernels.LEARNED.get(self.name, {}).get(
                builder.dtype.name), "fired": fired,
            "ones": None if fired is None else np.ones(units, builder.dtype),
        }  # fmt: skip
        builder.forward("activation", **arguments)
        if fired is not None:
            builder.forward("what fires", **arguments)
        if x.is_wanted:
            builder.backward("activation back", **arguments)
        for weight in learned:
            name = "gradient of all units" if weight.size == 1 else "gradient by unit"
            builder.learn(weight, name, **arguments)
        builder.room(2 * max(width, units))
        builder.cost(row=self.nanoseconds * width)
        return y

    def planned_units(self, width: int) -> int:
        """The number of outputs for `width` inputs; Unplanned if the pieces do not fit."""
        inputs = self.inputs_per_unit(self.options)
        units, rest = divmod(width, inputs)
        if rest or any(p.shape not in ((1,), (units,)) for p in self.learned_parameters()):
            raise Unplanned(f"{self!r} after {width} columns", "a width that fits it")
        return units

    def learned_parameters(self) -> tuple[Parameter, ...]:
        """The parameters, in the order of `learned`."""
        return tuple([getattr(self, name) for name in self.learned])

    def describe(self) -> str:
        """The options that differ from their defaults."""
        defaults = self.option_signature().parameters
        changed = {k: v for k, v in self.options.items() if v != defaults[k].default}
        return ", ".join(f"{name}={value!r}" for name, value in changed.items())

    # What a layer with several inputs to a unit (maxout) overrides.

    @classmethod
    def inputs_per_unit(cls, options: dict[str, Any]) -> int:
        """How many inputs make one output."""
        return 1

    @classmethod
    def rows(
        cls, shape: tuple[int, ...], options: dict[str, Any], learned: tuple[Tensor, ...] = ()
    ) -> Rows:
        """How the kernel goes through an array of this shape; ShapeError if it cannot."""
        return Rows(POINTWISE_ROW, POINTWISE_ROW, shape)

    @classmethod
    def second_moment(cls, **options: Any) -> float:
        """E[f(z)²] for standard normal z, by Gauss-Legendre quadrature between the kinks."""
        breaks = np.array(sorted({*np.linspace(-12, 12, 49).tolist(), *cls.kinks(**options)}))
        z, weights = quadrature(breaks)
        y = cls.formula(Tensor(z), **options).data
        return float(np.sum(weights * y * y * np.exp(-z * z / 2)) / np.sqrt(2 * np.pi))

    # How the activation runs.

    @classmethod
    def is_as_declared(cls) -> bool:
        """Whether this is the declared class, not a subclass with a formula of its own."""
        kind = cls.declaration
        return cls.formula is kind.formula and cls.run.__func__ is kind.run.__func__  # type: ignore[attr-defined]

    @classmethod
    def functions(cls, dtype: np.dtype) -> Any:
        """The kernel's row functions (forward, backward), or None if there is no kernel."""
        section = _kernels.ROW_FUNCTIONS.get(cls.name) if cls.is_as_declared() else None
        # dtype.name would do, but takes 4 µs: as long as a small net's layer.
        return None if section is None else section["float32" if dtype.itemsize == 4 else "float64"]

    def kernel_after(self, columns: int, dtype: np.dtype) -> Kernel | None:
        """The kernel behind a product of `columns` columns; None if there is none."""
        if self.name not in _kernels.ROW_FUNCTIONS or not self.is_as_declared():
            return None
        values = tuple(self.options.values())
        kind: Any = type(self)  # hashable, which mypy cannot see behind Layer
        return dense_kernel(kind, columns, dtype, values, _kernels.level)

    @classmethod
    def slopes(cls, learned: tuple[Tensor, ...], units: int, dtype: np.dtype) -> np.ndarray:
        """The learned slope of every unit (PReLU); unused zeros for other activations."""
        return NOTHING[dtype]

    @classmethod
    def learned_gradients(
        cls, x: np.ndarray, dy: np.ndarray, learned: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """The gradients of the learned parameters, for a kernel; x and dy are (batch, units)."""
        return []

    @classmethod
    def run(cls, x: Any, options: dict[str, Any], learned: tuple[Tensor, ...] = ()) -> Tensor:
        """y = f(x), by the kernel if there is one."""
        if cls.is_pointwise and isinstance(x, Tensor) and cls.is_as_declared():
            values = tuple(options.values())
            found: Any = run_pointwise(cls.declaration, x, values)
            if found is not None:
                return found
        x = as_tensor(x, cls.name)
        require_float(cls.name, x)
        functions = cls.functions(x.dtype)
        if functions is None:
            with np.errstate(all="ignore"):
                found = cls.formula(x, *learned, **options)
            if isinstance(found, Tensor):
                return found
            expected, hint = "a tensor from the formula", "operations of minidl on x, not on x.data"
            raise ArgumentError(explain(cls.name, expected, type(found).__name__, hint))
        width, units, shape = cls.rows(x.shape, options, learned)
        width, units = max(width, 1), max(units, 1)  # an empty array has empty rows
        slopes = cls.slopes(learned, units, x.dtype)
        constants = kernel_options(tuple(options.values()))
        threads = cls.threads(x.data)
        x_flat = np.ascontiguousarray(x.data).reshape(-1)
        y = np.empty(shape, x.dtype)
        y_flat = y.reshape(-1)
        _kernels.rows.forward(
            functions[0], x_flat, slopes, y_flat, constants, width, units, threads
        )
        call = Call(cls, options, functions[0], functions[1], constants, slopes, width, units)
        return record(
            cls.operation, y, (x, *learned), {"call": call}, keeps=cls.kept_places
        )  # fmt: skip

    @classmethod
    def threads(cls, x: np.ndarray) -> int:
        """How many threads the kernel takes for the array x, forward or backward."""
        return 1 if x.size <= POINTWISE_ROW else _kernels.threads_for(cls.nanoseconds * x.size)

    @classmethod
    def recorded(
        cls, dy: Tensor, x: Tensor, learned: Sequence[Tensor], options: dict[str, Any]
    ) -> Any:
        """The gradients of x and of the learned parameters, as operations on tensors."""
        dx = dy * cls.derivative(x, *learned, **options)
        if not learned:
            return [dx]
        return [dx, *through_formula(cls.formula, dy, [x, *learned], options)[1:]]


class Call(NamedTuple):
    """How an activation's kernel ran; the backward pass reads it."""

    kind: type[Activation]
    options: dict[str, Any]
    forward: Any
    backward: Any
    constants: np.ndarray
    slopes: np.ndarray
    width: int
    units: int
    is_pointwise: bool = False


@lru_cache
def pointwise_options(
    kind: Any, dtype: np.dtype, values: tuple[float, ...], level: str
) -> dict[str, Any]:
    """The options of a pointwise activation's node, for arrays of this dtype and any shape."""
    options = dict(zip(kind.option_signature().parameters, values, strict=True))
    forward, backward = kind.functions(dtype)
    constants, row = kernel_options(values), POINTWISE_ROW
    return {
        "call": Call(kind, options, forward, backward, constants, NOTHING[dtype], row, row, True)
    }


def run_pointwise(kind: Any, x: Tensor, values: tuple[float, ...]) -> Tensor | None:
    """y = f(x) by the kernel of a pointwise activation with these options; None if the kernel
    cannot take x as it lies in memory."""
    array = x._array
    if array.dtype not in FLOATS:
        return None
    node_options = pointwise_options(kind, array.dtype, values, _kernels.level)
    call: Call = node_options["call"]
    y = _kernels.rows.pointwise(call.forward, array, call.constants, kind.threads(array))
    if y is None:
        return None
    return record(kind.operation, y, (x,), node_options, None, kind.kept_places)


def gradients_by_kernel(node: Node, dy: np.ndarray) -> list[np.ndarray]:
    """dx = dy · f'(x), and the gradients of the learned parameters."""
    call: Call = node.options["call"]
    is_kept_y = call.kind.keeps == "y"
    if call.is_pointwise:
        read, threads = node.kept[-1 if is_kept_y else 0].array, call.kind.threads(dy)
        dx = _kernels.rows.pointwise_back(call.backward, read, dy, call.constants, threads)
        if dx is not None:
            return [dx]
    dy = np.ascontiguousarray(dy)
    dx = np.empty(node.kept[0].array.shape, dy.dtype)
    kept = np.ascontiguousarray(node.kept[-1 if is_kept_y else 0].array).reshape(-1)
    _kernels.rows.backward(
        call.backward, kept, call.units if is_kept_y else call.width, call.slopes,
        dy.reshape(-1), dx.reshape(-1), call.constants, call.width, call.units,
        call.kind.threads(dx),
    )  # fmt: skip
    if len(node.inputs) == 1:
        return [dx]
    last = max(dx.shape[-1], 1) if dx.ndim else 1
    pair = kept.reshape(-1, last), dy.reshape(-1, last)
    learned = [kept.array for kept in node.kept[1:-1]]
    return [dx, *call.kind.learned_gradients(*pair, learned)]


def gradients_recorded(node: Node, dy: Tensor, inputs: Sequence[Tensor]) -> Sequence[Any]:
    """The same as operations on tensors."""
    call: Call = node.options["call"]
    return call.kind.recorded(dy, inputs[0], inputs[1:], call.options)


def as_function(kind: type[Activation]) -> Callable[..., Tensor]:
    """The activation as a function of x, the learned parameters and the options."""
    signature = inspect.signature(kind.formula)

    is_usual = kind.is_pointwise and not kind.learned
    defaults = tuple(kind.bind().values()) if is_usual else ()

    def function(*args: Any, **kwargs: Any) -> Tensor:
        if is_usual and len(args) == 1 and not kwargs and isinstance(args[0], Tensor):
            y = run_pointwise(kind, args[0], defaults)
            if y is not None:
                return y
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise ArgumentError(
                explain(kind.name, f"{kind.name}{signature}", f"a call with {error}")
            ) from None
        x = given.arguments.pop(next(iter(signature.parameters)))
        learned = tuple(as_tensor(given.arguments.pop(name), kind.name) for name in kind.learned)
        return kind.run(x, kind.bind(**given.arguments), learned)

    function.__name__ = function.__qualname__ = kind.name
    function.__doc__ = kind.__doc__
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def quadrature(breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights, 20 in each piece between the breaks: exact up to rounding
    for a function that is smooth within the pieces."""
    points, weights = np.polynomial.legendre.leggauss(20)
    half = np.diff(breaks)[:, None] / 2
    middle = (breaks[:-1] + breaks[1:])[:, None] / 2
    return (middle + half * points).ravel(), (half * weights).ravel()


def activation(name: "str | type[Activation]") -> type[Activation]:
    """The activation of that name; a class is returned unchanged.

    >>> activation("relu").__name__
    'ReLU'
    """
    if isinstance(name, type) and issubclass(name, Activation):
        return name
    if name not in REGISTRY:
        close = difflib.get_close_matches(str(name), REGISTRY, n=1)
        raise ArgumentError(
            explain("activation", f"one of {', '.join(REGISTRY)}", repr(name), *map(repr, close))
        )
    return REGISTRY[name]
