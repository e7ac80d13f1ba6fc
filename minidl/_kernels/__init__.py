"""The compiled kernels: arrays in, arrays out.

Each kernel is built once per CPU level. The best level that this processor can run is loaded, or
the one that MINIDL_CPU names. Nothing outside this folder knows about levels.
"""

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

try:
    from . import build_info as build_info
except ImportError as error:
    raise ImportError(
        f"minidl: the kernels are not compiled in {Path(__file__).parent}. Try: `make build`; or, "
        "for an installed minidl, another folder than that of its source, or the commands minidl "
        "and minidl-lab"
    ) from error
from .ndarray import alike, bare, number, starts_with
from .threads import get_num_threads, openmp, product_nanoseconds, set_num_threads, threads_for

__all__ = [
    "INSTRUCTIONS", "LEARNED", "LOSSES", "ROW_FUNCTIONS", "alike", "arithmetic", "bare",
    "batch_norm", "dense", "dropout", "elementwise", "extremes", "gather", "gemm",
    "get_num_threads", "layer_norm", "level", "levels", "losses", "noise", "norms", "number",
    "product_nanoseconds", "program", "rows", "rules", "scatter", "set_num_threads", "show_config",
    "softmax", "starts_with", "sums", "threads_for", "update", "use", "weights",
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
    "arithmetic", "batch_norm", "columns", "dense", "dropout", "elementwise", "extremes", "gather",
    "gemm", "layer_norm", "losses", "maxout", "noise", "norms", "objective", "parameters",
    "pointwise", "prelu", "program", "rows", "rules", "scatter", "softmax", "sums", "update",
    "weights",
)  # fmt: skip

level = ""
arithmetic: ModuleType
batch_norm: ModuleType
dense: ModuleType
dropout: ModuleType
elementwise: ModuleType
extremes: ModuleType
gather: ModuleType
gemm: ModuleType
layer_norm: ModuleType
losses: ModuleType
noise: ModuleType
norms: ModuleType
program: ModuleType
rows: ModuleType
rules: ModuleType
scatter: ModuleType
softmax: ModuleType
sums: ModuleType
update: ModuleType
weights: ModuleType

# object.name = value, or dict[name] = value, which a kernel does at the end of its work.
Change = tuple[Any, str, Any]

# The row functions by activation and dtype: {"relu": {"float32": (forward, backward), ...}, ...}
ROW_FUNCTIONS: dict[str, dict[str, tuple[Any, Any]]] = {}
# The functions that compute the gradient of learned slopes: {"prelu": {"float32": ...}}
LEARNED: dict[str, dict[str, Any]] = {}
# The losses' functions on a row: {"mse": {"float32": ...}}
LOSSES: dict[str, dict[str, Any]] = {}
# The kinds of instructions (instruction.pxd): each capsule, with the splits under which it reads
# and writes its arguments.
INSTRUCTIONS: dict[str, tuple[Any, dict[str, str], dict[str, str]]] = {}


def use(wanted: str) -> None:
    """Loads the kernels of a level; the tests try every level that this machine has."""
    names = globals()
    names["level"] = wanted
    for kernel in KERNELS:
        module = import_module(f"{__name__}.{wanted}.{kernel}")
        names[kernel] = module
        ROW_FUNCTIONS.update(getattr(module, "KERNELS", {}))
        LEARNED.update(getattr(module, "LEARNED", {}))
        LOSSES.update(getattr(module, "LOSSES", {}))
        INSTRUCTIONS.update(getattr(module, "INSTRUCTIONS", {}))


use(_chosen_level())


def show_config() -> dict[str, object]:
    """The facts about this build, and how it runs.

    >>> sorted(show_config())
    ['compiler', 'level', 'levels', 'openmp', 'threads']
    """
    return {
        "level": level,
        "levels": levels(),
        "openmp": openmp.is_there(),
        "threads": get_num_threads(),
        "compiler": build_info.compiler_version(),
    }
