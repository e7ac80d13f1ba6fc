"""`side_by_side`: calls in processes of one thread each, or on the workers of joblib's backend."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from typing import Any

from .. import _kernels
from ..errors import ArgumentError, explain

Keep = Callable[[int, Any], None]

# Kernels have one level in a process, and random numbers one source: calls take turns in it.
turn = threading.Lock()


class _Own(threading.local):
    is_worker = False  # whether this thread runs a call now
    shared: tuple[Any, ...] = ()  # in a process of a pool


own = _Own()


def side_by_side(
    function: Callable[..., Any], arguments: Sequence[Any], workers: int | None = None,
    keep: Keep = lambda number, result: None, shared: Sequence[Any] = (),
) -> list[Any]:  # fmt: skip
    """function(*shared, argument) for each of the arguments: the results, in their order.

    - workers: the processes; None for one on each core. With 1 the calls are made here, one after
      the other. With a backend of joblib's (`joblib.parallel_config`), its workers make them;
      `workers` is then their n_jobs, and None leaves the number to the backend.
    - keep: gets the number of each result and the result, as soon as it is there
    - shared: what all calls need. It goes to each process once.

    Workers have one thread and the kernels' level of this process. Within a call, and with joblib's
    threads, `side_by_side` makes its calls where it is: nothing oversubscribes the cores.

    An error of a call, or Ctrl-C, ends the processes at once. It is raised after what is there was
    kept. When a process is killed, the calls that have no result are made again, as long as each
    round has one more; else BrokenProcessPool is raised.

    >>> side_by_side(pow, [3, 1, 2], workers=1, shared=[2])
    [8, 2, 4]
    """
    found: dict[int, Any] = {}

    def take(number: int, result: Any) -> None:
        found[number] = result
        keep(number, result)

    run = way(workers, len(arguments))
    while len(found) < len(arguments):
        before = len(found)
        missing = {n: one for n, one in enumerate(arguments) if n not in found}
        try:
            run(function, missing, workers, take, shared)
        except BrokenProcessPool:
            if len(found) == before:
                raise
    return [found[number] for number in range(len(arguments))]


def way(workers: int | None, calls: int) -> Callable[..., None]:
    """How to make so many calls."""
    backend = joblib_backend()
    if own.is_worker or getattr(backend, "supports_sharedmem", False):
        return here  # threads share a source of random numbers
    if backend is not None:
        return on_joblib
    return here if processes_for(workers, calls) == 1 else in_processes


def here(
    function: Callable[..., Any], missing: Mapping[int, Any], workers: int | None, take: Keep,
    shared: Sequence[Any],
) -> None:  # fmt: skip
    """The calls one after the other."""
    for number, argument in missing.items():
        take(number, function(*shared, argument))


# ---- Processes -----------------------------------------------------------------------------------


def processes_for(workers: int | None, calls: int) -> int:
    """How many processes make so many calls."""
    return min(workers or _kernels.threads.CPUS, calls)


def in_processes(
    function: Callable[..., Any], missing: Mapping[int, Any], workers: int | None, take: Keep,
    shared: Sequence[Any],
) -> None:  # fmt: skip
    """The calls in processes that are begun for them."""
    others = active_children()
    count = processes_for(workers, len(missing))
    setting = (_kernels.level, tuple(shared))
    # Not by forking: a child would have the locks of OpenMP's threads, but not the threads.
    with ProcessPoolExecutor(count, get_context("spawn"), begin, setting) as pool:
        try:
            ahead = {pool.submit(in_process, function, one): n for n, one in missing.items()}
            while ahead:
                done, _ = wait(ahead, return_when=FIRST_COMPLETED)
                for one in sorted(done, key=lambda one: one.exception() is not None):
                    take(ahead.pop(one), one.result())
        except BaseException:
            for child in {*active_children()} - {*others}:
                child.terminate()
            raise


def begin(level: str, shared: tuple[Any, ...]) -> None:
    """Begins a process, which leaves Ctrl-C to its parent and ends when the parent does."""
    own.is_worker, own.shared = True, shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    _kernels.use(level)
    _kernels.set_num_threads(1)


def end_with_parent() -> None:
    """Ends this process when its parent has ended, in whatever way."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def in_process(function: Callable[..., Any], argument: Any) -> Any:
    """A call."""
    return function(*own.shared, argument)


# ---- Backends of joblib's ------------------------------------------------------------------------


def joblib_backend() -> Any:
    """The backend that `joblib.parallel_config` has chosen; None without one."""
    parallel = sys.modules.get("joblib.parallel")
    if parallel is None:
        return None
    # Without a choice joblib follows the preference.
    backend, other = (
        parallel.get_active_backend(prefer=prefer, require=None)[0]
        for prefer in ("processes", "threads")
    )
    return backend if type(backend) is type(other) else None


def capacity(default: int) -> int:
    """How many calls run side by side: as many as joblib's backend makes, or `default`."""
    if joblib_backend() is None:
        return default
    from joblib import effective_n_jobs

    return int(effective_n_jobs(None))


def on_joblib(
    function: Callable[..., Any], missing: Mapping[int, Any], workers: int | None, take: Keep,
    shared: Sequence[Any],
) -> None:  # fmt: skip
    """The calls on joblib's workers. Some backends (Ray) give their results only together, so they
    get the calls in groups, one for each worker."""
    from joblib import Parallel, delayed

    calls = [
        delayed(as_worker)(_kernels.level, number, function, argument, *shared)
        for number, argument in missing.items()
    ]
    if joblib_backend().supports_return_generator:
        size, kind = len(calls), "generator_unordered"
    else:
        size, kind = workers or capacity(1), "list"
    # A batch would have its results together. All are dispatched, or a cluster would not grow.
    with Parallel(workers, return_as=kind, batch_size=1, pre_dispatch="all") as parallel:
        for first in range(0, len(calls), size):
            for number, result in parallel(calls[first : first + size]):
                take(number, result)


def as_worker(
    level: str, number: int, function: Callable[..., Any], argument: Any, *shared: Any
) -> tuple[int, Any]:
    """A call in a process of joblib's, with its number."""
    if level not in _kernels.levels():
        expected = f"kernels of the level {level} on each worker, for the same bits"
        hint = f"MINIDL_CPU={_kernels.levels()[0]} where the calls come from"
        raise ArgumentError(explain("workers", expected, ", ".join(_kernels.levels()), hint))
    with turn, _kernels.set_num_threads(1):
        own.is_worker = True
        try:
            if level != _kernels.level:
                _kernels.use(level)
            return number, function(*shared, argument)
        finally:
            own.is_worker = False
