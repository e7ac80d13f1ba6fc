"""What editors show, completions and signatures, is what the code has."""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jedi
import pytest

import minidl
from minidl.layers.activations import REGISTRY, stub

PACKAGES = ["minidl", "minidl.checkpoint", "minidl.data", "minidl.optim", "minidl.train"]
NAMES_ALONE = ["minidl.functional", "minidl.nn"]  # of these modules nothing else is in the source
MODULES = [
    "minidl.autograd",
    "minidl.engine.random",
    "minidl.layers.init",
    "minidl.optim.schedules",
]


def completed(script: jedi.Script) -> set[str]:
    """What an editor would complete at the end of the script."""
    found = {completion.name for completion in script.complete()}
    return {name for name in found if not name.startswith("_")}


def test_the_stub_is_what_its_command_prints():
    written = Path(stub.__file__).with_name("names.pyi").read_text()
    assert stub.stub() == written


def test_every_activation_has_its_names():
    own = [kind for kind in REGISTRY.values() if kind.__module__.startswith("minidl.")]
    assert {kind.__name__ for kind in own} <= set(minidl.nn.__all__)
    assert {kind.name for kind in own} <= set(minidl.functional.__all__)


@pytest.mark.parametrize("room", PACKAGES + NAMES_ALONE + MODULES)
def test_a_session_completes_the_public_names(room):
    module = importlib.import_module(room)
    assert set(dir(module)) - {"__version__"} == set(module.__all__)
    assert completed(jedi.Interpreter("room.", [{"room": module}])) == set(module.__all__)


@pytest.mark.parametrize("room", PACKAGES + NAMES_ALONE)
def test_an_editor_completes_the_public_names(room):
    """Without running anything; of a package its files too."""
    module = importlib.import_module(room)
    files = {path.stem for path in Path(module.__file__).parent.iterdir()}
    found = completed(jedi.Script(f"import {room} as room\nroom."))
    missing = set(module.__all__) - found
    more = found - set(module.__all__)
    assert not missing
    assert more <= (files if room in PACKAGES else set())


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("room", ["functional", "nn", "optim", "train"])
def test_an_editor_shows_the_signatures(room):
    module = getattr(minidl, room)
    for name in set(module.__all__) - {"Activation", "MLP", "Option"}:  # **options; a tuple
        value = getattr(module, name)
        if not callable(value):
            continue
        (shown,) = jedi.Script(f"import minidl\nminidl.{room}.{name}(").get_signatures()
        names = dict(vars(sys.modules[value.__module__]))  # those of defaults
        exec(f"from __future__ import annotations\ndef {shown.to_string()}: ...", names)
        assert parameters(names[shown.name]) == parameters(value), shown.to_string()
        assert all(": " in x.to_string() for x in shown.params), shown.to_string()
