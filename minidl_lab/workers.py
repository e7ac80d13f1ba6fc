"""Cells side by side, in worker processes with one thread each or on joblib's."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from time import perf_counter
from typing import Any

from minidl.errors import MinidlError, explain
from minidl.train import workers as processes

Result = dict[str, Any]
Measure = Callable[..., Result]


def timed(measure: Measure, data: Any, arguments: Mapping[str, Any]) -> tuple[float, Result]:
    """The seconds that measure(data, **arguments) takes, and its result."""
    began = perf_counter()
    result = measure(data, **arguments)
    return perf_counter() - began, result


def side_by_side(
    measure: Measure, data: Any, arguments: Sequence[Mapping[str, Any]], workers: int,
    classes: Sequence[type], keep: Callable[[int, float, Result], None],
) -> None:  # fmt: skip
    """Measures a cell for each of the arguments, in so many processes, which first import the
    modules of these classes. As soon as a cell is there, `keep` gets its number, seconds and
    result. An error or Ctrl-C ends the processes at once; it is raised after the cells that are
    there have been kept."""
    try:
        processes.side_by_side(
            in_worker, arguments, workers, lambda number, found: keep(number, *found),
            shared=[classes, measure, type(data), *data],
        )  # fmt: skip
    except BrokenProcessPool as error:
        hint = "more memory, or OMP_NUM_THREADS=1, with which one process measures"
        expected = "processes that live until their cells are measured"
        raise MinidlError(explain("lab", expected, error, hint)) from error


def in_worker(
    classes: Sequence[type], measure: Measure, kind: type, *given: Any
) -> tuple[float, Result]:
    """`timed` in a worker. The arrays of its data come one by one, so that a cluster keeps each;
    `classes` need only arrive: that imports their modules."""
    *arrays, arguments = given
    return timed(measure, kind(*arrays), arguments)
