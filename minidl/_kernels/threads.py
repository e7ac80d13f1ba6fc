"""How many threads the kernels use."""

import math
import os
import warnings
from pathlib import Path

# Nanoseconds of work for one core above which a second one helps: to wake it and to wait for it
# takes 3 to 5 microseconds.
WORTH_SHARING = 10_000

# What a core does in a matrix product (Zen 3): numbers that it multiplies and adds up, and numbers
# that it reads or writes. The second is most of a product of few rows; it is taken as small, for
# what one core has in its cache a second one must fetch (batch 2 of 784-128: 11 µs, by two 24).
PRODUCTS_PER_NANOSECOND = 40
NUMBERS_PER_NANOSECOND = 24


class _State:
    threads = 1
    team_used = False  # whether OpenMP ever ran more than one thread in this process
    forked = False  # whether this process is the child of one whose team was used


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The CPUs that this container may use, rounded up; None without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, math.ceil(int(quota) / int(period)))


def default_threads() -> int:
    """OMP_NUM_THREADS if it is set, else the CPUs that this process may use."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
    else:
        available = os.cpu_count() or 1
    return min(available, cgroup_quota() or available)


def get_num_threads() -> int:
    """The number of threads that a large operation uses.

    >>> get_num_threads() >= 1
    True
    """
    return 1 if _State.forked else _State.threads


class _Restore:
    """What set_num_threads returns: used with `with`, it puts the old number back."""

    def __init__(self, previous: int) -> None:
        self.previous = previous

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        _State.threads = self.previous


def set_num_threads(threads: int) -> _Restore:
    """Sets the number of threads; results have the same bits for every number.

    As a context manager it holds for the block only. In a forked child of a process that has
    used threads the kernels stay serial (GNU's OpenMP hangs there), and a warning says so.

    >>> with set_num_threads(1):
    ...     get_num_threads()
    1
    """
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"set_num_threads: expected a whole number from 1 up, got {threads!r}.")
    if _State.forked and threads > 1:
        warnings.warn(
            "set_num_threads: this process was forked from one that had used threads, where "
            "OpenMP cannot start a team; it stays at one thread. Try: start it by 'spawn'",
            RuntimeWarning,
            stacklevel=2,
        )
    previous, _State.threads = _State.threads, threads
    return _Restore(previous)


def threads_for(nanoseconds: float) -> int:
    """The threads for a kernel call that would take one core about so long."""
    if nanoseconds < WORTH_SHARING or _State.threads == 1 or _State.forked:
        return 1
    _State.team_used = True
    return _State.threads


def product_nanoseconds(rows: int, depth: int, columns: int) -> float:
    """What a matrix product of (rows, depth) · (depth, columns) takes one core, about.

    >>> product_nanoseconds(64, 784, 128) > product_nanoseconds(1, 784, 128) > 784 * 128 / 40
    True
    """
    numbers = rows * depth + depth * columns + rows * columns
    return rows * depth * columns / PRODUCTS_PER_NANOSECOND + numbers / NUMBERS_PER_NANOSECOND


def _after_fork_in_child() -> None:
    _State.forked = _State.forked or _State.team_used


_State.threads = default_threads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
