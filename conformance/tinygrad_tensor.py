"""A stand-in for tinygrad: its tensor's names and words, for minidl's operations.

Only what minidl has is here, by another name or with arguments in another order; nothing is made up
of several operations. All else is left out.
"""

import inspect
import operator
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from verdicts import LeftOut

import minidl
from minidl import functional as F

# tinygrad's names where minidl's are others.
NAMES = {
    "dot": "matmul", "bitwise_not": "invert",
    "clamp": "clip", "view": "reshape", "permute": "transpose", "transpose": "swapaxes",
    "repeat": "tile", "repeat_interleave": "repeat", "swish": "silu",
    "hardsigmoid": "hard_sigmoid", "hardtanh": "hard_tanh", "logsigmoid": "log_sigmoid",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh",
    "atanh": "arctanh", "binary_crossentropy": "binary_cross_entropy",
    "binary_crossentropy_logits": "binary_cross_entropy_with_logits",
    "sparse_categorical_crossentropy": "cross_entropy", "nll_loss": "nll",
}  # fmt: skip
WORDS = {"dim": "axis", "dims": "axis", "keepdim": "keepdims", "correction": "ddof",
         "shifts": "shift", "dim1": "axis1", "dim2": "axis2", "start_dim": "start",
         "end_dim": "end"}  # fmt: skip
OF_ONE = ("neg", "invert")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
OF_TWO = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor",
          "lshift", "rshift")  # fmt: skip
OPERATORS = (*OF_ONE, *COMPARISONS, *OF_TWO)


class DType:
    """A dtype and, of integers, the bounds."""

    def __init__(self, name: str) -> None:
        self.numpy = np.dtype(name)
        if self.numpy.kind in "iu":
            self.min, self.max = np.iinfo(self.numpy).min, np.iinfo(self.numpy).max


DTYPES = {name: DType(name) for name in (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
    "float32", "float64")}  # fmt: skip
DTYPES |= {"int": DTYPES["int32"], "default_int": DTYPES["int32"]}
DTYPES |= {"float": DTYPES["float32"], "default_float": DTYPES["float32"]}
DTYPES |= {"half": DTYPES["float16"]}


def own(value: Any) -> Any:
    """minidl's tensor, or NumPy's dtype, for tinygrad's; also in tuples and lists."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(own, value))
    if isinstance(value, Tensor):
        return value.own
    return value.numpy if isinstance(value, DType) else value


def stand_in(value: Any) -> Any:
    """The other way: tinygrad's tensor for minidl's."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(stand_in, value))
    if not isinstance(value, minidl.Tensor):
        return value
    tensor = object.__new__(Tensor)
    tensor.own = value
    return tensor


def find(name: str) -> Callable[..., Any]:
    """minidl's operation of that name: an operator, a method, a function, a loss."""
    if name in OPERATORS and hasattr(minidl.Tensor, f"__{name}__"):
        return getattr(operator, f"__{name}__")
    for place in (minidl.Tensor, minidl, F):
        if hasattr(place, name):
            return getattr(place, name)
    raise LeftOut(name)


def call(name: str, *arguments: Any, **words: Any) -> Any:
    """An operation of minidl by tinygrad's name and with tinygrad's words."""
    operation = ADAPTED.get(name) or find(NAMES.get(name, name))
    given = [own(argument) for argument in arguments]
    named = {WORDS.get(word, word): own(value) for word, value in words.items()}
    try:
        inspect.signature(operation).bind(*given, **named)
    except TypeError as error:
        raise LeftOut(f"{name}: {error}") from error
    return stand_in(operation(*given, **named))


