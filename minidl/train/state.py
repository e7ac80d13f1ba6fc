"""Everything that training goes on from, as one flat dict of arrays and plain values."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..engine.random import random_state, set_random_state
from ..errors import ArgumentError, explain
from ..tools.strict_json import parse, wrong
from .history import History
from .run import Run
from .same import past_factors, require_same, require_same_past

# Errors for a state that whole() did not make.
OF_OTHER_FILES = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)

SHAPE = {  # of what whole() adds to the state of the model, the optimiser and others
    "random:layers": dict, "random:generator": dict,
    "run:step": int, "run:batch": int, "run:losses": np.ndarray,
    "run:start": {"random": dict, "feed": dict}, "run:history": np.ndarray,
    "run:settings": np.ndarray, "run:factors": np.ndarray,
}  # fmt: skip


def learned(run: Run) -> dict[str, Any]:
    """What a step reads and changes: the model's arrays under their own names, the state of the
    optimiser and of the schedule, and the random state."""
    state: dict[str, Any] = dict(run.model.state_dict())
    state |= prefixed("optimizer", run.optimizer.state_dict())
    if run.schedule is not None:
        state |= prefixed("schedule", run.schedule.state_dict())
    layers = run.model.random_state()
    return state | {"random:layers": layers, "random:generator": random_state()}


def load_learned(run: Run, state: Mapping[str, Any]) -> None:
    """Restores what learned() returned."""
    run.model.load_state_dict({name: state[name] for name in state if ":" not in name})
    if run.schedule is not None:
        run.schedule.load_state_dict(within("schedule", state))
    run.optimizer.load_state_dict(within("optimizer", state))  # a callback may have set its rate
    run.model.load_random_state(state["random:layers"])
    set_random_state(state["random:generator"])


def whole(run: Run) -> dict[str, Any]:
    """What `learned` holds, and the place of training: epoch, batch, history, callbacks."""
    state = learned(run)
    losses = np.concatenate([np.empty(0), *run.losses])
    state |= {
        "run:step": run.step, "run:batch": run.batch, "run:losses": losses,
        "run:start": run.start if run.batch else run.place(),
        "run:history": as_bytes(run.history.to_json()),
        "run:settings": as_bytes(json.dumps(run.settings)),
        "run:factors": past_factors(run.schedule),
    }  # fmt: skip
    for name, callback in named_callbacks(run):
        state |= prefixed(name, callback.state_dict())
    return state


def load_whole(run: Run, state: Mapping[str, Any]) -> None:
    """Goes on from a state of whole(). Within an epoch, the feed begins the epoch again and skips
    the batches that were done. If it fails, the run is unchanged."""
    require_state("fit", state, SHAPE)
    settings = parse(text_of(state["run:settings"]), {...: str})
    settings = require_same(run, settings, state)
    before = learned(run)
    try:
        load_learned(run, state)
        load_place(run, state)
        require_same_past(run.schedule, state["run:factors"])
        run.settings = settings
    except BaseException:
        load_learned(run, before)
        raise


def load_place(run: Run, state: Mapping[str, Any]) -> None:
    """Restores the place of training: epoch, batch, history, callbacks."""
    step, batch, losses = state["run:step"], state["run:batch"], state["run:losses"]
    if not 0 <= batch <= step or (losses.shape, losses.dtype) != ((batch,), np.float64):
        got = f"{step}, {batch} and {losses.dtype} {losses.shape}"
        raise ArgumentError(explain("fit", "steps, batches and losses that go together", got))
    for name, callback in named_callbacks(run):
        kept = within(name, state)
        if kept:
            callback.load_state_dict(kept)
    run.history = History.from_json(text_of(state["run:history"]))
    begun = len(run.history) + (batch > 0)
    if begun > run.epochs:
        expected = f"{begun} epochs or more, as many as were begun"
        raise ArgumentError(explain("resume", expected, run.epochs))
    run.step, run.start = step, state["run:start"]
    run.feed.load_state_dict(run.start["feed"])
    if batch:
        set_random_state(run.start["random"])
        run.feed.begin(skip=batch)
        set_random_state(state["random:generator"])
        run.batch, run.losses = batch, [losses]


def require_state(operation: str, state: Mapping[str, Any], shape: dict[str, Any]) -> None:
    """ArgumentError unless the state has this shape; `strict_json.wrong` explains shapes."""
    if found := wrong(dict(state), shape, "state"):
        raise ArgumentError(explain(operation, "a state as it was saved", found))


def split(state: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays, and the plain values, which JSON can hold."""
    arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    values = {name: value for name, value in state.items() if name not in arrays}
    return arrays, {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in values.items()
    }


def as_bytes(text: str) -> np.ndarray:
    """A text of any length as an array; a checkpoint's plain values have a limit."""
    return np.frombuffer(text.encode(), np.uint8)


def text_of(array: np.ndarray) -> str:
    """The text of an array from `as_bytes`."""
    return array.tobytes().decode()


def prefixed(start: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """Each name with a prefix and a colon; no weight has a colon in its name."""
    return {f"{start}:{name}": value for name, value in state.items()}


def within(start: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The part with this prefix, without the prefix."""
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
