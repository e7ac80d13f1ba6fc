"""All that training goes on from, as one flat dict of arrays and plain values."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..errors import ArgumentError, explain
from ..layer import Layer
from ..random import random_state, set_random_state
from .history import History
from .run import Run


def learned(run: Run) -> dict[str, Any]:
    """What a step reads and changes: the model's arrays under their own names, the state of the
    optimiser and of the schedule, and where the random numbers are."""
    state: dict[str, Any] = dict(run.model.state_dict())
    state |= prefixed("optimizer", run.optimizer.state_dict())
    if run.schedule is not None:
        state |= prefixed("schedule", run.schedule.state_dict())
    calls = {path: [layer.seed, layer.calls] for path, layer in random_layers(run.model)}
    return state | {"random:layers": calls, "random:generator": random_state()}


def load_learned(run: Run, state: Mapping[str, Any]) -> None:
    """Goes back to what learned() gave."""
    layers = dict(random_layers(run.model))
    if layers.keys() != state["random:layers"].keys():
        raise ArgumentError(
            explain("fit", f"random layers at {list(state['random.layers'])}", list(layers))
        )
    run.model.load_state_dict({name: state[name] for name in state if ":" not in name})
    run.optimizer.load_state_dict(within("optimizer", state))
    if run.schedule is not None:
        run.schedule.load_state_dict(within("schedule", state))
    for path, (seed, calls) in state["random:layers"].items():
        layers[path].seed, layers[path].calls = seed, calls
    set_random_state(state["random:generator"])


def whole(run: Run) -> dict[str, Any]:
    """What `learned` holds, and where training is: epoch, batch, history, callbacks."""
    state = learned(run)
    losses = np.concatenate([np.empty(0), *run.losses])
    state |= {
        "run:step": run.step, "run:batch": run.batch, "run:losses": losses,
        "run:start": run.start, "run:history": as_bytes(run.history.to_json()),
        "run:data": [run.feed.steps, run.feed.samples],
    }  # fmt: skip
    for name, callback in named_callbacks(run):
        state |= prefixed(name, callback.state_dict())
    return state


def load_whole(run: Run, state: Mapping[str, Any]) -> None:
    """Goes on where whole() was taken. Within an epoch, the feed begins it again and leaves out
    the batches that were done."""
    if run.feed.steps is not None and state["run:data"] != [run.feed.steps, run.feed.samples]:
        steps, samples = state["run:data"]
        raise ArgumentError(
            explain(
                "fit",
                f"to resume with the same data, {steps} batches of {samples} rows",
                f"{run.feed.steps} batches of {run.feed.samples} rows",
            )
        )
    load_learned(run, state)
    for name, callback in named_callbacks(run):
        callback.load_state_dict(within(name, state))
    run.history = History.from_json(state["run:history"].tobytes().decode())
    run.step, run.start = state["run:step"], state["run:start"]
    run.feed.load_state_dict(run.start["feed"])
    if state["run:batch"]:
        set_random_state(run.start["random"])
        run.feed.begin(skip=state["run:batch"])
        set_random_state(state["random:generator"])
        run.batch, run.losses = state["run:batch"], [state["run:losses"]]


def split(state: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays, and the plain values, which JSON can hold."""
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    values = {name: value for name, value in state.items() if name not in arrays}
    return arrays, {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in values.items()
    }


def as_bytes(text: str) -> np.ndarray:
    """A text of any length among the arrays; a checkpoint's plain values have a limit."""
    return np.frombuffer(text.encode(), np.uint8)


def prefixed(start: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Each name with a start and a colon before it: no weight's name has one."""
    return {f"{start}:{name}": value for name, value in state.items()}


def within(start: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """What `prefixed` made."""
    start += ":"
    return {
        name.removeprefix(start): value for name, value in state.items() if name.startswith(start)
    }


def named_callbacks(run: Run) -> Iterator[tuple[str, Any]]:
    """The callbacks, with a name by kind and place."""
    seen: dict[str, int] = {}
    for callback in run.callbacks:
        kind = type(callback).__name__
        seen[kind] = seen.get(kind, -1) + 1
        yield f"callbacks.{kind}.{seen[kind]}", callback


def random_layers(model: Layer, path: str = "") -> Iterator[tuple[str, Any]]:
    """The layers whose random numbers follow from a seed and a count of calls, with their path."""
    if hasattr(model, "seed") and hasattr(model, "calls"):
        yield path, model
    for name, child in model.children():
        yield from random_layers(child, f"{path}.{name}" if path else name)
