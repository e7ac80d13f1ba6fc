"""Time, and memory, as a process sees its own."""

import gc
import statistics
import time
import timeit
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SERIES = 5


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """The seconds of one call, and its result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def seconds_per_call(
    code: Callable[[], Any] | str, budget: float, names: Mapping[str, Any] | None = None
) -> float:
    """The seconds of one call, or of an expression with these names: the median of some series
    that together take about `budget`. Garbage is collected, as it is when users call."""
    series = timeit.Timer(code, "gc.enable()", globals={"gc": gc, **(names or {})}).timeit
    calls = 1
    while (elapsed := series(calls)) < budget / SERIES / 2:
        calls *= 2
    calls = max(1, round(calls * budget / SERIES / elapsed))
    return statistics.median(series(calls) / calls for _ in range(SERIES))


def megabytes(field: str) -> float:
    """VmRSS, the memory in use, or VmHWM, the most so far, of this process; NaN but on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    values = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return float(next(values, "nan")) / 1024
