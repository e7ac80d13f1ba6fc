"""What users bring along, as "module:Class": activations and experiments. It is tried before
anything is measured, and refused by ArgumentError if it cannot be used."""

import inspect
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any

import numpy as np

from minidl import functional as F
from minidl import nn
from minidl.errors import ArgumentError, explain
from minidl.layers.activations import REGISTRY, Activation
from minidl.layers.activations import activation as find
from minidl.optim import SGD
from minidl.step.training import TrainingStep

from .experiment import Experiment
from .experiments import BY_NAME
from .rules import limits
from .scale import FULL, QUICK
from .seals import seal_of

ACTIVATIONS = "see docs/guides/your-own.md"
EXPERIMENTS = "see docs/guides/your-own-experiment.md"
TEXTS = ("name", "title", "claim", "source", "protocol", "rule")
WORD = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")  # the page's other ids have "-" and a digit


def imported(option: str, name: str, how: str) -> Any:
    """What "module:Class" names; `how` is the hint where the module fails."""
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:  # python -m adds it, an installed command does not
        sys.path.append(os.getcwd())
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # whatever the user's module raises
        is_not_found = isinstance(error, ImportError | AttributeError)
        place = "a module in this folder or installed, a colon, and the class in it"
        got = f"{name}: {in_a_line(error)}"
        hint = place if is_not_found else how
        raise ArgumentError(explain(option, "module:Class", got, hint)) from error


def activation(name: str) -> str:
    """The name of an activation to add: one of minidl's, or "module:Class"."""
    if ":" not in name:
        return tried(find(name))
    kind = imported("--activation", name, ACTIVATIONS)
    is_activation = isinstance(kind, type) and issubclass(kind, Activation)
    if not is_activation or getattr(kind, "name", None) not in REGISTRY:
        expected = "a subclass of nn.Activation with a name"
        raise ArgumentError(explain("--activation", expected, repr(kind), ACTIVATIONS))
    return tried(kind)


def tried(kind: type[Activation]) -> str:
    """The activation's name, after a small net with it was trained for one step, by the loop and by
    TrainingStep."""
    expected = f"an activation that trains a net: {kind.name}"
    x, y = np.linspace(-3, 3, 64, dtype=np.float32).reshape(8, 8), np.arange(8) % 2
    try:
        with np.errstate(all="ignore"):
            net = nn.MLP([8, 8, 2], kind)
            outputs = net(x)
            F.cross_entropy(outputs, y).backward()
            parameters = list(net.parameters())
            gradients = [p.grad.data for p in parameters if p.grad is not None]
            loss = TrainingStep(net, F.cross_entropy, SGD(net.parameters(), 0.01))(x, y)
    except Exception as error:  # whatever the user's formula raises
        raise ArgumentError(explain("--activation", expected, in_a_line(error))) from error
    if len(gradients) < len(parameters):
        hint = "a formula of tensors from its input to its output"
        raise ArgumentError(
            explain("--activation", expected, "no gradient for the layer before it", hint)
        )
    if not all(np.isfinite(one).all() for one in (outputs.data, *gradients, np.asarray(loss))):
        hint = "a formula and a derivative that are finite from -10 to 10"
        raise ArgumentError(explain("--activation", expected, "NaN or infinity", hint))
    return kind.name


def experiments(names: Sequence[str]) -> list[Experiment]:
    """The users' experiments."""
    found = [experiment(name) for name in dict.fromkeys(names)]
    words = [one.name for one in found]
    if twice := [word for word in words if words.count(word) > 1]:
        raise refused("experiments with different names", f"{twice[0]!r} twice")
    return found


def experiment(name: str) -> Experiment:
    """A user's experiment, of which all is right that can be known before it measures."""
    kind = imported("--experiment", name, EXPERIMENTS)
    if not (isinstance(kind, type) and issubclass(kind, Experiment)):
        raise refused("a subclass of minidl_lab.Experiment", repr(kind))
    if kind.__abstractmethods__:
        lacking = min(kind.__abstractmethods__)
        raise refused("the methods measure, judge and charts", f"{name} without {lacking}")
    check_variables(kind)
    place = import_module(kind.__module__)
    if vars(place).get(kind.__qualname__) != kind:
        raise refused("a class of a module, under its own name", kind.__qualname__)
    try:
        one: Experiment = kind()
        for method in (one.measure, one.judge, one.charts):
            inspect.signature(method).bind(None)
        usual = limits(one)
        seal_of(one)
    except Exception as error:  # whatever the user's class raises
        expected = "a class made without arguments, whose methods have those of Experiment's"
        raise refused(expected, f"{name}: {in_a_line(error)}") from error
    if others := [limit for limit in one.tried if limit not in usual]:
        hint = f"its limits are {', '.join(usual)}" if usual else "it has none"
        raise refused("in `tried` only limits of `judge`", repr(others[0]), hint)
    return one


def check_variables(kind: type[Experiment]) -> None:
    """ArgumentError if a class variable is missing or cannot be used."""
    for name in TEXTS:
        value = getattr(kind, name, None)
        if not isinstance(value, str) or not value.strip():
            raise refused(f"the class variable `{name}`, a text", repr(value))
    if not WORD.fullmatch(kind.name):
        raise refused("a name of small letters, digits and -", repr(kind.name))
    if kind.name in BY_NAME:
        raise refused("a name that is none of the laboratory's", repr(kind.name))
    seconds = getattr(kind, "seconds", None)
    if not isinstance(seconds, dict) or not {FULL.name, QUICK.name} <= seconds.keys():
        hint = 'seconds = {"full": 300, "quick": 10}'
        raise refused("`seconds`, about what a run takes", repr(seconds), hint)
    tried = getattr(kind, "tried", None)
    if not isinstance(tried, Mapping):
        hint = 'tried = {"margin": (0.025, 0.1)}'
        raise refused("`tried`, other values for each limit of `judge`", repr(tried), hint)


def refused(expected: str, got: str, hint: str = EXPERIMENTS) -> ArgumentError:
    """The error for an experiment that cannot be run."""
    return ArgumentError(explain("--experiment", expected, got, hint))


def from_their_code(error: BaseException, users: Sequence[Experiment]) -> TracebackType | None:
    """The part of an error's traceback that begins in the code of a user's experiment, if it goes
    through it."""
    files = {inspect.getfile(type(one)) for one in users}
    place = error.__traceback__
    while place and place.tb_frame.f_code.co_filename not in files:
        place = place.tb_next
    return place


def in_a_line(error: Exception) -> str:
    """The kind of the error and its message."""
    return " ".join(f"{type(error).__name__}: {error}".split())
