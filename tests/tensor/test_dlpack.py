"""DLPack, both ways. NumPy is the other library; interoperability/test_arrays.py has more."""

import itertools

import numpy as np
import pytest

import minidl
from minidl import Tensor, from_dlpack, tensor
from minidl.engine.tensor.arrays import DTYPES

ARRAYS = [np.arange(6), np.arange(24).reshape(4, 6)[::-2, 1::2], np.zeros((0, 3)), np.array(7)]
VERSIONS = [None, (0, 8), (1, 0), (1, 2)]  # of DLPack


@pytest.mark.parametrize("dtype", sorted(DTYPES, key=str))
def test_values_shapes_and_dtypes_survive_both_ways(dtype):
    for array in (array.astype(dtype) for array in ARRAYS):
        there = np.from_dlpack(Tensor(array))
        back = from_dlpack(array)
        for got in (there, back.numpy()):
            assert got.dtype == dtype
            assert got.shape == array.shape
            assert np.array_equal(got, array)
        assert not back.requires_grad


def test_the_memory_is_shared_and_a_copy_is_not():
    for copy in (None, False, True):
        x = tensor([1.0, 2.0])
        capsule = x.__dlpack__(copy=copy, max_version=(1, 0))
        there, back = np.from_dlpack(Given(x, capsule)), from_dlpack(x.numpy(), copy=copy)
        x[0] = 5.0
        expected = [1.0, 2.0] if copy else [5.0, 2.0]
        assert there.tolist() == back.tolist() == expected


class Given:
    """An array whose capsule is made already."""

    def __init__(self, x, capsule):
        self.device, self.capsule = x.__dlpack_device__(), capsule

    def __dlpack__(self, **options):
        return self.capsule

    def __dlpack_device__(self):
        return self.device


@pytest.mark.parametrize(
    ("version", "device", "copy"),
    list(itertools.product(VERSIONS, [None, (1, 0)], [None, False, True])),
)
def test_a_read_only_array_is_marked_or_copied_or_refused(version, device, copy):
    x = tensor([1.0, 2.0]).expand(3, 2)  # three times the same memory
    options = {"max_version": version, "dl_device": device, "copy": copy}
    is_new = version in ((1, 0), (1, 2))  # NumPy takes what older capsules hold as read-only
    if copy or is_new:
        there = np.from_dlpack(Given(x, x.__dlpack__(**options)))
        assert there.tolist() == x.tolist()
        assert there.flags.writeable == bool(copy and is_new)
    else:
        with pytest.raises(BufferError, match="readonly"):
            x.__dlpack__(**options)


def test_what_is_read_only_elsewhere_stays_so():
    array = np.ones(2)
    array.flags.writeable = False
    with pytest.raises(minidl.ArgumentError, match="read-only"):
        from_dlpack(array)[0] = 3.0
    from_dlpack(array, copy=True)[0] = 3.0
    assert array[0] == 1.0


def test_a_gradient_is_not_lost():
    leaf = tensor([1.0, 2.0], requires_grad=True)
    for x in (leaf, leaf * 2):
        for taken in (np.from_dlpack, from_dlpack):
            with pytest.raises(minidl.GraphError, match=r"Try: x\.detach\(\)") as caught:
                taken(x)
            assert isinstance(caught.value, BufferError)
        assert np.from_dlpack(x.detach()).tolist() == x.tolist()
        with minidl.no_grad():
            assert np.from_dlpack(x).tolist() == x.tolist()


class Unsupported(Given):
    """An array of another library with a dtype that NumPy does not know."""

    dtype = "bfloat16"

    def __dlpack__(self, **options):
        raise RuntimeError("Unsupported dtype in DLTensor.")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0], r"__dlpack__, got list\. Try: tensor\(x\)"),
        (np.ones(2, np.float16), "float16"),
        (np.ones(2, np.complex64), "complex64"),
        (Unsupported(tensor(1.0), None), "bfloat16"),
    ],
)
def test_what_cannot_be_a_tensor_is_named(given, message):
    with pytest.raises(minidl.DTypeError, match=f"from_dlpack: .*{message}"):
        from_dlpack(given)


def test_only_the_cpus_memory():
    x = tensor([1.0])
    assert x.__dlpack_device__() == (1, 0)
    assert from_dlpack(x, device="cpu").tolist() == [1.0]
    with pytest.raises(BufferError, match="device"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(ValueError, match="Device"):
        from_dlpack(x.numpy(), device="cuda")


def test_a_reversed_axis_is_copied_or_refused():
    x = tensor([1.0, 2.0, 3.0])[::-1]
    there = np.from_dlpack(x)
    assert there.tolist() == [3.0, 2.0, 1.0]
    assert there.strides == (4,)
    with pytest.raises(BufferError, match=r"x\.copy\(\)"):
        x.__dlpack__(copy=False)
