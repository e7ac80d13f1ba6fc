"""The machine: what it is, and how fast it can multiply and copy.

These are the yardsticks of every other number. A peak says what the processor did on this day, in
this state: so it is measured again in every round, next to the turns it is compared with.
"""

import ctypes
import os
import platform
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

FLOATS = 10_000_000  # of the copy: 40 MB, larger than the caches of most processors
ROUNDS = 3_000_000  # of the multiply-adds: some 10 ms
TRIES = 5  # of each measurement; the best counts, as a peak is what is possible


def describe() -> dict[str, object]:
    """The processor's name, its cores, the system and the date."""
    return {
        "processor": processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": date.today().isoformat(),
    }


def processor() -> str:
    """The model's name as the system knows it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(map(str.strip, line.split(":", 1)) for line in lines if ":" in line)
    name = facts.get("model name", platform.machine())
    if "cpu family" not in facts:
        return name
    return f"{name}, family {facts['cpu family']}, model {facts['model']}"


def cores() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compile_peak(folder: Path) -> Path:
    """Compiles peak.c for this very processor."""
    library = folder / "peak.so"
    source = Path(__file__).with_name("peak.c")
    flags = ["-O2", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
    subprocess.run([os.environ.get("CC", "gcc"), *flags, source, "-o", library], check=True)
    return library


class Machine:
    """Measures the peaks on one thread and on all. Runs as a contender like the others."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.multiply_adds = ctypes.CDLL(str(compile_peak(Path(folder)))).multiply_adds
        self.multiply_adds.restype = ctypes.c_long
        self.multiply_adds.argtypes = [ctypes.c_long, ctypes.POINTER(ctypes.c_float)]
        self.source, self.target = np.ones(FLOATS, np.float32), np.ones(FLOATS, np.float32)
        self.threads = int(os.environ["OMP_NUM_THREADS"])

    def turn(self) -> dict[str, dict[str, float]]:
        """Operations and copied bytes per second, by the number of threads."""
        counts = sorted({1, self.threads})
        return {
            "flops": {str(n): self.flops(n) for n in counts},
            "bytes": {str(n): self.copied_bytes(n) for n in counts},
        }

    def flops(self, threads: int) -> float:
        """Multiplications and additions of float32 per second."""

        def work(number: int) -> None:
            self.multiply_adds(ROUNDS, ctypes.byref(ctypes.c_float()))

        one = self.multiply_adds(1, ctypes.byref(ctypes.c_float()))
        return threads * ROUNDS * one / best_time(work, threads)

    def copied_bytes(self, threads: int) -> float:
        """Bytes per second of a copy that no cache holds: those read and those written."""
        pieces = np.linspace(0, FLOATS, threads + 1, dtype=int)

        def work(number: int) -> None:
            piece = slice(pieces[number], pieces[number + 1])
            np.copyto(self.target[piece], self.source[piece])

        return 2 * self.source.nbytes / best_time(work, threads)


def best_time(work: Callable[[int], None], threads: int) -> float:
    """Seconds from when all threads start until all are done, the best of some tries.

    Both kinds of work release Python's lock.
    """
    return min(time_together(work, threads) for _ in range(TRIES))


def time_together(work: Callable[[int], None], threads: int) -> float:
    starts, ends = [0.0] * threads, [0.0] * threads
    barrier = threading.Barrier(threads)

    def run(number: int) -> None:
        barrier.wait()
        starts[number] = time.perf_counter()
        work(number)
        ends[number] = time.perf_counter()

    team = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    return max(ends) - min(starts)
