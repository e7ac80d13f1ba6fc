"""The compiled kernels: arrays in, arrays out.

Each kernel is built once per CPU level; the best one that this processor can run is loaded, or
the one that MINIDL_CPU names. Nothing outside this folder knows about levels.
"""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from . import build_info as build_info
from .threads import PRODUCTS_PER_NANOSECOND, get_num_threads, set_num_threads, threads_for

__all__ = [
    "LEARNED", "PRODUCTS_PER_NANOSECOND", "ROW_FUNCTIONS", "batch_norm", "dense", "dropout",
    "gather", "gemm", "get_num_threads", "level", "levels", "network", "noise", "rows",
    "set_num_threads", "show_config", "softmax", "threads_for", "update", "use",
]  # fmt: skip


def levels() -> list[str]:
    """The levels that are built and that this processor can run, best first."""
    here = Path(__file__).parent
    return [name for name in build_info.cpu_levels() if any((here / name).glob("gemm.*"))]


def _chosen_level() -> str:
    wanted = os.environ.get("MINIDL_CPU")
    if not wanted:
        return levels()[0]
    if wanted not in levels():
        raise ImportError(
            f"MINIDL_CPU: expected one of {', '.join(levels())} on this machine, got {wanted!r}."
        )
    return wanted


KERNELS = (
    "batch_norm", "dense", "dropout", "gather", "gemm", "maxout", "network", "noise", "piecewise",
    "prelu", "rows", "smooth", "softmax", "update",
)  # fmt: skip

level = ""
batch_norm: ModuleType
dense: ModuleType
dropout: ModuleType
gather: ModuleType
gemm: ModuleType
network: ModuleType
noise: ModuleType
rows: ModuleType
softmax: ModuleType
update: ModuleType

# The row functions by activation and dtype: {"relu": {"float32": (forward, backward), ...}, ...}
ROW_FUNCTIONS: dict[str, dict[str, tuple[Any, Any]]] = {}
# What finds the gradient of an activation's learned numbers: {"prelu": {"float32": ...}}
LEARNED: dict[str, dict[str, Any]] = {}


def use(wanted: str) -> None:
    """Loads the kernels of a level. The tests do so to try every one that this machine has."""
    names = globals()
    names["level"] = wanted
    for kernel in KERNELS:
        module = import_module(f"{__name__}.{wanted}.{kernel}")
        names[kernel] = module
        ROW_FUNCTIONS.update(getattr(module, "KERNELS", {}))
        LEARNED.update(getattr(module, "LEARNED", {}))


# A waiting thread of GNU's OpenMP spins, by default for milliseconds. On a busy machine it spins
# while the thread that it waits for has no core: a step of 784-128-10 took up to 120 ms there, 8
# with the shortest spin that is of use. On a quiet one a step takes 0.70 ms with the default, 0.74
# with this spin, and 2 if threads sleep at once. The library reads the setting once, when the
# first kernel loads it; then it is taken back.
if "OMP_WAIT_POLICY" in os.environ or "GOMP_SPINCOUNT" in os.environ:
    use(_chosen_level())
else:
    os.environ["GOMP_SPINCOUNT"] = "100000"
    try:
        use(_chosen_level())
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def show_config() -> dict[str, object]:
    """What this build is and how it runs.

    >>> sorted(show_config())
    ['compiler', 'level', 'levels', 'openmp', 'threads']
    """
    return {
        "level": level,
        "levels": levels(),
        "openmp": build_info.has_openmp(),
        "threads": get_num_threads(),
        "compiler": build_info.compiler_version(),
    }