class Operations(type):
    """Every name is an operation of the class, too: `Tensor.maximum(x, y)`."""

    def __getattr__(cls, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return partial(call, name)


class Tensor(metaclass=Operations):
    """A tensor of minidl that goes by tinygrad's names."""

    def __init__(self, data: Any, dtype: Any = None) -> None:
        array = np.asarray(data)
        if dtype is not None:
            array = array.astype((DTYPES[dtype] if isinstance(dtype, str) else dtype).numpy)
        elif not isinstance(data, np.ndarray):  # Python's numbers
            array = array.astype({"f": "f4", "i": "i4"}.get(array.dtype.kind, array.dtype))
        self.own = minidl.tensor(array)
        self.own.requires_grad = self.own.dtype.kind == "f"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(call, name, self)

    def __getitem__(self, index: Any) -> "Tensor":
        return stand_in(self.own[own(index)])

    shape = property(lambda self: self.own.shape)
    T = property(lambda self: stand_in(self.own.T))

    def itself(self, *others: "Tensor") -> "Tensor":
        return self

    realize = clone = contiguous = itself  # when and where values are computed: here, at once

    def numpy(self) -> np.ndarray:
        """Its integers are int32, as tinygrad's are if nothing is said."""
        array = self.own.numpy()
        return array.astype(np.int32) if array.dtype == np.int64 else array

    def gradient(self, *inputs: "Tensor") -> list["Tensor"]:
        for tensor in inputs:
            tensor.own.grad = None
        self.own.backward()
        return [stand_in(tensor.own.grad) for tensor in inputs]


def give_operators() -> None:
    """Python looks for operators in the class itself."""
    for name in OPERATORS:
        setattr(Tensor, f"__{name}__", lambda *xs, n=name: call(n, *xs))
        if name in OF_TWO:
            setattr(Tensor, f"__r{name}__", lambda x, y, n=name: call(n, y, x))


give_operators()


def div(x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    """Three divisions in one."""
    names = {None: "truediv", "floor": "floordiv", "trunc": "trunc_divide"}
    return find(names.get(rounding_mode, f"div: {rounding_mode}"))(x, y)


def of_several(name: str) -> Callable[..., Any]:
    """A function of a sequence, which tinygrad takes one by one, too."""

    def apply(*tensors: Any, axis: int = 0) -> Any:
        return find(name)(tensors if isinstance(tensors[0], minidl.Tensor) else tensors[0], axis)

    return apply


def of_a_sample(name: str) -> Callable[..., Any]:
    """tinygrad divides by n - 1 if nothing is said, NumPy and minidl by n."""

    def apply(x: Any, axis: Any = None, keepdims: bool = False, ddof: int = 1) -> Any:
        operation = find(name)
        if "ddof" not in inspect.signature(operation).parameters:
            raise LeftOut(f"{name} with n - {ddof}")
        return operation(x, axis, keepdims=keepdims, ddof=ddof)

    return apply


# Operations whose arguments are in another order, or have other defaults.
ADAPTED: dict[str, Callable[..., Any]] = {
    "div": div,
    "cat": of_several("concatenate"),
    "stack": of_several("stack"),
    "var": of_a_sample("var"),
    "std": of_a_sample("std"),
    "cast": lambda x, dtype: x.astype(DTYPES[dtype].numpy if isinstance(dtype, str) else dtype),
    "float": lambda x: x.astype(np.float32),
    "half": lambda x: x.astype(np.float16),
    "int": lambda x: x.astype(np.int32),
    "bool": lambda x: x.astype(bool),
    "softmax": lambda x, axis=-1: F.softmax(x, axis=axis),
    "log_softmax": lambda x, axis=-1: F.log_softmax(x, axis=axis),
    "gelu": lambda x, approximate="tanh": F.gelu(x, approximate=approximate == "tanh"),
}


class Devices:
    """One device, which has all dtypes."""

    DEFAULT = "CPU"

    def __getitem__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(
            renderer=SimpleNamespace(supported_dtypes=lambda: list(DTYPES.values()))
        )


def modules() -> dict[str, ModuleType]:
    """What the tests import from tinygrad."""
    device = SimpleNamespace(interface="", renderer="", device="CPU")
    contents: dict[str, dict[str, Any]] = {
        "tinygrad": {"Tensor": Tensor, "dtypes": SimpleNamespace(**DTYPES), "Device": Devices()},
        "tinygrad.helpers": {
            "getenv": lambda name, default=0: default, "Context": lambda **words: nullcontext(),
            "DEBUG": 0, "IMAGE": 0, "DEV": device,
        },
        "tinygrad.tensor": {"_to_np_dtype": lambda dtype: dtype.numpy},
        "tinygrad.renderer": {},
        "tinygrad.renderer.nir": {"NIRRenderer": Devices},
    }  # fmt: skip
    made = {}
    for name, content in contents.items():
        made[name] = ModuleType(name)
        vars(made[name]).update(content)
    return made
