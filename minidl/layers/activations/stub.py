"""The registry for type checkers and editors: each activation's layer and function.

`python -m minidl.layers.activations.stub > minidl/layers/activations/names.pyi` writes it.
"""

import inspect
import textwrap
from typing import Any

from ...engine.tensor import Tensor
from .declaration import REGISTRY, Activation

HEAD = '''\
"""What names.py makes of the registry: `python -m minidl.layers.activations.stub` prints this."""

from typing import Any

from ...engine.tensor import Tensor
from .declaration import Activation
'''


def documented(first_line: str, docstring: str | None) -> str:
    """The first line of a class or a function, and its docstring."""
    text = inspect.cleandoc(docstring or "")
    text = f'"""{text}\n"""' if "\n" in text else f'"""{text}"""'
    return f"{first_line}\n{textwrap.indent(text, '    ')}\n"


def layer(kind: type[Activation]) -> str:
    """The class, with its options as arguments."""
    options = ", ".join(["self", *map(str, kind.option_signature().parameters.values())])
    head = documented(f"class {kind.__name__}(Activation):", kind.__doc__)
    return f"{head}\n    def __init__({options}) -> None: ...\n"


def layer_with_its_own_arguments(kind: type[Activation]) -> str:
    """The import of a class that defines its own `__init__`."""
    name = kind.__name__
    return f"from {kind.__module__.removeprefix(__package__)} import {name} as {name}\n"


def function(kind: type[Activation]) -> str:
    """The function. It takes arrays for tensors, unlike the formula."""
    parameters = [
        str(p.replace(annotation=Any) if p.annotation is Tensor else p)
        for p in inspect.signature(kind.formula).parameters.values()
    ]
    return documented(f"def {kind.name}({', '.join(parameters)}) -> Tensor:", kind.__doc__)


def stub() -> str:
    """The text of the whole file."""
    kinds = REGISTRY.values()
    written = [kind for kind in kinds if "__init__" in vars(kind)]
    made = [kind for kind in kinds if kind not in written]
    imports = HEAD + "".join(map(layer_with_its_own_arguments, written))
    return "\n".join([imports, *map(layer, made), *map(function, kinds)])


if __name__ == "__main__":
    print(stub(), end="")
