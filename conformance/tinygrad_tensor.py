"""A stand-in for tinygrad: its tensor, made of minidl's, and the modules that tests import."""

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from tinygrad_names import ADAPTED, DTYPES, NAMES, OF_TWO, OPERATORS, WORDS, DType, find
from verdicts import LeftOut

import minidl
from minidl import KeywordError


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


def call(name: str, *arguments: Any, **words: Any) -> Any:
    """An operation of minidl by tinygrad's name and with tinygrad's words."""
    operation = ADAPTED.get(name) or find(NAMES.get(name, name))
    given = [own(argument) for argument in arguments]
    named = {WORDS.get(word, word): own(value) for word, value in words.items()}
    try:
        inspect.signature(operation).bind(*given, **named)
    except TypeError as error:
        raise LeftOut(f"{name}: {error}") from error
    try:
        return stand_in(single(operation(*given, **named), given))
    except KeywordError as error:
        raise LeftOut(str(error)) from error


def single(y: Any, given: list[Any]) -> Any:
    """What whole numbers alone make is float64 as in NumPy, and tinygrad's float32."""
    kinds = {x.dtype.kind for x in given if isinstance(x, minidl.Tensor)}
    of_whole = bool(kinds) and "f" not in kinds
    is_double = isinstance(y, minidl.Tensor) and y.dtype == np.float64
    return y.astype(np.float32) if of_whole and is_double else y


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
