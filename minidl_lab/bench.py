"""The bench of an experiment: the data, the scale, and cells that are measured only once."""

import inspect
import json
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import numpy as np

from minidl import _kernels, data
from minidl.errors import DataError, explain
from minidl.layers.activations import REGISTRY

from .scale import Scale
from .store import Cell, Store


class Digits(NamedTuple):
    """MNIST, or as much of it as the scale needs: uint8 pixels (n, 784), labels (n,)."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @classmethod
    def load(cls, root: str | Path | None, scale: Scale) -> "Digits":
        """Reads it like `minidl.data.mnist`."""
        (x, y), (x_test, y_test) = data.mnist(root)
        n, m = scale.images, scale.tests
        return cls(x[:n], y[:n], x_test[:m], y_test[:m])

    def digest(self) -> str:
        """A checksum that distinguishes these arrays from others."""
        found = sha256()
        for array in self:
            found.update(f"{array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()[:16]


class Display(Protocol):
    """Shows the progress of the laboratory."""

    def cell_begins(self, words: str) -> None:
        """A measurement begins that takes time."""

    def cell_ends(self, seconds: float) -> None:
        """It took this long, now or when it was measured."""


class Bench:
    """What an experiment works with.

    `scale` says how much to measure, `digits` is the data, `extra` has the names of the activations
    that the user has added; they take part wherever activations are compared.
    """

    def __init__(
        self, experiment: str, digits: Digits, scale: Scale, store: Store, display: Display,
        extra: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.experiment, self.digits, self.scale, self.extra = experiment, digits, scale, [*extra]
        self.store, self.display = store, display
        self.surroundings = [scale.name, digits.digest(), house()]
        self.cells: list[Cell] = []

    def activations(self, *names: str) -> list[str]:
        """These activations, and those that the user has added."""
        return [*names, *[name for name in self.extra if name not in names]]

    def cell(self, measure: Callable[..., dict[str, Any]], **arguments: Any) -> dict[str, Any]:
        """measure(digits, **arguments), or its earlier result in this folder.

        `measure` is a function of a module. Its arguments and its result are JSON values, so that a
        cell can be kept; if the result is not finite, it raises DataError and keeps nothing. A cell
        is measured again for other data, and after a change of the file of `measure`, of the file
        of an activation that the user has added, or of minidl.
        """
        arguments = json.loads(json.dumps(arguments))
        words = ", ".join(f"{name} {shown(value)}" for name, value in arguments.items())
        what = f"{measure.__name__}: {words}"
        self.display.cell_begins(what)
        own = [REGISTRY[name] for name in self.extra if name in arguments.values()]
        code = [fingerprint(one) for one in (measure, *own)]
        key = [self.experiment, *self.surroundings, *code]
        cell = self.store.find(key, measure.__name__, arguments)
        if cell is None:
            began = perf_counter()
            result = measure(self.digits, **arguments)
            seconds = perf_counter() - began
            try:
                cell = self.store.add(key, measure.__name__, arguments, seconds, result)
            except ValueError as error:
                expected = f"finite numbers of the cell '{what}'"
                raise DataError(explain(self.experiment, expected, error)) from error
        self.cells.append(cell)
        self.display.cell_ends(cell.seconds)
        return cell.result


def shown(value: Any) -> str:
    """An argument in words."""
    if isinstance(value, list):
        return "-".join(map(shown, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@cache
def house() -> str:
    """Distinguishes one version of minidl from another: by its Python files, without the
    experiments (a cell's key has its own file) and the report (which measures nothing), and by the
    level of its kernels."""
    root = Path(__file__).parents[1]
    apart = [root / "minidl_lab" / "experiments", root / "minidl_lab" / "report"]
    found = sha256(_kernels.level.encode())
    for path in sorted([*root.glob("minidl/**/*.py"), *root.glob("minidl_lab/**/*.py")]):
        if not any(one in path.parents for one in apart):
            found.update(path.relative_to(root).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def fingerprint(code: Any) -> str:
    """Distinguishes versions of the file that defines a function or class."""
    return sha256(Path(inspect.getfile(code)).read_bytes()).hexdigest()[:16]
