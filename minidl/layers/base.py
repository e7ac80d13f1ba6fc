"""`Layer`: maps a tensor to a tensor, with parameters; and `Parameter`."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from reprlib import recursive_repr
from types import GeneratorType
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..engine.random import fresh_seed, is_word
from ..engine.tensor import Tensor
from ..errors import ArgumentError, DTypeError, GuardWarning, ShapeError, explain
from . import plan
from .summary import Summary, headline, overview
from .summary import summary as summary_of

Self = TypeVar("Self", bound="Layer")


class Parameter(Tensor):
    """A tensor that training changes. decays=False protects it from weight decay.

    >>> Parameter(np.zeros(2, np.float32))
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ("decays",)

    def __init__(self, data: Any, decays: bool = True) -> None:
        super().__init__(data, requires_grad=True)
        self.decays = decays


class Layer:
    """The base class of all layers.

    A subclass sets parameters and layers as attributes in `__init__`, or lists, tuples and dicts of
    them, and defines `forward`. Arrays that belong to the layer's state but are not learned, such
    as running means, are buffers: attributes whose names stand in `buffer_names`.

    >>> from minidl import nn, tensor
    >>> class Twice(nn.Layer):
    ...     def __init__(self):
    ...         self.inner = nn.Dense(2, 2)
    ...     def forward(self, x):
    ...         return self.inner(self.inner(x))
    >>> [name for name, _ in Twice().named_parameters()]
    ['inner.weight', 'inner.bias']
    """

    training = True
    buffer_names: ClassVar[tuple[str, ...]] = ()
    live_names: ClassVar[tuple[str, ...]] = ()  # attributes that the steps of a plan change

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        plan.declare(cls)

    def forward(self, x: Any) -> Tensor:
        """The layer's output for the input x."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(x)")

    def __call__(self, x: Any) -> Tensor:
        """Calls `forward`."""
        return self.forward(x)

    def held(self) -> Iterator[tuple[str, Any]]:
        """The layers and tensors that this layer holds: its attributes, such as "weight", and those
        in lists, tuples and dicts of any depth, such as "blocks.0" or "heads.left". A layer that
        keeps its parts elsewhere overrides this."""
        return parts(vars(self), set())

    def children(self) -> Iterator[tuple[str, "Layer"]]:
        """The layers directly within this one, with their names."""
        return ((name, value) for name, value in self.held() if isinstance(value, Layer))

    def _walk(self) -> "Iterator[tuple[str, Layer, list[tuple[str, Any]]]]":
        """This layer and all within it, each once, outermost first: its path, itself, and the parts
        that it holds."""
        seen: set[int] = set()
        waiting: list[tuple[str, Layer]] = [("", self)]
        while waiting:
            path, layer = waiting.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                held = list(layer.held())
                yield path, layer, held
                inner = [(joined(path, name), x) for name, x in held if isinstance(x, Layer)]
                waiting += reversed(inner)

    def named_layers(self) -> "Iterator[tuple[str, Layer]]":
        """This layer, whose path is "", and all within it, such as "0", with their paths; each
        once, outermost first."""
        return ((path, layer) for path, layer, _ in self._walk())

    def layers_within(self) -> "Iterator[Layer]":
        """This layer and all within it, each once, outermost first."""
        return (layer for _, layer in self.named_layers())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its path, such as "0.weight".

        GuardWarning for tensors that would be neither trained nor saved: a plain tensor that wants
        a gradient, and layers or parameters in a set, a deque, a dict's values() or a generator.
        """
        seen: set[int] = set()
        for path, _, held in self._walk():
            for name, value in held:
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    yield joined(path, name), value
                elif not isinstance(value, (Layer, Parameter)):
                    warn_if_lost(joined(path, name), value)

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every buffer, the array itself, with its path, such as "1.running_mean"."""
        for path, layer in self.named_layers():
            for name in layer.buffer_names:
                buffer = getattr(layer, name)
                if not isinstance(buffer, np.ndarray):
                    operation = f"{type(layer).__name__}: the buffer {joined(path, name)}"
                    raise DTypeError(explain(operation, "an array", repr(buffer), "np.asarray(x)"))
                yield joined(path, name), buffer

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once."""
        return (parameter for _, parameter in self.named_parameters())

    def count_parameters(self) -> int:
        """The number of parameters: of single numbers that training changes."""
        return sum(parameter.size for parameter in self.parameters())

    def zero_grad(self) -> None:
        """Drops all gradients: every `grad` becomes None."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self: Self, mode: bool = True) -> Self:
        """Switches to training (Dropout drops), or with False to evaluation; returns the layer."""
        for layer in self.layers_within():
            layer.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """Switches to evaluation; returns the layer."""
        return self.train(False)

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of the values of every parameter and every buffer, by path."""
        return {name: array.copy() for name, array in self._state().items()}

    def _state(self) -> dict[str, np.ndarray]:
        parameters = {name: p.data for name, p in self.named_parameters()}
        return parameters | dict(self.named_buffers())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes over the values of a state_dict.

        Names, shapes and dtypes have to fit, and all arrays of the layer have to be writable.
        Everything is checked before anything changes: DTypeError, ShapeError or ArgumentError.
        PyTorch's matrices lie the other way round, which shows only if they are not square: load
        them by checkpoint.load_torch.
        """
        own = self._state()
        check_names("load_state_dict", "the parameters and buffers", own, state)
        arrays = {
            name: fitted(f"load_state_dict: {name}", state[name], array)
            for name, array in own.items()
        }
        for name, array in arrays.items():
            own[name][...] = array
        for parameter in self.parameters():
            parameter.mark_written()

    def random_state(self) -> dict[str, list[int]]:
        """The position of each layer's random numbers, by the layer's path: [seed, calls].

        With it, the state_dict, the optimiser's state_dict and the same batches, training goes on
        to the same bits as if it had not been interrupted.

        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Dense(2, 3), nn.Dropout(0.5))
        >>> net.load_random_state({"1": [7, 100]})
        >>> net.random_state()
        {'1': [7, 100]}
        """
        return {path: [layer.seed, layer.calls] for path, layer in self._random_layers().items()}

    def load_random_state(self, state: Mapping[str, Any]) -> None:
        """Takes over a result of random_state(); everything is checked before anything changes."""
        own = self._random_layers()
        check_names("load_random_state", "the random layers", own, state)
        pairs = {path: np.asarray(state[path], object).tolist() for path in own}
        for path, pair in pairs.items():
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(is_word, pair))):
                expected = "[seed, calls], whole numbers from 0 to 2**64 - 1"
                raise ArgumentError(
                    explain(f"load_random_state: {path}", expected, repr(state[path]))
                )
        for path, layer in own.items():
            layer.seed, layer.calls = map(int, pairs[path])

    def _random_layers(self) -> "dict[str, RandomLayer]":
        return {path: x for path, x in self.named_layers() if isinstance(x, RandomLayer)}

    def astype(self: Self, dtype: Any) -> Self:
        """Converts all parameters and all float buffers to float32 or float64 in place; returns the
        layer."""
        wanted = np.dtype(dtype)
        if wanted not in (np.float32, np.float64):
            raise DTypeError(explain("astype", "float32 or float64", wanted))
        parameters = [(p, Parameter(p.data.astype(wanted), p.decays)) for p in self.parameters()]
        buffers = [
            (layer, name, getattr(layer, name).astype(wanted))
            for layer in self.layers_within()
            for name in layer.buffer_names
            if getattr(layer, name).dtype.kind == "f"
        ]
        for parameter, converted in parameters:
            converted.requires_grad = parameter.requires_grad
            parameter._become(converted.data, converted._memory, None)
            parameter.requires_grad = converted.requires_grad
        for layer, name, array in buffers:
            setattr(layer, name, array)
        return self

    def summary(self, input: Any) -> Summary:
        """A table of the layers: the output shape for this input, the number of parameters, and the
        multiply-adds of the matrix products.

        `input` is an array or a tensor, or a shape, which stands for zeros. The net runs once, in
        evaluation; its weights, buffers, gradients and random numbers do not change. ArgumentError
        for other inputs; errors of the layers as in a call.

        >>> from minidl import nn
        >>> nn.MLP([784, 128, 10]).summary((64, 784))
        layer                 output     parameters  multiply-adds
        MLP()                 (64, 10)
          0: Dense(784, 128)  (64, 128)     100,480      6,422,528
          1: ReLU()           (64, 128)
          2: Dense(128, 10)   (64, 10)        1,290         81,920
        total                               101,770      6,504,448
        """
        return summary_of(self, input)

    def describe(self) -> str:
        """The constructor's arguments, for the `repr`."""
        return ""

    @recursive_repr()
    def __repr__(self) -> str:
        inner = [f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.children()]
        if not inner:
            return headline(self)
        return "\n".join([f"{type(self).__name__}(", *inner, ")"])

    def _repr_html_(self) -> str:
        return overview(self)


