"""Each activation's layer and function by name: `ReLU` and `relu`. They are made from the registry,
so type checkers and editors read what there is, and with which options, in names.pyi."""

from .declaration import REGISTRY

for _kind in REGISTRY.values():
    globals().update({_kind.__name__: _kind, _kind.name: _kind.function})
