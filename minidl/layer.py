"""`Layer`: something with parameters that maps a tensor to a tensor; and `Parameter`."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from .errors import DTypeError, ShapeError, explain
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
    (lists of layers count too) and defines `forward`.

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

    def layers_within(self) -> "Iterator[Layer]":
        """This layer and all within it, outermost first."""
        yield self
        for _, child in self.children():
            yield from child.layers_within()

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter once, with its path, such as "0.weight"."""
        seen: set[int] = set()
        for name, parameter in self._parameters_with_repeats():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _parameters_with_repeats(self) -> Iterator[tuple[str, Parameter]]:
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                yield name, value
        for name, child in self.children():
            for path, parameter in child._parameters_with_repeats():
                yield f"{name}.{path}", parameter

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
        """A copy of every parameter's values, by path."""
        return {name: p.data.copy() for name, p in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes the values of a state_dict over.

        Names, shapes and dtypes have to fit; all are checked before the first is changed.
        """
        own = dict(self.named_parameters())
        missing = [name for name in own if name not in state]
        unknown = [name for name in state if name not in own]
        if missing or unknown:
            raise ShapeError(
                explain(
                    "load_state_dict",
                    f"the parameters {', '.join(own) or '(none)'}",
                    f"without {', '.join(missing) or 'none missing'}; "
                    f"unknown: {', '.join(unknown) or 'none'}",
                )
            )
        arrays = {name: np.asarray(state[name]) for name in own}
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ShapeError(
                    explain(f"load_state_dict: {name}", f"shape {own[name].shape}", array.shape)
                )
            if array.dtype.kind != "f":
                raise DTypeError(explain(f"load_state_dict: {name}", own[name].dtype, array.dtype))
        for name, array in arrays.items():
            own[name].data[...] = array
            own[name].mark_written()

    def astype(self: Self, dtype: Any) -> Self:
        """Converts all parameters to float32 or float64 in place; returns itself."""
        wanted = np.dtype(dtype)
        if wanted not in (np.float32, np.float64):
            raise DTypeError(explain("astype", "float32 or float64", wanted))
        for parameter in self.parameters():
            converted = Parameter(parameter.data.astype(wanted), parameter.decays)
            parameter._become(converted.data, converted._memory, None)
            parameter.requires_grad = True
        return self

    def describe(self) -> str:
        """The constructor's arguments, for the representation."""
        return ""

    def __repr__(self) -> str:
        inner = [f"  ({name}): {child!r}".replace("\n", "\n  ") for name, child in self.children()]
        if not inner:
            return f"{type(self).__name__}({self.describe()})"
        return "\n".join([f"{type(self).__name__}(", *inner, ")"])
