"""Seals: fingerprints of an experiment's rule and protocol, taken before its data are seen."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from inspect import unwrap
from pathlib import Path
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Any

from minidl.errors import ArgumentError, explain

from .experiment import Experiment
from .scale import FULL, REPORTED, Scale
from .store import Store

WORDING = "words"  # modules with such names change no outcome


def seal_of(experiment: Experiment) -> dict[str, str]:
    """The fingerprints: of the rule's words, its code and limits; of the protocol's words, the code
    and constants that measure, the scale and the seeds. What they call within the laboratory, or
    in the files of a user's experiment, counts; docstrings do not."""
    kind = type(experiment)
    rule = [experiment.rule, repr(sorted(experiment.tried.items())), *sources(kind.judge, kind)]
    protocol = [experiment.protocol, repr((FULL, REPORTED)), *sources(Scale.some)]
    protocol += sources(kind.measure, kind)
    return {"rule": fingerprint(rule), "protocol": fingerprint(protocol)}


def seal(experiment: Experiment, store: Store, data: str, changed: str = "") -> dict[str, str]:
    """The seal under which this store's first data of the experiment were seen; it is kept there
    if there are none yet. ArgumentError if rule or protocol have changed since and it is not said
    why in `changed`, which is then in the seal."""
    now = seal_of(experiment)
    key = [experiment.name, "seal", data]
    first = store.find(key, "seal", {})
    if first is None or not store.has_data(experiment.name):
        first = store.add(key, "seal", {}, 0.0, now)
    others = [name for name, value in now.items() if first.result[name] != value]
    if others and not changed:
        expected = f"the {others[0]} of '{experiment.name}' as it was when its data were first seen"
        hint = "to undo the change, or --changed WHY, which the page then tells"
        raise ArgumentError(explain("lab", expected, "another", hint))
    return now | {"changed": changed if others else ""}


def fingerprint(parts: list[str]) -> str:
    """Tells these texts from others."""
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def sources(function: Callable[..., Any], kind: type | None = None) -> list[str]:
    """The source of a function, and of all functions, classes and constants that it reaches by
    name in the laboratory and, for a user's `kind` of experiment, in the user's files. A list that
    the user's code fills while it measures counts as it was at first."""
    found: dict[str, str] = {}
    ahead: list[tuple[str, Any]] = [(function.__qualname__, function)]
    while ahead:
        name, value = ahead.pop()
        if isinstance(value, FunctionType | type):
            name = f"{value.__module__}.{value.__qualname__}"
        if name in found:
            continue
        found[name] = source(value)
        ahead += [(used, one) for used, one in used_by(value, kind) if counts(one, kind)]
    return [found[name] for name in sorted(found)]


def counts(value: Any, kind: type | None) -> bool:
    """Whether it is the laboratory's, the user's, or a constant."""
    if isinstance(value, FunctionType | type):
        module = value.__module__
        is_ours = module.startswith("minidl_lab.") and not module.endswith(WORDING)
        return is_ours or is_users(value, kind)
    return not (isinstance(value, ModuleType) or callable(value) or " at 0x" in repr(value))


def used_by(value: Any, kind: type | None) -> Iterator[tuple[str, Any]]:
    """What a function uses by name. In a user's files a class counts with what its methods use, the
    experiment's methods are found too, and so is what is taken from a module beside it."""
    if isinstance(value, FunctionType):
        functions = [value]
    else:
        functions = [one for one in methods(value).values() if is_users(one, kind)]
    for function in functions:
        scopes = {function.__module__: function.__globals__}
        names = [*names_in(function.__code__)]
        if kind and is_users(function, kind):
            scopes[kind.__qualname__] = methods(kind)
            beside = [function.__globals__.get(name) for name in names]
            scopes |= {
                one.__name__: vars(one)
                for one in beside if isinstance(one, ModuleType) and is_users(one, kind)
            }  # fmt: skip
        for place, scope in scopes.items():
            for used in names:
                if used in scope:
                    one = scope[used]
                    yield f"{place}.{used}", unwrap(one) if is_users(unwrap(one), kind) else one


def methods(value: Any) -> dict[str, FunctionType]:
    """The functions in a class and in its bases, by name."""
    found = {}
    for base in reversed(value.__mro__ if isinstance(value, type) else ()):
        for name, one in vars(base).items():
            function = getattr(one, "__func__", None) or getattr(one, "fget", None) or one
            if isinstance(function, FunctionType):
                found[name] = function
    return found


def is_users(value: Any, kind: type | None) -> bool:
    """Whether code is from the package or the folder of a user's experiment."""
    if kind is None or kind.__module__.startswith("minidl_lab."):
        return False
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    if not isinstance(name, str) or name not in sys.modules:
        return False
    if name.split(".")[0] == kind.__module__.split(".")[0]:
        return True
    files = [getattr(sys.modules[one], "__file__", None) for one in (name, kind.__module__)]
    return None not in files and len({Path(str(file)).resolve().parent for file in files}) == 1


def names_in(code: CodeType) -> Iterator[str]:
    """The names that are used in a function and in those within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def source(value: Any) -> str:
    """The source without docstrings; of a constant, the constant."""
    if not isinstance(value, FunctionType | type):
        return repr(value)
    text = dedent(inspect.getsource(value))
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            first = node.body[0]
            for number in range(first.lineno - 1, first.end_lineno or first.lineno):
                lines[number] = ""
    return "\n".join(line for line in lines if line.strip())
