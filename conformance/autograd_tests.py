"""autograd's tests, with minidl in autograd's place."""

import builtins
import io
import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from types import ModuleType
from typing import Any
from unittest.mock import patch

import autograd_checks as checks
import autograd_functions as functions
import numpy as np
import pytest
from repositories import COMMITS, repository
from verdicts import Case, LeftOut, Part, judge

import minidl

REPOSITORY = "HIPS/autograd"
# What minidl has not: SciPy, Fourier transforms, decompositions; and what is autograd's inside.
NOT_TRIED = ("scipy", "fft", "linalg", "vspaces", "tests")
# What these want is not of derivatives, but how autograd itself is made.
AUTOGRADS_OWN = {
    "test_isinstance": "a traced array that says it is NumPy's",
    "test_nograd": "TypeError for a function without a gradient",
    "test_unimplemented_falseyness": "a table of derivatives that can be changed",
    "test_deprecated_quick_grad_check_wrapper": "a module of old names",
    "test_custom_where": "autograd's own where",
    "test_custom_where_dtypes": "autograd's own where",
    "test_wrapped_name_and_docs": "names of wrapped functions",
}
FUNCTIONS = ("grad", "value_and_grad", "elementwise_grad", "grad_and_aux", "jacobian", "hessian",
             "make_hvp", "make_vjp", "make_jvp", "deriv", "tensor_jacobian_product",
             "hessian_tensor_product")  # fmt: skip
CHECKS = ("check_grads", "combo_check", "check_equivalent", "scalar_close")


class StandIn(ModuleType):
    """A module of autograd's; names that are not in it leave a test out once they are called."""

    def __init__(self, name: str, content: dict[str, Any]) -> None:
        super().__init__(name)
        vars(self).update(content)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def absent(*arguments: Any, **words: Any) -> None:
            raise LeftOut(name)

        return absent


def modules() -> dict[str, ModuleType]:
    """What the tests import."""
    types = {name: getattr(builtins, name) for name in ("isinstance", "list", "tuple", "dict")}
    content: dict[str, dict[str, Any]] = {
        "autograd": {name: getattr(functions, name) for name in FUNCTIONS} | types,
        "autograd.numpy": vars(np) | {"array": functions.array},
        "autograd.core": {"make_vjp": functions.make_vjp},
        "autograd.extend": {},
        "autograd.misc": {},
        "autograd.tracer": {"isbox": lambda x: isinstance(x, minidl.Tensor)},
        "autograd.wrap_util": {"unary_to_nary": functions.unary_to_nary},
        "autograd.builtins": types,
        "autograd.test_util": {name: getattr(checks, name) for name in CHECKS},
    }
    made: dict[str, ModuleType] = {name: StandIn(name, names) for name, names in content.items()}
    made["autograd.numpy.random"] = np.random
    for name in content:
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, made[name])
    return made


class Recorder:
    """A plugin of pytest's that makes a case of every test."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def pytest_runtest_setup(self) -> None:
        checks.Checks.made = checks.Checks.passed_over = 0

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        failed = call.excinfo is not None
        if not failed and call.when != "call":
            return
        name = getattr(item, "originalname", item.name)

        def outcome() -> None:
            if failed and name in AUTOGRADS_OWN:
                raise LeftOut(AUTOGRADS_OWN[name])
            if failed:
                raise reason(call.excinfo.value)
            if checks.Checks.passed_over and not checks.Checks.made:
                raise LeftOut("complex numbers")

        self.cases.append(judge(item.path.stem.removeprefix("test_"), item.name, outcome))


def reason(error: BaseException) -> BaseException:
    """The error, or why it leaves the test out."""
    if isinstance(error, pytest.skip.Exception):
        return LeftOut(str(error))
    text = str(error)
    if isinstance(error, TypeError) and "unsupported operand" in text and "'Tensor'" in text:
        return LeftOut("an operator that tensors have not")
    if isinstance(error, AttributeError) and text.startswith("'Tensor' object"):
        return LeftOut("an attribute that tensors have not")
    return error


def cases(short: bool) -> Iterator[Case]:
    """The tests of all files but those NOT_TRIED; `short`, of the first three."""
    folder = repository(REPOSITORY) / "tests"
    files = [f for f in sorted(folder.glob("test_*.py")) if f.stem[5:] not in NOT_TRIED]
    recorder = Recorder()
    options = ["-c", os.devnull, "--rootdir", str(folder), "-p", "no:cacheprovider"]
    with patch.dict("sys.modules", modules()), redirect_stdout(io.StringIO()):
        pytest.main([*options, *map(str, files[: 3 if short else None])], plugins=[recorder])
    yield from recorder.cases


PART = Part(
    "autograd's tests",
    f"autograd's own tests at {COMMITS[REPOSITORY][:10]}, without SciPy, Fourier transforms, "
    "decompositions and its internals. `minidl.autograd` replaces its functions of functions "
    "(`conformance/autograd_functions.py`), and NumPy's functions are called on tensors. "
    "Gradients, and gradients of gradients, agree with central differences to 1e-6. Complex "
    "numbers, which minidl does not have, are skipped.",
    "tests of",
    (),
    cases,
)
