"""Seals: fingerprints of an experiment's rule and protocol, taken before its data are seen."""

import ast
import inspect
from collections.abc import Callable, Iterator
from hashlib import sha256
from textwrap import dedent
from types import CodeType, FunctionType, ModuleType
from typing import Any

from minidl.errors import ArgumentError, explain

from .experiment import Experiment
from .scale import FULL, REPORTED, Scale
from .store import Store

WORDING = "minidl_lab.words"  # changes no outcome


def seal_of(experiment: Experiment) -> dict[str, str]:
    """The fingerprints: of the rule's words, its code and limits; of the protocol's words, the code
    and constants that measure, the scale and the seeds. What they call within the laboratory
    counts, docstrings do not."""
    kind = type(experiment)
    rule = [experiment.rule, repr(sorted(experiment.tried.items())), *sources(kind.judge)]
    protocol = [experiment.protocol, repr((FULL, REPORTED)), *sources(Scale.some)]
    return {
        "rule": fingerprint(rule), "protocol": fingerprint([*protocol, *sources(kind.measure)])
    }  # fmt: skip


def seal(experiment: Experiment, store: Store, data: str, changed: str = "") -> dict[str, str]:
    """The seal under which this store's first data of the experiment were seen; it is kept there
    if these are the first. ArgumentError if rule or protocol have changed since and it is not said
    why in `changed`, which is then in the seal."""
    now = seal_of(experiment)
    key = [experiment.name, "seal", data]
    first = store.find(key, "seal", {}) or store.add(key, "seal", {}, 0.0, now)
    others = [name for name, value in now.items() if first.result[name] != value]
    if others and not changed:
        expected = f"the {others[0]} of '{experiment.name}' as it was when its data were first seen"
        hint = "to undo the change, or --changed WHY, which the page then tells"
        raise ArgumentError(explain("lab", expected, "another", hint))
    return now | {"changed": changed if others else ""}


def fingerprint(parts: list[str]) -> str:
    """Tells these texts from others."""
    return sha256("\0".join(parts).encode()).hexdigest()[:16]


def sources(function: Callable[..., Any]) -> list[str]:
    """The source of a function, and of all functions, classes and constants of the laboratory that
    it reaches by name."""
    found: dict[str, str] = {}
    ahead: list[tuple[str, Any]] = [(function.__qualname__, function)]
    while ahead:
        name, value = ahead.pop()
        if isinstance(value, FunctionType | type):
            name = f"{value.__module__}.{value.__qualname__}"
        if name in found:
            continue
        found[name] = source(value)
        if isinstance(value, FunctionType):
            for used in names_in(value.__code__):
                if used in value.__globals__ and counts(value.__globals__[used]):
                    ahead.append((f"{value.__module__}.{used}", value.__globals__[used]))
    return [found[name] for name in sorted(found)]


def counts(value: Any) -> bool:
    """Whether it is the laboratory's, or a constant."""
    if isinstance(value, FunctionType | type):
        return value.__module__.startswith("minidl_lab.") and value.__module__ != WORDING
    return not (isinstance(value, ModuleType) or callable(value) or " at 0x" in repr(value))


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
