"""The functions of tensors at the top take what a tensor can be made of, and nothing else."""

from inspect import signature

import numpy as np
import pytest

import minidl
from minidl import MinidlError, Tensor, tensor


def needed(function):
    """The arguments that it must have."""
    parameters = signature(function).parameters.values()
    return [
        p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]


# Those of one tensor, or of two, in a module of tensors; from_dlpack takes no numbers, but memory.
FUNCTIONS = {
    name: function
    for name in minidl.__all__
    if getattr(function := getattr(minidl, name), "__module__", "").startswith(
        "minidl.engine.tensor."
    )
    if name[-5:] != "_like" and sorted(needed(function)) in (["x"], ["x", "y"])
}
del FUNCTIONS["from_dlpack"]


KINDS = ["none", "text", "object", "uneven rows"]


def data(result):
    parts = result if isinstance(result, tuple) else (result,)
    return [part.numpy() if isinstance(part, Tensor) else np.asarray(part) for part in parts]


def unaligned(x):
    """The same numbers, beside where the processor reads them at best."""
    return np.frombuffer(b" " + x.tobytes(), x.dtype, offset=1).reshape(x.shape)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_does_not_matter_where_the_numbers_lie(name):
    function, x = FUNCTIONS[name], np.array([[0.5, 0.25], [0.75, 1.0]], np.float32)
    inputs = [Tensor(x) for _ in needed(function)]
    assert not unaligned(x).flags.aligned
    moved = [Tensor(unaligned(x)) for _ in needed(function)]
    for found, wanted in zip(data(function(*moved)), data(function(*inputs)), strict=True):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_list_and_an_array_are_as_good_as_a_tensor(name):
    function = FUNCTIONS[name]
    rows = [[0.5, 0.25], [0.75, 1.0]]
    wanted = data(function(*[tensor(rows)] * len(needed(function))))
    for x in (rows, np.array(rows, np.float32), tuple(rows)):
        for found, part in zip(data(function(*[x] * len(needed(function)))), wanted, strict=True):
            np.testing.assert_allclose(found, part, rtol=1e-6)
    method = getattr(Tensor, name, None)
    if method is not None and len(needed(function)) == 1:
        np.testing.assert_array_equal(data(getattr(tensor(rows), name)())[0], wanted[0])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("nothing", [None, "1", object(), [[1.0], [1.0, 2.0]]], ids=KINDS)
def test_what_is_no_number_is_refused(name, nothing):
    function = FUNCTIONS[name]
    n = len(needed(function))
    for arguments in ([nothing] * n, [nothing, tensor([[1.0, 2.0]])][:n], [1.0, nothing][-n:]):
        with pytest.raises(MinidlError, match="expected .*got"):
            function(*arguments)
