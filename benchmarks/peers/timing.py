"""Time, and memory, as a process sees its own."""

import gc
import statistics
import time
import timeit
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SERIES = 5
TURNS = 9


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


def seconds_in_turns(calls: Mapping[str, Callable[[], Any]], budget: float) -> dict[str, float]:
    """The seconds of one call of each: the median of series in which they take turns, so that what
    disturbs one disturbs all. Together they take about `budget`."""
    took = {name: [timed(call)[0] for _ in range(2)][1] for name, call in calls.items()}
    counts = {name: max(1, round(budget / len(calls) / TURNS / t)) for name, t in took.items()}
    series: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(TURNS):
        for name, call in calls.items():
            seconds = timeit.timeit(call, "gc.enable()", number=counts[name], globals={"gc": gc})
            series[name].append(seconds / counts[name])
    return {name: statistics.median(seconds) for name, seconds in series.items()}


def megabytes(field: str) -> float:
    """VmRSS, the memory in use, or VmHWM, the most so far, of this process; NaN but on Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    values = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return float(next(values, "nan")) / 1024
