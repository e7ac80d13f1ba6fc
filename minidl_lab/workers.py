"""Cells side by side: worker processes with one thread each."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from threading import Thread
from time import perf_counter
from typing import Any

from minidl import _kernels
from minidl.errors import MinidlError, explain

Result = dict[str, Any]
Measure = Callable[..., Result]

digits: Any = None  # in a worker: the data of all its cells


def timed(measure: Measure, data: Any, arguments: Mapping[str, Any]) -> tuple[float, Result]:
    """The seconds that measure(data, **arguments) takes, and its result."""
    began = perf_counter()
    result = measure(data, **arguments)
    return perf_counter() - began, result


def side_by_side(
    measure: Measure, data: Any, arguments: Sequence[Mapping[str, Any]], workers: int,
    classes: Sequence[type], keep: Callable[[int, float, Result], None],
) -> None:  # fmt: skip
    """Measures a cell for each of the arguments in so many processes, which first import the
    modules of these classes. As soon as a cell is there, `keep` gets its number, seconds and
    result. An error or Ctrl-C ends the processes at once; it is raised after the cells that are
    there have been kept."""
    others = active_children()
    setting = (data, _kernels.level, [*classes])
    # Not by forking: a child would have the locks of OpenMP's threads, but not the threads.
    with ProcessPoolExecutor(workers, get_context("spawn"), begin, setting) as pool:
        try:
            ahead = {
                pool.submit(in_worker, measure, one): number for number, one in enumerate(arguments)
            }
            while ahead:
                done, _ = wait(ahead, return_when=FIRST_COMPLETED)
                for one in sorted(done, key=lambda one: one.exception() is not None):
                    keep(ahead.pop(one), *one.result())
        except BaseException as error:
            for child in {*active_children()} - {*others}:
                child.terminate()
            if isinstance(error, BrokenProcessPool):
                hint = "more memory, or OMP_NUM_THREADS=1, with which one process measures"
                expected = "processes that live until their cells are measured"
                raise MinidlError(explain("lab", expected, error, hint)) from error
            raise


def begin(data: Any, level: str, classes: Sequence[type]) -> None:
    """Begins a worker, which leaves Ctrl-C to its parent and ends when the parent does. `classes`
    need only arrive: that imports their modules."""
    global digits
    digits = data
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()
    _kernels.use(level)
    _kernels.set_num_threads(1)


def end_with_parent() -> None:
    """Ends this process when its parent has ended, in whatever way."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def in_worker(measure: Measure, arguments: Mapping[str, Any]) -> tuple[float, Result]:
    """`timed` with the worker's data."""
    return timed(measure, digits, arguments)
