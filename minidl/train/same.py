"""The settings of a training. It is resumed only with the same ones, so that no argument of `fit`
is silently ignored."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from ..data.checksum import checksum
from ..data.kinds import is_pair, rows_of
from ..engine.random import last_seed
from ..engine.tensor import Tensor
from ..errors import ArgumentError, explain, some
from ..layers.base import Layer
from ..optim.base import Optimizer
from ..optim.schedules import Schedule
from ..tools.checks import is_number
from .run import Run

LOOKED_AT = 33  # how many of a schedule's factors are compared
SHOWN = 3  # how many differences the message names


def settings_of(run: Run, validation: Any) -> dict[str, str]:
    """The settings that determine the bits of training, as texts by name: the model, the optimiser
    and its options, the loss, the schedule, the step's options, the batches and their order, the
    data, the seed of all random numbers. Nothing is known about an iterable of batches."""
    settings = of_model(run.model) | {"loss": text(run.loss)}
    settings |= of_optimizer(run.optimizer, run.model)
    settings |= {name: text(value) for name, _, value in options(run.optimizer, run.schedule)}
    settings |= {"schedule": text(run.schedule and run.schedule.factor)}
    settings |= {name: text(value) for name, value in run.stepper.options.given().items()}
    settings |= {name: text(value) for name, value in run.feed.settings().items()}
    settings |= {"manual_seed": text(last_seed())}
    if is_pair(validation):
        settings["validation"] = checksum(*(rows_of("fit", "validation", v) for v in validation))
    return settings


def of_model(model: Layer) -> dict[str, str]:
    """Its layers, and its parameters with their dtypes and shapes."""
    layers = {
        f"layer {path}" if path else "model": f"{type(layer).__name__}({layer.describe()})"
        for path, layer in model.named_layers()
    }
    return layers | {
        f"parameter {path}": f"{p.dtype} {p.shape}{'' if p.requires_grad else ', frozen'}"
        for path, p in model.named_parameters()
    }


def of_optimizer(optimizer: Optimizer, model: Layer) -> dict[str, str]:
    """Its rule, and the parameters of each of its groups."""
    names = {id(p): path for path, p in model.named_parameters()}
    return {"optimizer": type(optimizer).__name__} | {
        f"group {i} of": ", ".join(names.get(id(p), str(p.shape)) for p in group["params"])
        for i, group in enumerate(optimizer.param_groups)
    }


def options(optimizer: Optimizer, schedule: Schedule | None) -> Iterator[tuple[str, str, Any]]:
    """Each option's name, its name in a state_dict, and its value; as the learning rate, the one
    that the schedule began with."""
    groups = optimizer.param_groups
    first = [group["lr"] for group in groups]
    if schedule is not None:
        first = schedule.state_dict()["first_lr"].tolist()
    for i, group in enumerate(groups):
        for name in optimizer.options:
            shown = name if len(groups) == 1 else f"{name} of group {i}"
            yield shown, f"groups.{i}.{name}", first[i] if name == "lr" else group[name]


def require_same(run: Run, before: dict[str, str], state: Mapping[str, Any]) -> dict[str, str]:
    """The settings that training began with; ArgumentError, which names the differences, unless the
    run has them. An option may also have the value that a schedule or a callback gave it before
    `state` was saved, as in a second fit in one process. Validation may differ."""
    became = {
        name: before.get(name)
        for name, key, value in options(run.optimizer, run.schedule)
        if text(value) == text(state.get(f"optimizer:{key}"))
    }
    now = run.settings | became
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    if "validation" in names and not ("validation" in before and "validation" in now):
        names.remove("validation")
    if names:
        was, got = (
            some([f"{name} {settings.get(name, '(none)')}" for name in names], SHOWN)
            for settings in (before, now)
        )
        hint = "the same again; or another folder, without resume, for another training"
        raise ArgumentError(explain("resume", f"{was}, as when training began", got, hint))
    return run.settings | before


def past_factors(schedule: Schedule | None) -> np.ndarray:
    """Some of a schedule's factors up to now, as two functions of one name may differ."""
    return np.array([] if schedule is None else [schedule.factor(t) for t in times(schedule)])


def times(schedule: Schedule) -> list[int]:
    """Some step numbers from the first to the present."""
    return np.linspace(0, schedule.state_dict()["steps"], LOOKED_AT).astype(np.int64).tolist()


def require_same_past(schedule: Schedule | None, before: np.ndarray) -> None:
    """ArgumentError unless the factors so far are the saved ones."""
    now = past_factors(schedule)
    if now.shape != before.shape:
        raise ArgumentError(explain("resume", f"{len(now)} factors so far", before.shape))
    differ = np.flatnonzero(~np.isclose(now, before, rtol=1e-12, atol=0))
    if schedule is not None and len(differ):
        i = int(differ[0])
        was = f"schedule({times(schedule)[i]}) = {before[i]:g}, as when training began"
        raise ArgumentError(explain("resume", was, f"{now[i]:g}"))


def text(value: Any) -> str:
    """A setting as a text that is the same in every process: functions by name, with the arguments
    of `partial`; arrays by checksum; numbers without their type.

    >>> text(partial(max, np.float32(0.5), key=len)), text((1, 2.0)), text(None)
    ('partial(max, 0.5, key=len)', '(1, 2)', 'None')
    """
    if isinstance(value, partial):
        bound = [*map(text, value.args), *(f"{k}={text(v)}" for k, v in value.keywords.items())]
        return f"partial({', '.join([text(value.func), *bound])})"
    if isinstance(value, Tensor):
        return text(value.data)
    if isinstance(value, (np.ndarray, np.generic)):
        return checksum(value) if isinstance(value, np.ndarray) else text(value.item())
    if is_number(value):
        return repr(value).removesuffix(".0")
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(text, value))})"
    if value is None or isinstance(value, (bool, str)):
        return str(value)
    return getattr(value, "__qualname__", type(value).__qualname__)