class RandomLayer(Layer):
    """A layer whose random numbers follow from its seed and from how often it was called in
    training. Without a seed, one is drawn from minidl's generator when the layer is made."""

    live_names = ("seed", "calls")

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and not is_word(seed):
            operation = type(self).__name__
            raise ArgumentError(explain(operation, "a seed from 0 to 2**64 - 1", repr(seed)))
        self.seed = fresh_seed() if seed is None else int(seed)
        self.calls = 0


# Containers without a lasting place for each part: without an order, or empty after one pass.
LOOKED_INTO: tuple[type, ...] = (set, frozenset, deque, type({}.values()))
PLACELESS = (*LOOKED_INTO, GeneratorType, map)
PARTS = (Tensor, Layer, *PLACELESS)


def parts(holder: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """The layers and tensors in a list, tuple or dict, and in those within it, each with the keys
    that lead to it, such as "heads.left". A container in `seen` is skipped, as it may hold itself.
    A container without places is given as it is."""
    seen.add(id(holder))
    is_dict = isinstance(holder, dict)
    for key, value in holder.items() if is_dict else enumerate(holder):
        if isinstance(value, PARTS):
            found: Iterable[tuple[str, Any]] = (("", value),)
        elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
            found = parts(value, seen)
        else:
            continue
        for name, part in found:
            if is_dict and isinstance(part, (Layer, Parameter)):
                check_key(key)
            yield f"{key}.{name}" if name else str(key), part


def check_key(key: Any) -> None:
    """ArgumentError unless the key can be a part of a unique path."""
    if not (isinstance(key, str) and key and "." not in key and ":" not in key):
        expected = "keys of layers and parameters to be names without dots and colons"
        raise ArgumentError(explain("Layer", expected, repr(key), "another key, or a list"))


def warn_if_lost(path: str, value: Any) -> None:
    """GuardWarning if `value`, at `path`, is neither trained nor saved, but looks as if it should
    be trained. Python shows the same text once."""
    if isinstance(value, Tensor):
        is_lost = value.requires_grad and value._node is None
        expected, hint = "a learned tensor to be a Parameter", "nn.Parameter(values)"
        got = "a tensor with requires_grad=True"
    else:
        is_known = isinstance(value, LOOKED_INTO)
        is_lost = not is_known or any(isinstance(part, (Layer, Parameter)) for part in value)
        expected, hint = "layers and parameters in lists, tuples and dicts", "a list"
        got = f"a {type(value).__name__}"
    if is_lost:
        got = f"{got}, which is neither trained nor saved"
        warnings.warn(explain(f"Layer: {path}", expected, got, hint), GuardWarning, stacklevel=2)


def joined(path: str, name: str) -> str:
    """The path of the part `name` of the layer at `path`."""
    return f"{path}.{name}" if path else name


def check_names(
    operation: str, what: str, own: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    """DTypeError unless `state` is a dict, ShapeError unless it has exactly the names of `own`."""
    if not isinstance(state, Mapping):
        raise DTypeError(explain(operation, "a dict", type(state).__name__))
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    if missing or unknown:
        raise ShapeError(
            explain(
                operation,
                f"{what} {', '.join(own) or '(none)'}",
                f"without {', '.join(missing) or 'none missing'}; "
                f"unknown: {', '.join(unknown) or 'none'}",
            )
        )


def fitted(operation: str, value: Any, own: np.ndarray) -> np.ndarray:
    """A copy of `value` in the dtype of `own`; raises unless `own` can take its numbers."""
    if hasattr(value, "detach") and not isinstance(value, Tensor):
        hint = "checkpoint.load_torch(net, state_dict)"
        got = "PyTorch's tensor: a Linear's weight lies the other way round"
        raise DTypeError(explain(operation, "an array", got, hint))
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    if not own.flags.writeable:
        hint = "parameter.data = parameter.data.copy()"
        raise ArgumentError(explain(operation, "memory to write to", "a read-only array", hint))
    if array.shape != own.shape:
        is_turned = array.shape == own.shape[::-1]
        hint = "checkpoint.load_torch(net, state_dict) for PyTorch's weights" if is_turned else ""
        raise ShapeError(explain(operation, f"shape {own.shape}", array.shape, hint))
    is_exact = own.dtype.kind == "f" or np.can_cast(array.dtype, own.dtype)
    if array.dtype.kind != own.dtype.kind or not is_exact:
        raise DTypeError(explain(operation, own.dtype, array.dtype))
    return array.astype(own.dtype)
