"""How many threads the kernels use: in the process, in a thread of Python, in a forked child."""

import math
import os
import threading
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..errors import ArgumentError, GuardWarning, explain

# Nanoseconds of one core's work that repay another thread. Waking a thread and waiting for it takes
# 1 to 5 microseconds: on two cores 5 µs of tanh took 3.9, 13 took 8.0 and 49 took 27.5.
WORTH_SHARING = 10_000

# A core's speed in a matrix product (Zen 3): numbers that it multiplies and adds, and numbers that
# it reads or writes, in a nanosecond. The second dominates in a product of few rows. It is set low,
# as a second core must fetch what one core has in its cache (batch 2 of 784-128: 11 µs, by two 24).
PRODUCTS_PER_NANOSECOND = 40
NUMBERS_PER_NANOSECOND = 24

# More threads for each CPU are a mistake: a step by 1000 threads on two CPUs takes 400 times as
# long, and if the system has no more to give, OpenMP ends the process.
THREADS_PER_CPU = 8

# How many calls of set_num_threads are remembered: one that begins a `with` block is taken back.
REMEMBERED = 64


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The CPUs that this container may use, rounded up; None without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, math.ceil(int(quota) / int(period)))


def available_cpus() -> int:
    """The CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    return min(available, cgroup_quota() or available)


CPUS = available_cpus()  # before OpenMP is loaded, which may bind this thread to one of them
MOST_THREADS = THREADS_PER_CPU * CPUS


def default_threads() -> int:
    """OMP_NUM_THREADS if it is a sensible number of threads, else one for each CPU."""
    setting = os.environ.get("OMP_NUM_THREADS", "").strip()
    if not setting:
        return CPUS
    digits = setting.split(",")[0].strip().lstrip("0")  # "4,2": then 2 within each of the 4
    if digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits) <= MOST_THREADS:
        return int(digits)
    expected = f"a whole number from 1 to {MOST_THREADS} on {CPUS} CPUs"
    warnings.warn(
        f"{explain('OMP_NUM_THREADS', expected, repr(setting[:20]))} minidl uses {CPUS}",
        GuardWarning,
        stacklevel=2,
    )
    return CPUS


def load_openmp() -> ModuleType:
    """OpenMP, told how long a waiting thread spins.

    GNU's OpenMP spins for milliseconds by default; on a busy machine even while the thread that it
    waits for has no core. A step of 784-128-10 by the loop takes, in milliseconds, with so many
    spins (100,000 is near the default):
        spins            100,000   5,000   2,000   1,000
        a quiet machine     0.52    0.39    0.37    0.40
        a busy one            20     7.1     4.8     3.2

    The library reads the setting once, when it is loaded; then the setting is restored.
    """
    name = f"{__package__}.openmp"
    if "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ:
        return import_module(name)
    os.environ["GOMP_SPINCOUNT"] = "2000"
    try:
        return import_module(name)
    finally:
        del os.environ["GOMP_SPINCOUNT"]


openmp = load_openmp()


# ---- The number that is wanted -------------------------------------------------------------------


class _Setting:
    """A call of set_num_threads; used with `with`, it holds in the block and in its thread."""

    def __init__(self, threads: int, scope: "list[_Setting]") -> None:
        self.threads, self.scope = threads, scope

    def __enter__(self) -> None:
        with suppress(ValueError):  # a second block for the same call
            self.scope.remove(self)
        _own.blocks.append([self])
        _tell_openmp()

    def __exit__(self, *_: object) -> None:
        _own.blocks.pop()
        _tell_openmp()


class _Process:
    settings: list[_Setting] = []  # the last one holds; the first is never removed
    is_serial = False  # whether no team can run here
    team_ended = False  # by the thread that is about to fork
    was_limited = False  # when it did


class _Own(threading.local):
    """What each thread of Python has of its own."""

    def __init__(self) -> None:
        self.blocks: list[list[_Setting]] = []  # the blocks that it is in, each with its settings


_own = _Own()


def _scope() -> list[_Setting]:
    """The list to which this thread adds its number."""
    return _own.blocks[-1] if _own.blocks else _Process.settings


def _tell_openmp() -> None:
    here = _own.blocks[-1][-1].threads if _own.blocks else 0
    openmp.want(_Process.settings, here)


_Process.settings.append(_Setting(default_threads(), _Process.settings))
_tell_openmp()


def get_num_threads() -> int:
    """The number of threads that a large operation uses if this thread calls it.

    >>> get_num_threads() >= 1
    True
    """
    return openmp.number()


def set_num_threads(threads: int) -> _Setting:
    """Sets the number of threads; results have the same bits for every number.

    It holds for the whole process. As a context manager it holds only within the block, and only
    for the thread of Python that runs it; settings within the block end with it. The number comes
    from the first of these that is set:

    - threadpoolctl: `threadpool_limits(n)` leaves the kernels at most n threads, while it holds
      and in the thread of Python that called it, whatever is set here;
    - `set_num_threads`;
    - OMP_NUM_THREADS at the import of minidl; a warning if it makes no sense;
    - the number of CPUs that the process may use.

    At most 8 for each of these CPUs: ArgumentError for more, and for anything but a whole number.

    A forked child starts with 1, as it is seldom alone; it may set more. (If the threads cannot be
    ended before the fork, which needs GCC 9 or LLVM's OpenMP, it stays at one thread, and a warning
    says so.) Each thread of Python that calls kernels has a team of its own.

    >>> with set_num_threads(1):
    ...     get_num_threads()
    1
    """
    is_whole = isinstance(threads, int) and not isinstance(threads, bool)
    if not is_whole or not 1 <= threads <= MOST_THREADS:
        expected = f"a whole number from 1 to {MOST_THREADS} on {CPUS} CPUs"
        raise ArgumentError(explain("set_num_threads", expected, repr(threads)))
    if _Process.is_serial and threads > 1:
        warnings.warn(
            "set_num_threads: this process was forked in a way that leaves OpenMP unable to start "
            "a team; it stays at one thread. Try: start it by 'spawn'",
            RuntimeWarning,
            stacklevel=2,
        )
        threads = 1
    scope = _scope()
    setting = _Setting(threads, scope)
    scope.append(setting)
    del scope[1:-REMEMBERED]
    _tell_openmp()
    return setting


def threads_for(nanoseconds: float) -> int:
    """The threads for a kernel call that would take one core this long: one, and another for each
    WORTH_SHARING of it; or as many as have worked together before."""
    if nanoseconds < WORTH_SHARING:
        return 1
    most = openmp.number()
    if nanoseconds >= (most - 1) * WORTH_SHARING:
        return openmp.team_of(most)
    return openmp.team_of(1 + int(nanoseconds // WORTH_SHARING))


# ---- Forks ---------------------------------------------------------------------------------------


def _before_fork() -> None:
    """Ends all teams: a child would wait forever for threads that only its parent has."""
    _Process.was_limited = openmp.is_limited()
    _Process.team_ended = not _Process.is_serial and openmp.release_team()


def _after_fork_in_parent() -> None:
    _Process.team_ended = False


def product_nanoseconds(rows: int, depth: int, columns: int) -> float:
    """About one core's time for a matrix product of (rows, depth) · (depth, columns).

    >>> product_nanoseconds(64, 784, 128) > product_nanoseconds(1, 784, 128) > 784 * 128 / 40
    True
    """
    numbers = rows * depth + depth * columns + rows * columns
    return rows * depth * columns / PRODUCTS_PER_NANOSECOND + numbers / NUMBERS_PER_NANOSECOND


def _after_fork_in_child() -> None:
    _Process.is_serial = not _Process.team_ended
    _Process.team_ended = False
    if not _Process.was_limited:
        openmp.begin_anew()
    for scope in (_Process.settings, *_own.blocks):
        scope[:] = [_Setting(1, scope)]
    _tell_openmp()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
