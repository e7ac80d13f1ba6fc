"""A model file: everything that `evaluate` and `predict` need besides the data.

It is one safetensors file: the net's state_dict() under its own names, the means and deviations of
the standardisation under names with a colon, and as state a net's plan, the columns, the target,
the classes, and how it was trained. `checkpoint.load_model` and other programs read the weights.

A file may come from a stranger. Nothing in it is executed, and its net is built only when it is
certain that the file has all the matrices of the plan.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minidl

from ..checkpoint import read, write
from ..checkpoint.files import shown
from ..errors import CheckpointError, MinidlError, explain
from ..layers.containers import Sequential
from ..tools.checks import is_number, is_whole
from .net_plan import NetPlan
from .preparation import Preparation, Scale

FORMAT = 1
SCALES = "inputs_scale", "target_scale"


class Model(NamedTuple):
    """A trained net with everything that belongs to it. `training` is for people to read."""

    net: Sequential
    plan: NetPlan
    preparation: Preparation
    training: dict[str, str | float]
    version: str = minidl.__version__


def save(model: Model, path: Path) -> None:
    """Writes the file, completely or not at all."""
    kept = model.preparation._asdict()
    arrays = model.net.state_dict()
    for name in SCALES:
        scale = kept.pop(name)
        if scale is not None:
            arrays |= {f"{name}:{part}": array for part, array in scale._asdict().items()}
    state = {
        "model": FORMAT, "minidl": model.version, "net": model.plan._asdict(), "data": kept,
        "training": model.training,
    }  # fmt: skip
    write(path, arrays, state)


def load(path: Path) -> Model:
    """Reads a file of save(); CheckpointError, which names the file, for anything else."""
    arrays, state = read(path)
    match state:
        case {
            "model": int(made_as),
            "minidl": str(version),
            "net": dict(net),
            "data": dict(data),
            "training": dict(training),
        } if all(isinstance(v, str) or is_number(v) for v in training.values()):
            pass
        case _:
            raise wrong(path, "a file from train --save", "another file")
    if made_as != FORMAT:
        raise wrong(path, f"a model file of format {FORMAT}", made_as, "the minidl that wrote it")
    plan = plan_of(path, net)
    preparation = preparation_of(path, data, arrays)
    if [preparation.width, preparation.outputs] != [plan.sizes[0], plan.sizes[-1]]:
        raise wrong(path, "a net for its own columns and classes", plan.sizes)
    weights = {name: array for name, array in arrays.items() if ":" not in name}
    matrices = sorted(array.shape for array in weights.values() if array.ndim == 2)
    try:
        plan.check(most=1 + sum(array.size for array in weights.values()))
        if len(plan.sizes) != len(matrices) + 1 or sorted(plan.dense_shapes()) != matrices:
            raise wrong(path, f"dense layers for the sizes {plan.sizes}", matrices)
        model = plan.build()
        model.load_state_dict(weights)
    except CheckpointError:
        raise
    except MinidlError as error:
        raise wrong(path, "weights that fit the net's plan", error) from error
    return Model(model, plan, preparation, training, version)


def plan_of(path: Path, state: dict[str, Any]) -> NetPlan:
    """A net's plan; its values are checked later, with the weights."""
    match state:
        case {
            "sizes": [_, _, *_] as sizes,
            "activation": str(activation),
            "options": dict(options),
            "dropout": dropout,
            "batch_norm": bool(batch_norm),
        } if all(is_whole(size, 1) for size in sizes):
            return NetPlan(sizes, activation, options, dropout, batch_norm)
    raise wrong(path, "a net's plan", "something else")


def preparation_of(path: Path, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Preparation:
    """How the data is prepared, checked."""
    match state:
        case {
            "columns": (list() | None) as columns,
            "width": int(width),
            "is_pixels": bool(is_pixels),
            "target": str(target),
            "classes": (list() | None) as classes,
        } if are_names(columns, width) and are_names(classes, len(classes or "")) and width > 0:
            sizes = width, 1
            scales = [
                scale_of(path, arrays, n, size) for n, size in zip(SCALES, sizes, strict=True)
            ]
            return Preparation(columns, width, is_pixels, target, classes, *scales)
    raise wrong(path, "columns, a target and classes", "something else")


def are_names(names: list[Any] | None, count: int) -> bool:
    """Whether these are `count` different texts, or None."""
    if names is None:
        return True
    return all(isinstance(n, str) for n in names) and len(set(names)) == len(names) == count


def scale_of(path: Path, arrays: dict[str, np.ndarray], name: str, size: int) -> Scale | None:
    """The means and deviations of that name, if the file has any."""
    mean, sd = arrays.get(f"{name}:mean"), arrays.get(f"{name}:sd")
    if mean is None and sd is None:
        return None
    for array in (mean, sd):
        if array is None or array.shape != (size,) or array.dtype != np.float64:
            raise wrong(path, f"{size} means and deviations", "others")
    return Scale(mean, sd)  # type: ignore[arg-type]  # neither is None


def wrong(path: Path, expected: object, got: object, hint: str = "") -> CheckpointError:
    """The error for a file with something wrong in it."""
    return CheckpointError(explain(f"model {path}", shown(expected), shown(got), hint))
