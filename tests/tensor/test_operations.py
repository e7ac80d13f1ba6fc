"""Every operation: values by NumPy, first and second derivatives by differences, every shape."""

import pkgutil
from importlib import import_module

import numpy as np
import pytest
from support import LAYOUTS, numbers
from tensor_cases import ELEMENTWISE, OTHERS

import minidl
from minidl import gradcheck, tensor
from minidl.engine import tape
from minidl.engine.tensor import Operation
from minidl.engine.tensor.operation import ALIAS

INPUTS = {name: case.inputs for name, case in OTHERS.items()} | {
    name: tuple(numbers(3, seed=i, low=a, high=b) for i, (a, b) in enumerate(case.ranges))
    for name, case in ELEMENTWISE.items()
}
CASES = ELEMENTWISE | OTHERS
FOLDER = import_module("minidl.engine.tensor").__path__


def leaves(arrays):
    return [minidl.Tensor(array, requires_grad=True) for array in arrays]


def run(name, arrays):
    """The inputs after a backward pass that is recorded, and the result."""
    inputs = leaves(arrays)
    y = CASES[name].ours(*inputs)
    y.backward(tensor(np.ones(y.shape, y.dtype), requires_grad=True), create_graph=True)
    return inputs, y


def declared():
    """The operations that a module of tensors declares."""
    modules = [
        import_module(f"minidl.engine.tensor.{m.name}") for m in pkgutil.iter_modules(FOLDER)
    ]
    values = [value for module in modules for value in vars(module).values()]
    return {value for value in values if isinstance(value, Operation)}


def test_every_declared_operation_has_a_case():
    seen = set()
    for name, arrays in INPUTS.items():
        inputs, y = run(name, arrays)
        roots = [y._node, *(x.grad._node for x in inputs)]
        seen |= {node.operation for node in tape.behind(roots) if isinstance(node, tape.Node)}
    assert declared() - seen == {ALIAS}  # which only keeps the inputs of formulas apart


@pytest.mark.parametrize("name", OTHERS)
def test_values_and_derivatives(name):
    arrays = INPUTS[name]
    y = CASES[name].ours(*map(tensor, arrays))
    np.testing.assert_allclose(y, CASES[name].numpys(*arrays), rtol=1e-13)
    for layout in LAYOUTS.values():
        z = CASES[name].ours(*map(minidl.Tensor, map(layout, arrays)))
        np.testing.assert_allclose(z, y, rtol=1e-13)
    assert gradcheck(CASES[name].ours, leaves(map(np.copy, arrays)), order=2)


SHAPES = [(), (1,), (3,), (0,), (2, 3), (2, 1), (1, 3), (0, 3), (2, 1, 3)]


def drawn(rng, ranges):
    """Arrays that broadcast, of some of these shapes and layouts."""
    while True:
        shapes = [SHAPES[rng.integers(len(SHAPES))] for _ in ranges]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            continue
        arrays = [rng.uniform(a, b, shape) for (a, b), shape in zip(ranges, shapes, strict=True)]
        kinds = list(LAYOUTS.values())
        return [kinds[rng.integers(5)](array) if array.ndim else array for array in arrays]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_functions_of_each_element(name, seed):
    arrays = drawn(np.random.default_rng(seed), ELEMENTWISE[name].ranges)
    y = ELEMENTWISE[name].ours(*map(minidl.Tensor, arrays))
    wanted = ELEMENTWISE[name].numpys(*arrays)
    assert y.shape == np.shape(wanted)
    np.testing.assert_allclose(y, wanted, rtol=1e-14, atol=1e-15)
    assert gradcheck(ELEMENTWISE[name].ours, leaves(map(np.array, arrays)), order=2)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_and_rounds_only(name):
    inputs, y = run(name, INPUTS[name])
    rounded, z = run(name, [array.astype(np.float32) for array in INPUTS[name]])
    if name != "astype":
        assert z.dtype == np.float32
    np.testing.assert_allclose(z.detach(), y.detach(), rtol=1e-5, atol=1e-6)
    for x, wanted in zip(rounded, inputs, strict=True):
        assert (x.grad.dtype, x.grad.shape) == (np.float32, x.shape)
        np.testing.assert_allclose(x.grad.detach(), wanted.grad.detach(), rtol=1e-4, atol=1e-5)
