"""ONNX's node tests: small graphs with inputs and the outputs that a runtime has to give."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node
from onnx_optimizers import OPTIMIZERS
from verdicts import LEFT_OUT, Case, LeftOut, Part, judge

from minidl.onnx.backend import graph_outputs
from minidl.onnx.operators import OPERATORS
from minidl.onnx.places import UnsupportedError

KNOWN = OPERATORS | OPTIMIZERS
DTYPES = {np.dtype(code) for code in ("?", *np.typecodes["AllInteger"], "f", "d")}  # of tensors


def node_tests(short: bool) -> list[Any]:
    """Every node test; `short` only those in modules named after an operator that minidl has.

    Importing a module makes its tests; three of pooling take a minute.
    """
    wanted = {operator.lower() for operator in KNOWN}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of NumPy's, where the expected values are computed
        for _, name, _ in iter_modules(node.__path__):
            if not short or name.replace("_", "") in wanted:
                import_module(f"{node.__name__}.{name}")
    return node._NodeTestCases


def as_array(value: Any) -> np.ndarray:
    """An input or output of a test: an array, or ONNX's own tensor."""
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def require_dtypes(arrays: list[Any]) -> None:
    """LeftOut if one has a dtype that minidl's tensors have not, such as float16 or int4."""
    for array in arrays:
        if array is None or isinstance(array, list):
            raise LeftOut("inputs that are no arrays")
        dtype = as_array(array).dtype
        if dtype not in DTYPES:
            raise LeftOut(f"dtype {dtype.name}")


def check(test: Any) -> None:
    """AssertionError unless minidl's outputs have the test's shapes, dtypes and values."""
    for inputs, outputs in test.data_sets:
        require_dtypes([*inputs, *outputs])
        try:
            found = graph_outputs(test.model.graph, [as_array(x) for x in inputs], KNOWN)
        except UnsupportedError as error:
            raise LeftOut(str(error).partition("got ")[2].removesuffix(".")) from error
        for output, wanted in zip(found, outputs, strict=True):
            np.testing.assert_allclose(
                output.numpy(), as_array(wanted), rtol=test.rtol, atol=test.atol, strict=True
            )


def cases(short: bool) -> Iterator[Case]:
    """The tests all of whose operators are among KNOWN; the others are left out."""
    for test in node_tests(short):
        operators = [step.op_type for step in test.model.graph.node]
        absent = next((operator for operator in operators if operator not in KNOWN), None)
        if absent is not None:
            yield Case("(operators that minidl has not)", test.name, LEFT_OUT, absent)
            continue
        group = operators[0] if len(operators) == 1 else "(several operators)"
        yield judge(group, test.name, check, test)


PART = Part(
    "ONNX node tests",
    "The tests whose operators minidl all has (`minidl.onnx.backend`), within the "
    "tests' own tolerances, with equal shapes and dtypes. minidl refuses the extremum of an empty "
    "tensor, and bounds in the wrong order. Dtypes and attributes that minidl does not have are "
    "left out.",
    "operator",
    ("onnx",),
    cases,
)
