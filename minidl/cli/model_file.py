"""A model file: everything that `evaluate` and `predict` need besides the data.

It is one safetensors file: the net's state_dict() under its own names, the means and deviations of
numbers under names with a colon, and as state a net's plan, the rest of the encoder of its columns,
what was understood of the data, and how it was trained. `checkpoint.load_model` and other programs
read the weights.

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
from ..tables.category import Category
from ..tables.dates import PATTERNS
from ..tables.encoder import Encoder
from ..tables.kinds import Kind
from ..tables.scale import Scale
from ..tools.checks import is_number, is_whole
from .net_plan import NetPlan

FORMAT = 2
SCALES = "inputs_scale", "target_scale"


class Model(NamedTuple):
    """A trained net with everything that belongs to it. `training` and `understood`
    are for people to read."""

    net: Sequential
    plan: NetPlan
    encoder: Encoder
    training: dict[str, str | float]
    understood: str  # of the data, in lines
    version: str = minidl.__version__


def save(model: Model, path: Path) -> None:
    """Writes the file, completely or not at all."""
    kept = model.encoder._asdict()
    arrays = model.net.state_dict()
    for name in SCALES:
        scale = kept.pop(name)
        if scale is not None:
            arrays |= {f"{name}:{part}": array for part, array in scale._asdict().items()}
    kept["categories"] = {name: c._asdict() for name, c in model.encoder.categories.items()}
    state = {
        "model": FORMAT, "minidl": model.version, "net": model.plan._asdict(), "data": kept,
        "training": model.training, "understood": model.understood,
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
            "understood": str(understood),
        } if all(isinstance(v, str) or is_number(v) for v in training.values()):
            pass
        case _:
            raise wrong(path, "a file from train --save", "another file")
    if made_as != FORMAT:
        raise wrong(path, f"a model file of format {FORMAT}", made_as, "the minidl that wrote it")
    plan = plan_of(path, net)
    encoder = encoder_of(path, data, arrays)
    if [encoder.inputs, encoder.outputs] != [plan.sizes[0], plan.sizes[-1]]:
        raise wrong(path, "a net for its own columns and classes", plan.sizes)
    if encoder.counts != [count for count, _ in plan.tables]:
        raise wrong(path, "a table for each embedded category", plan.tables)
    weights = {name: array for name, array in arrays.items() if ":" not in name}
    matrices = sorted(array.shape for array in weights.values() if array.ndim == 2)
    try:
        plan.check(most=1 + sum(array.size for array in weights.values()))
        count = len(plan.sizes) - 1 + len(plan.tables)
        if count != len(matrices) or sorted(plan.shapes()) != matrices:
            raise wrong(path, f"dense layers for the sizes {plan.sizes}", matrices)
        model = plan.build()
        model.load_state_dict(weights)
    except CheckpointError:
        raise
    except MinidlError as error:
        raise wrong(path, "weights that fit the net's plan", error) from error
    return Model(model, plan, encoder, training, understood, version)


def plan_of(path: Path, state: dict[str, Any]) -> NetPlan:
    """A net's plan; its values are checked later, with the weights."""
    match state:
        case {
            "sizes": [_, _, *_] as sizes,
            "tables": list(tables),
            "activation": str(activation),
            "options": dict(options),
            "dropout": dropout,
            "batch_norm": bool(batch_norm),
        } if all(is_whole(size, 1) for size in sizes) and all(map(is_shape, tables)):
            shapes = [(count, width) for count, width in tables]
            return NetPlan(sizes, shapes, activation, options, dropout, batch_norm)
    raise wrong(path, "a net's plan", "something else")


def encoder_of(path: Path, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Encoder:
    """How the data is encoded, checked."""
    match state:
        case {
            "columns": (list() | None) as columns,
            "width": int(width),
            "is_pixels": bool(is_pixels),
            "kinds": dict(kinds),
            "with_missing": list(with_missing),
            "categories": dict(categories),
            "embedded": list(embedded),
            "target": str(target),
            "classes": (list() | None) as classes,
            "is_scaled": bool(is_scaled),
        } if (
            are_names(columns, width)
            and are_names(classes, len(classes or ""))
            and are_places(with_missing, width)
            and are_names(embedded, len(embedded))
            and {*embedded} <= {*categories}
            and width >= 0
        ):
            pass
        case _:
            raise wrong(path, "columns, a target and classes", "something else")
    inputs = scale_of(path, arrays, SCALES[0], width)
    if (inputs is None) != (is_pixels and not is_scaled) or not {*kinds} <= {*(columns or ())}:
        raise wrong(path, "a mean and a deviation for each number", "none, or too many")
    return Encoder(
        columns, width, is_pixels,
        {name: kind_in(path, kind) for name, kind in kinds.items()},
        with_missing,
        {name: category_of(path, column) for name, column in categories.items()},
        embedded, target, classes, is_scaled, inputs, scale_of(path, arrays, SCALES[1], 1),
    )  # fmt: skip


def kind_in(path: Path, state: Any) -> Kind:
    """The kind of a column of numbers."""
    match state:
        case ["true/false", ""] | ["number", ""]:
            return Kind(*state)
        case ["date", str(pattern)] if pattern in PATTERNS:
            return Kind(*state)
    raise wrong(path, "the kind of a column", state)


def category_of(path: Path, state: Any) -> Category:
    """How a category is encoded, checked."""
    match state:
        case {
            "names": list(names),
            "most_frequent": int(most_frequent),
            "has_others": bool(has_others),
            "has_missing": bool(has_missing),
        } if are_names(names, len(names)) and is_whole(most_frequent, 0):
            if most_frequent < len(names):
                return Category(names, most_frequent, has_others, has_missing)
    raise wrong(path, "the names of a category", "something else")


def is_shape(value: Any) -> bool:
    """Whether this is a matrix' shape."""
    return isinstance(value, list) and len(value) == 2 and all(is_whole(n, 1) for n in value)


def are_places(places: list[Any], count: int) -> bool:
    """Whether these are different places below `count`, in order."""
    return all(is_whole(p, 0) and p < count for p in places) and sorted({*places}) == places


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
