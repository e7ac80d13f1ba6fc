"""`ensemble`: one training with several seeds, and what they come to together."""

import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import numpy as np

from ..engine.random import manual_seed, preserved
from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain
from ..layers.base import Layer
from ..tools.checks import is_number, is_whole
from ..tools.student import half_width
from ..tools.tables import aligned
from .evaluation import predict
from .history import History, shown
from .workers import in_processes, side_by_side, way

IMPORTABLE = "make: a function at the top of a module or script, which other processes import"
ALIVE = "processes that import make, and live until their nets are trained"
GUARD = "workers=1; in a script, the call below if __name__ == '__main__':"

Make = Callable[[int], tuple[Layer, Any]]


class Mean(NamedTuple):
    """A mean, and the half width of its 95 % interval: t s / √n of Student's t.

    >>> Mean(0.945, 0.003)
    0.945 ± 0.003
    """

    value: float
    half: float

    def __repr__(self) -> str:
        return f"{shown(self.value)} ± {self.half:.2g}"


class Ensemble:
    """Nets from several seeds. `ensemble["validation_loss"]` is the mean of a result with its
    interval, `results` has the results of each seed, `predict` the mean of the nets' outputs.

    - seeds, nets, results: in the same order
    """

    def __init__(self, seeds: Sequence[int], nets: list[Layer], results: list[dict[str, float]]):
        self.seeds, self.nets, self.results = list(seeds), nets, results

    def __getitem__(self, name: str) -> Mean:
        if name not in self.results[0]:
            expected = f"one of {', '.join(self.results[0])}"
            raise ArgumentError(explain("ensemble", expected, repr(name)))
        values = np.array([result[name] for result in self.results], np.float64)
        if len(values) == 1:
            return Mean(float(values[0]), float("nan"))
        return Mean(float(values.mean()), half_width(values))

    def __len__(self) -> int:
        return len(self.nets)

    def __repr__(self) -> str:
        heads = ["", "mean", "± 95 %", "least", "most"]
        rows = [heads, *(self._row(name) for name in self.results[0])]
        return f"{len(self)} seeds\n{aligned(rows, right=range(1, 5))}"

    def _row(self, name: str) -> list[str]:
        mean, values = self[name], [result[name] for result in self.results]
        return [name, shown(mean.value), f"{mean.half:.2g}", shown(min(values)), shown(max(values))]

    def predict(
        self, x: Any, link: Callable[[Any], Tensor] | None = None, batch_size: int = 1024
    ) -> np.ndarray:
        """The mean of the nets' outputs for x (n, ...), computed as by `train.predict`.

        With a `link`, such as F.softmax, it is applied to each net's outputs first: for logits, the
        mean of the probabilities is what an ensemble predicts. Lakshminarayanan, Pritzel, Blundell,
        "Simple and scalable predictive uncertainty estimation using deep ensembles", NIPS 2017.
        """
        total: Any = 0.0
        for net in self.nets:
            outputs = predict(net, x, batch_size)
            total = total + (outputs if link is None else link(outputs).numpy())
        return total / len(self.nets)


def ensemble(
    make: Make, seeds: int | Sequence[int] = 10, *, workers: int | None = None
) -> Ensemble:
    """Trains a net with each seed, side by side, and returns the nets and their results.

    - make: a function of a seed that trains a net and returns it with its results: a dict of
      numbers, as from `train.evaluate`, or a history, whose last row counts. It is called after
      `minidl.manual_seed(seed)`.
    - seeds: how many (0, 1, ...), or which
    - workers: the processes, each with one thread; None for one on each core. They import the
      module of `make`, so a function in a notebook or a lambda needs workers=1, which trains here,
      one seed after the other. With a backend of joblib's (`joblib.parallel_config`), such as a
      cluster of Dask's, its workers train, and `make` may be any function. The nets have the same
      bits for any number of workers, anywhere.

    An error of `make` is raised, and no more seeds begin. When a process is killed, only the seeds
    that are not finished begin again; if none of them can be finished, ArgumentError is raised.
    It is also raised for no seeds, for workers below 1, for a `make` that other processes cannot
    import, and for other results.

    >>> from minidl import nn, optim, train, functional as F
    >>> x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    >>> def make(seed):
    ...     net = nn.MLP([4, 8, 2], "tanh")
    ...     optimizer = optim.Adam(net.parameters(), lr=0.1)
    ...     return net, train.fit(net, (x, y), F.cross_entropy, optimizer, 20, progress=False)
    >>> found = ensemble(make, seeds=3, workers=1)
    >>> found["loss"].value < 0.1, found.predict(x, F.softmax).argmax(1)
    (True, array([0, 1, 0, 1]))
    """
    numbers = list(range(seeds) if isinstance(seeds, int) else seeds)
    if not numbers or not all(is_whole(seed, 0) for seed in numbers):
        raise ArgumentError(explain("ensemble", "seeds: how many, or a list of them", repr(seeds)))
    if workers is not None and not is_whole(workers, 1):
        raise ArgumentError(explain("ensemble", "workers from 1 up, or None", repr(workers)))
    if way(workers, len(numbers)) is in_processes:
        require_importable(make)
    try:
        with preserved():
            found = side_by_side(trained, numbers, workers, shared=[make])
    except BrokenProcessPool as error:
        raise ArgumentError(explain("ensemble", ALIVE, error, GUARD)) from error
    return Ensemble(numbers, [net for net, _ in found], [result for _, result in found])


def require_importable(make: Any) -> None:
    """ArgumentError if it is known that other processes cannot import `make`."""
    try:
        pickle.dumps(make)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ArgumentError(explain("ensemble", IMPORTABLE, error, GUARD)) from error
    is_own = getattr(make, "__module__", "") == "__main__"
    if is_own and not hasattr(sys.modules["__main__"], "__file__"):
        raise ArgumentError(explain("ensemble", IMPORTABLE, "one of a notebook", GUARD))


def trained(make: Make, seed: int) -> tuple[Layer, dict[str, float]]:
    """The net and the results of a seed."""
    manual_seed(seed)
    made: Any = make(seed)
    if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Layer)):
        expected = "make to return a net and its results"
        raise ArgumentError(explain("ensemble", expected, type(made).__name__))
    net, result = made
    row = result[-1] if isinstance(result, History) else result
    if not isinstance(row, dict):
        expected = "results: a dict of numbers, or a history"
        raise ArgumentError(explain("ensemble", expected, type(row).__name__))
    numbers = {name: float(x) for name, x in row.items() if is_number(x)}
    return net, {name: x for name, x in numbers.items() if name not in ("epoch", "rate")}
