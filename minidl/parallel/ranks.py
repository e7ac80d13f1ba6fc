"""The processes that `mpirun` has started, and how they agree before they exchange anything."""

import atexit
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from types import TracebackType
from typing import Any, TypeVar
from zlib import crc32

import numpy as np

from .._kernels import set_num_threads
from .._kernels.threads import available_cpus
from ..errors import MissingPackageError, ParallelError, explain, some

Value = TypeVar("Value")

# Variables that mpirun, mpiexec and srun set in the processes that they start.
LAUNCHED = "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"

SOON = 0.2  # seconds in which a rank that knows more about an error can say so
LATE = 1.0  # seconds after which a rank that cannot go on ends the others, too


class Ranks:
    """All processes of a training; `rank` is the number of this one, from 0 to `size` - 1. Without
    a communicator it is the only one.

    Before each exchange the ranks agree: each says what it is about to do, and whether it has
    failed. So an error on one rank is raised on every rank, and none waits for ever.
    """

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm
        self.rank: int = 0 if comm is None else comm.rank
        self.size: int = 1 if comm is None else comm.size

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0, which alone prints and writes."""
        return self.rank == 0

    def agree(self, doing: str, error: BaseException | None = None) -> None:
        """Raises `error`, if there is one. ParallelError on the ranks without an error if another
        has one, and on all if one is doing something else."""
        if self.size > 1:
            words = np.empty((self.size, 2), np.int64)
            word = np.array([crc32(doing.encode()), error is not None], np.int64)
            self.comm.Allgather(word, words)
            if words[:, 1].any() or (words[:, 0] != word[0]).any():
                self._compare(doing, error)
        if error is not None:
            raise error

    def _compare(self, doing: str, error: BaseException | None) -> None:
        """Raises ParallelError unless the error is this rank's own."""
        failed = error and "".join(traceback.format_exception_only(type(error), error)).strip()
        told = self.comm.allgather((doing, failed))
        if error is not None:
            return
        failures = [f"rank {i} failed: {what}" for i, (_, what) in enumerate(told) if what]
        if failures:
            raise ParallelError(f"{doing}: {some(failures, 3)}")
        places = [f"rank {i} at {what}" for i, (what, _) in enumerate(told)]
        hint = "the same calls, with the same data and seeds, on every rank"
        expected = f"all {self.size} ranks at the same place"
        raise ParallelError(explain("minidl.parallel", expected, some(places, 4), hint))

    def together(self, doing: str, function: Callable[[], Value]) -> Value:
        """function() on every rank; if it fails on one, every rank raises."""
        value: Any = None
        error = None
        try:
            value = function()
        except BaseException as failure:
            error = failure
        self.agree(doing, error)
        return value

    def of_first(self, doing: str, function: Callable[[], Value]) -> Value:
        """function() on rank 0 alone; its value, or the error, on every rank."""
        value = self.together(doing, lambda: function() if self.is_first else None)
        return value if self.size == 1 else self.comm.bcast(value)  # type: ignore[return-value]

    def gather(self, own: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
        """The arrays of all ranks, which have these sizes, one after the other."""
        if self.size == 1:
            return own
        whole = np.empty(sum(sizes), own.dtype)
        self.comm.Allgatherv(np.ascontiguousarray(own), (whole, sizes))
        return whole

    def exchange(
        self, parts: np.ndarray, sent: Sequence[int], received: Sequence[int]
    ) -> np.ndarray:
        """What the ranks have for this one, one after the other; `parts` is what it has for them,
        so many numbers for each."""
        if self.size == 1:
            return parts
        found = np.empty(sum(received), parts.dtype)
        self.comm.Alltoallv((parts, sent), (found, received))
        return found


@cache
def world() -> Ranks:
    """The processes that were started together. If another program than mpirun has started this
    one, it is alone.

    MissingPackageError if mpirun has started it, but mpi4py is missing. An exception that nothing
    catches ends all ranks, and names its own.
    """
    if "mpi4py.MPI" not in sys.modules and not any(name in os.environ for name in LAUNCHED):
        return Ranks()
    try:
        from mpi4py import MPI
    except ImportError as error:
        hint = "pip install 'minidl[mpi]', with an MPI library such as Open MPI"
        message = explain("minidl.parallel", "mpi4py under mpirun", error, hint)
        raise MissingPackageError(message) from None
    ranks = Ranks(MPI.COMM_WORLD)
    if ranks.size > 1:
        share_cpus(MPI)
        sys.excepthook = ending(ranks, sys.excepthook)
        atexit.register(leave, ranks, os.getpid())
    return ranks


def share_cpus(MPI: Any) -> None:
    """Gives the ranks of a machine its CPUs in equal parts, unless OMP_NUM_THREADS says how many
    threads each has. mpirun may have bound each rank to some CPUs."""
    local = MPI.COMM_WORLD.Split_type(MPI.COMM_TYPE_SHARED)
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(available_cpus())
    cpus = set().union(*local.allgather(set(own)))
    if not os.environ.get("OMP_NUM_THREADS"):
        set_num_threads(max(1, len(cpus) // local.size))
    local.Free()


Hook = Callable[[type[BaseException], BaseException, TracebackType | None], Any]


def ending(ranks: Ranks, hook: Hook) -> Hook:
    """A hook for exceptions that nothing catches: it shows them by `hook`, and ends all ranks.
    Where all ranks have failed, the one that knows most is the first to say so."""

    def end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        time.sleep(SOON * (ranks.rank > 0) + LATE * isinstance(error, ParallelError))
        print(f"minidl: rank {ranks.rank} of {ranks.size} failed:", file=sys.stderr)
        hook(kind, error, trace)
        sys.stderr.flush()
        sys.stdout.flush()
        ranks.comm.Abort(1)

    return end


def leave(ranks: Ranks, process: int) -> None:
    """At the end of the program: if other ranks go on, they learn of it, and end."""
    if os.getpid() != process:  # a forked child
        return
    try:
        ranks.agree("the end of the program")
    except ParallelError as error:
        time.sleep(LATE)
        print(f"minidl: rank {ranks.rank} of {ranks.size}: {error}", file=sys.stderr, flush=True)
        ranks.comm.Abort(1)
