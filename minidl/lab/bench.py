"""The bench that an experiment works at: the data, the scale, and cells that are done but once."""

import inspect
import json
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from .. import data
from ..activations import REGISTRY
from .scale import Scale
from .store import Cell, Store


class Digits(NamedTuple):
    """MNIST, or as much of it as the scale says: uint8 pixels (n, 784), labels (n,)."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @classmethod
    def load(cls, root: str | Path | None, scale: Scale) -> "Digits":
        """Reads it, as `minidl.data.mnist` does."""
        (x, y), (x_test, y_test) = data.mnist(root)
        n, m = scale.images, scale.tests
        return cls(x[:n], y[:n], x_test[:m], y_test[:m])


class Display(Protocol):
    """What shows how far the laboratory is."""

    def cell_begins(self, words: str) -> None:
        """Something is measured that takes time."""

    def cell_ends(self, seconds: float) -> None:
        """It took so long, now or when it was measured."""


class Bench:
    """What an experiment is given.

    `scale` says how much to measure, `digits` is the data, `extra` the names of the activations
    that the user has added; they join wherever activations are compared.
    """

    def __init__(
        self, experiment: str, digits: Digits, scale: Scale, store: Store, display: Display,
        extra: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.experiment, self.digits, self.scale, self.extra = experiment, digits, scale, [*extra]
        self.store, self.display = store, display
        self.cells: list[Cell] = []

    def activations(self, *names: str) -> list[str]:
        """These activations, and those that the user has added."""
        return [*names, *[name for name in self.extra if name not in names]]

    def cell(self, measure: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
        """measure(digits, **arguments), or what it gave before in this folder.

        `measure` is a function of a module, and both its arguments and what it gives are as JSON
        holds them, so that a cell can be kept. A cell is done again if the file that `measure` is
        in was changed since, or that of an activation which the user has added.
        """
        arguments = json.loads(json.dumps(arguments))
        words = ", ".join(f"{name} {shown(value)}" for name, value in arguments.items())
        what = f"{measure.__name__}: {words}"
        self.display.cell_begins(what)
        own = [REGISTRY[name] for name in self.extra if name in arguments.values()]
        code = [fingerprint(one) for one in (measure, *own)]
        key = [self.experiment, self.scale.name, len(self.digits.x), *code]
        cell = self.store.find(key, measure.__name__, arguments)
        if cell is None:
            began = perf_counter()
            result = measure(self.digits, **arguments)
            seconds = perf_counter() - began
            cell = self.store.add(key, measure.__name__, arguments, seconds, result)
        self.cells.append(cell)
        self.display.cell_ends(cell.seconds)
        return cell.result


def shown(value: Any) -> str:
    """An argument in words."""
    if isinstance(value, list):
        return "-".join(map(shown, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def fingerprint(code: Any) -> str:
    """Tells one version of the file that a function or class is in from another."""
    return sha256(Path(inspect.getfile(code)).read_bytes()).hexdigest()[:16]
