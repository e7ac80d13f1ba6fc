"""tinygrad's tests of its operators against PyTorch, with minidl's tensors in tinygrad's place."""

import inspect
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from unittest import TestLoader
from unittest.mock import patch

import torch
from repositories import COMMITS, repository
from tinygrad_tensor import modules
from verdicts import LEFT_OUT, WRONG, Case, Part, judge

from minidl import MinidlError

REPOSITORY, FILE = "tinygrad/tinygrad", "test/backend/test_ops.py"
VALUES, GRADIENTS, ERRORS = "values", "values and gradients", "errors"

# Where minidl has NumPy's way, or its own, and not PyTorch's: a test, what it says then, and which.
OTHER_WAYS = {
    ("test_clip", "not raised"): "clip without a bound",
    ("test_slice_fancy_indexing_dim_collapse_int", "shape mismatch"):
        "the order of axes where arrays and an integer that index are apart",
    ("test_linspace", "not raised"): "truth values in a row",
    ("test_pad_circular_mode", "not raised"): "pad repeats x more than once",
    ("test_pad_reflect_mode", "not raised"): "pad repeats x more than once",
    ("test_roll", "not raised"): "roll broadcasts shifts and axes",
    ("test_where", "dtype mismatch"): "two Python numbers make float32, as in `tensor`",
    ("test_where_permute", "dtype mismatch"): "two Python numbers make float32, as in `tensor`",
}  # fmt: skip


def load() -> ModuleType:
    """The module of tests, which finds the stand-in where it imports tinygrad."""
    spec = spec_from_file_location("test_ops", repository(REPOSITORY) / FILE)
    tests = module_from_spec(spec)
    with patch.dict("sys.modules", modules()):
        spec.loader.exec_module(tests)
    return tests


class Recorder:
    """Makes a case of each call of the tests' two helpers, so that a test goes on after one."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.test = ""

    def recorded(self, helper: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(helper)

        def call(*arguments: object, **words: object) -> None:
            given = signature.bind(*arguments, **words)
            group = VALUES if given.arguments.get("forward_only") else GRADIENTS
            # Where an error is, any of minidl's own will do, and Python's for an index.
            if "expected" in given.arguments:
                group, errors = ERRORS, given.arguments["expected"]
                errors = errors if isinstance(errors, tuple) else (errors,)
                given.arguments["expected"] = (*errors, MinidlError, IndexError)
            name = f"{self.test}, case {len(self.cases)}"
            case = judge(group, name, lambda: helper(*given.args, **given.kwargs))
            self.cases.append(in_other_ways(self.test, case))

        return call


def in_other_ways(test: str, case: Case) -> Case:
    """Left out, not wrong, where minidl's way is known to be another."""
    for (name, text), way in OTHER_WAYS.items():
        if case.verdict == WRONG and name == test and text in case.why:
            return case._replace(verdict=LEFT_OUT, why=f"another way: {way}")
    return case


def cases(short: bool) -> Iterator[Case]:
    """All tests, or every tenth."""
    tests, recorder = load(), Recorder()
    tests.helper_test_op = recorder.recorded(tests.helper_test_op)
    errors = recorder.recorded(tests.TestOps.helper_test_exception)
    tests.TestOps.helper_test_exception = lambda *arguments, **words: errors(*arguments, **words)
    methods = [method for suite in TestLoader().loadTestsFromModule(tests) for method in suite]
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for method in methods[:: 10 if short else 1]:
            recorder.test = method.id().rpartition(".")[2]
            torch.manual_seed(0)
            # What a test asserts beside is of tinygrad's own ways, and ends that test.
            with suppress(Exception):
                method.debug()
    yield from recorder.cases


PART = Part(
    "tinygrad's operator tests",
    f"The file `{FILE}` of tinygrad at {COMMITS[REPOSITORY][:10]}, unchanged, on a stand-in for "
    "tinygrad's tensor that passes each call to minidl's operation of that meaning "
    "(`conformance/tinygrad_tensor.py`). A case is a call of one of its two helpers. Right: values "
    "and gradients are PyTorch's within the tests' own tolerances, shapes and dtypes equal, or "
    "both raise an error. float64, which whole numbers give as in NumPy, counts as PyTorch's "
    "float32. Operations and options that minidl does not have, or does in another way, are left "
    "out.",
    "tests of",
    ("torch",),
    cases,
)
