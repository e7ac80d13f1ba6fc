"""`Layer`: something with parameters that maps a tensor to a tensor; and `Parameter`."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from .errors import ArgumentError, DTypeError, ShapeError, explain
from .random import fresh_seed, is_word
from .tensor import Tensor

Self = TypeVar("Self", bound="Layer")


class Parameter(Tensor):
    """A tensor that is learned. `decays` False keeps weight decay away from it.

    >>> Parameter(np.zeros(2, np.float32))
    tensor([0., 0.], requires_grad=True)
    """

    __slots__ = ("decays",)

    def __init__(self, data: Any, decays: bool = True) -> None:
        super().__init__(data, requires_grad=True)
        self.decays = decays


class Layer:
    """The base of all layers. A subclass sets parameters and layers as attributes in `__init__`
    (lists of layers count too) and defines `forward`. Arrays that are not learned but belong to the
    layer's state, such as running means, are buffers: attributes that `buffer_names` lists.

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

    def forward(self, x: Any) -> Tensor:
        """What the layer computes."""
        raise NotImplementedError(f"{type(self).__name__} defines no forward(x)")

    def __call__(self, x: Any) -> Tensor:
        """What `forward` computes."""
        return self.forward(x)

    def children(self) -> Iterator[tuple[str, "Layer"]]:
        """The layers within this one, with their names."""
        for name, value in vars(self).items():
            if isinstance(value, Layer):
                yield name, value
            elif isinstance(value, (list, tuple)):
                for i, part in enumerate(value):
                    if isinstance(part, Layer):
                        yield f"{name}.{i}", part

    def named_layers(self) -> "Iterator[tuple[str, Layer]]":
        """This layer, whose path is "", and all within it, such as "0", each once, outermost
        first."""
        seen: set[int] = set()
        waiting: list[tuple[str, Layer]] = [("", self)]
        while waiting:
            path, layer = waiting.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield path, layer
                inner = [(joined(path, name), child) for name, child in layer.children()]
                waiting += reversed(inner)

    def layers_within(self) -> "Iterator[Layer]":
        """This layer and all within it, each once, outermost first."""
        return (layer for _, layer in self.named_layers())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its path, such as "0.weight"."""
        seen: set[int] = set()
        for path, layer in self.named_layers():
            for name, value in vars(layer).items():
                if isinstance(value, Parameter) and id(value) not in seen:
                    seen.add(id(value))
                    yield joined(path, name), value

    def named_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every buffer, the array itself, with its path, such as "1.running_mean"."""
        for path, layer in self.named_layers():
            for name in layer.buffer_names:
                yield joined(path, name), getattr(layer, name)

    def parameters(self) -> Iterator[Parameter]:
        """Every parameter once."""
        return (parameter for _, parameter in self.named_parameters())

    def count_parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.size for parameter in self.parameters())

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self: Self, mode: bool = True) -> Self:
        """Switches to training (Dropout drops), or with False to evaluation; returns itself."""
        for layer in self.layers_within():
            layer.training = bool(mode)
        return self

    def eval(self: Self) -> Self:
        """Switches to evaluation; returns itself."""
        return self.train(False)

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter's and every buffer's values, by path."""
        return {name: array.copy() for name, array in self._state().items()}

    def _state(self) -> dict[str, np.ndarray]:
        parameters = {name: p.data for name, p in self.named_parameters()}
        return parameters | dict(self.named_buffers())

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the values of a state_dict over.

        Names, shapes and dtypes have to fit; all are checked before the first is changed.
        """
        own = self._state()
        check_names("load_state_dict", "the parameters and buffers", own, state)
        arrays = {name: np.asarray(state[name]) for name in own}
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ShapeError(
                    explain(f"load_state_dict: {name}", f"shape {own[name].shape}", array.shape)
                )
            if array.dtype.kind != own[name].dtype.kind:
                raise DTypeError(explain(f"load_state_dict: {name}", own[name].dtype, array.dtype))
        for name, array in arrays.items():
            own[name][...] = array
        for parameter in self.parameters():
            parameter.mark_written()

    def random_state(self) -> dict[str, list[int]]:
        """Where each layer's random numbers stand, by the layer's path: [seed, calls].

        With it, the state_dict, the optimiser's state_dict and the same batches, training goes on
        to the bit as if it had not been interrupted.

        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Dense(2, 3), nn.Dropout(0.5))
        >>> net.load_random_state({"1": [7, 100]})
        >>> net.random_state()
        {'1': [7, 100]}
        """
        return {path: [layer.seed, layer.calls] for path, layer in self._random_layers().items()}

    def load_random_state(self, state: Mapping[str, Any]) -> None:
        """Takes over what random_state() gave; all is checked before the first is changed."""
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
        """Converts all parameters, and the buffers of such kind, to float32 or float64 in place;
        returns itself."""
        wanted = np.dtype(dtype)
        if wanted not in (np.float32, np.float64):
            raise DTypeError(explain("astype", "float32 or float64", wanted))
        for parameter in self.parameters():
            converted = Parameter(parameter.data.astype(wanted), parameter.decays)
            parameter._become(converted.data, converted._memory, None)
            parameter.requires_grad = True
        for layer in self.layers_within():
            for name in layer.buffer_names:
                buffer = getattr(layer, name)
                if buffer.dtype.kind == "f":
                    setattr(layer, name, buffer.astype(wanted))
        return self

    def describe(self) -> str:
        """The constructor's arguments, for the representation."""
        return ""

    def __repr__(self) -> str:
        inner = [f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.children()]
        if not inner:
            return f"{type(self).__name__}({self.describe()})"
        return "\n".join([f"{type(self).__name__}(", *inner, ")"])


class RandomLayer(Layer):
    """A layer whose random numbers follow from its seed and the count of its calls in training.
    Without a seed one is drawn from minidl's generator when the layer is made."""

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and not is_word(seed):
            operation = type(self).__name__
            raise ArgumentError(explain(operation, "a seed from 0 to 2**64 - 1", repr(seed)))
        self.seed = fresh_seed() if seed is None else int(seed)
        self.calls = 0


def joined(path: str, name: str) -> str:
    """The path of what is called `name` within the layer at `path`."""
    return f"{path}.{name}" if path else name


def check_names(
    operation: str, what: str, own: Mapping[str, Any], state: Mapping[str, Any]
) -> None:
    """Raises ShapeError unless `state` has the names of `own` and no others."""
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
