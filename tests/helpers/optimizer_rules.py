"""All of minidl's optimisers, with options drawn from all that they declare."""

from typing import Any

import numpy as np

import minidl
from minidl import optim

RULES: list[type[Any]] = [
    kind
    for kind in vars(optim).values()
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and kind is not optim.Optimizer
]

DRAWN: dict[optim.Option, tuple[Any, ...]] = {
    optim.FLAG: (False, True),
    optim.SHARE: (0.5, 0.9, 0.99),
    optim.TWO_SHARES: ((0.0, 0.0), (0.5, 0.99), (0.9, 0.999), (0.8, 0.7), (0.9, 0.6)),
    optim.NUMBER: (0.0, 0.0, 0.1),
    optim.NOT_NEGATIVE: (0.0, 0.01, 0.5),
}
POSITIVE = {"eps": (1e-8, 1e-3)}  # 0 may divide by 0


def drawn_options(kind: type[Any], random: np.random.Generator) -> dict[str, Any]:
    """Options of this rule that go together, all but the rate."""
    w = minidl.tensor([1.0], requires_grad=True)
    while True:
        options: dict[str, Any] = {}
        for name in kind.options.keys() - {"lr"}:
            choices = POSITIVE.get(name, DRAWN[kind.options[name]])
            options[name] = choices[random.integers(len(choices))]
        options = {name: options[name] for name in kind.options if name != "lr"}
        try:
            kind([w], lr=0.1, **options)
        except minidl.ArgumentError:  # Nesterov's form without momentum
            continue
        return options
