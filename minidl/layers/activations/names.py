"""Each activation's layer and function by name: `ReLU` and `relu`. They come from the registry, so
names.pyi tells type checkers and editors which there are, and their options."""

from .declaration import REGISTRY

for _kind in REGISTRY.values():
    globals().update({_kind.__name__: _kind, _kind.name: _kind.function})
