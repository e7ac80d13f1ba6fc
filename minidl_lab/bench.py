"""The bench of an experiment: the data, the scale, and cells that are measured only once."""

import inspect
import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from minidl import _kernels, data
from minidl.errors import DataError, explain
from minidl.layers.activations import REGISTRY
from minidl.train.workers import capacity

from .scale import Scale
from .store import Cell, Store, named
from .workers import Measure, side_by_side, timed

# Of Debian's package dataset-fashion-mnist.
FASHION = Path("/usr/share/datasets/fashion-mnist")

Place = tuple[list[Any], str, dict[str, Any]]  # of a cell in the store: key, function, arguments


class Digits(NamedTuple):
    """MNIST or Fashion-MNIST, or as much of it as the scale needs: uint8 pixels (n, 784), labels
    (n,)."""

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

    @classmethod
    def load_fashion(cls, root: Path | None, scale: Scale, digits: "Digits") -> "Digits | None":
        """Fashion-MNIST from a folder, or else from FASHION; None if that is not there. DataError
        if images are of another size than the digits', or are these digits."""
        if root is None and not FASHION.is_dir():
            return None
        folder = root or FASHION
        try:
            found = cls.load(folder, scale)
        except data.MissingDataError as error:
            expected = "the four files of Fashion-MNIST, named as MNIST's"
            raise DataError(explain("--fashion", expected, f"{folder} without them")) from error
        for x in (found.x, found.x_test):
            if x.shape[1:] != digits.x.shape[1:]:
                expected = f"images of {digits.x.shape[1]} pixels, as MNIST's, in {folder}"
                raise DataError(explain("--fashion", expected, f"{x.shape[1]} pixels"))
        if found.digest() == digits.digest():
            expected = f"other images than those of --data in {folder}"
            raise DataError(explain("--fashion", expected, "the same"))
        return found

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
    that the user has added; they take part wherever activations are compared. `fashion` is the same
    with Fashion-MNIST for data, None if it is not there.
    """

    def __init__(
        self, experiment: str, digits: Digits, scale: Scale, store: Store, display: Display,
        extra: Sequence[str] = (), fashion: Digits | None = None,
    ) -> None:  # fmt: skip
        self.experiment, self.digits, self.scale, self.extra = experiment, digits, scale, [*extra]
        self.store, self.display = store, display
        self.surroundings = [scale.name, digits.digest(), house()]
        self.measured: list[Cell] = []
        self.fashion = fashion and Bench(experiment, fashion, scale, store, display, extra)

    def activations(self, *names: str) -> list[str]:
        """These activations, and those that the user has added."""
        return [*names, *[name for name in self.extra if name not in names]]

    def cell(self, measure: Measure, **arguments: Any) -> dict[str, Any]:
        """measure(digits, **arguments), or its earlier result in this folder.

        `measure` is a function of a module. Its arguments and its result are JSON values, so that a
        cell can be kept; if the result is not finite, it raises DataError and keeps nothing. A cell
        is measured again for other data, and after a change of the file of `measure`, of the file
        of an activation that the user has added, or of minidl.
        """
        return self.cells(measure, [arguments])[0]

    def cells(
        self, measure: Measure, arguments: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """The results of `cell` for each of the arguments, in their order and to the same bits.

        Those that are missing are measured side by side, in as many processes as minidl has
        threads; each is kept as soon as it is there.
        """
        places = [self._place(measure, one) for one in arguments]
        names = [named(*place) for place in places]
        kept = self.store.cells
        missing = {
            name: place for name, place in zip(names, places, strict=True) if name not in kept
        }
        for name in names:
            if name not in missing:
                self.display.cell_ends(kept[name].seconds / self._workers(len(places)))
        self._measure(measure, [*missing.values()])
        found = [kept[name] for name in names]
        self.measured += found
        return [cell.result for cell in found]

    def _place(self, measure: Measure, arguments: Mapping[str, Any]) -> Place:
        """What a cell is found by in the store."""
        own = [REGISTRY[name] for name in self.extra if name in arguments.values()]
        code = [fingerprint(one) for one in (measure, *own)]
        key = [self.experiment, *self.surroundings, *code]
        return key, measure.__name__, json.loads(json.dumps(arguments))

    def _measure(self, measure: Measure, missing: Sequence[Place]) -> None:
        """Measures and keeps these cells."""
        workers = self._workers(len(missing))
        given = [arguments for _, _, arguments in missing]
        ahead = dict(enumerate(missing))

        def tell() -> None:
            self.display.cell_begins(f"{measure.__name__}: {len(ahead)} cells side by side")

        def keep(number: int, seconds: float, result: dict[str, Any]) -> None:
            place = ahead.pop(number)
            try:
                self.store.add(*place, seconds, result)
            except ValueError as error:
                expected = f"finite numbers of the cell '{in_words(place)}'"
                raise DataError(explain(self.experiment, expected, error)) from error
            self.display.cell_ends(seconds / workers)
            if workers > 1:
                tell()

        if workers > 1:
            tell()
            classes = [REGISTRY[name] for name in self.extra]
            side_by_side(measure, self.digits, given, workers, classes, keep)
            return
        for number, arguments in enumerate(given):
            self.display.cell_begins(in_words(missing[number]))
            keep(number, *timed(measure, self.digits, arguments))

    @staticmethod
    def _workers(cells: int) -> int:
        """The number of workers for so many cells."""
        return min(capacity(_kernels.get_num_threads()), cells)


def in_words(place: Place) -> str:
    """A cell's function and arguments."""
    _, what, arguments = place
    return f"{what}: {', '.join(f'{name} {shown(value)}' for name, value in arguments.items())}"


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
