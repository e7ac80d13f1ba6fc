"""Arrays of PyTorch and JAX as tensors, and tensors as theirs: the values, and whose memory."""

import numpy as np
import pytest

import minidl

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]
VALUES = np.arange(12).reshape(3, 4) % 5


@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch(dtype):
    torch = pytest.importorskip("torch")
    x = minidl.tensor(VALUES.astype(dtype)).T
    for take in (torch.as_tensor, torch.from_dlpack, torch.asarray):
        taken = take(x)
        assert taken.dtype == getattr(torch, dtype)
        assert taken.tolist() == x.tolist()
        taken[0, 0] = 1 - taken[0, 0].item()
        assert x.tolist() == taken.tolist()
    assert torch.as_tensor(x[::-1]).tolist() == x[::-1].tolist()
    theirs = torch.from_numpy(VALUES.astype(dtype))
    ours = minidl.from_dlpack(theirs)
    theirs[0, 0] = 1
    assert ours.dtype == dtype
    assert ours.tolist() == theirs.tolist()
    assert minidl.from_dlpack(theirs, copy=True).tolist() == theirs.tolist()


def test_pytorch_gradients_are_not_lost():
    torch = pytest.importorskip("torch")
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    for take in (torch.as_tensor, torch.from_dlpack, torch.asarray):
        with pytest.raises(minidl.GraphError, match=r"x\.detach\(\)"):
            take(x)
        assert take(x.detach()).tolist() == [1.0, 2.0]
    with pytest.raises(BufferError, match="detach"):
        minidl.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(minidl.DTypeError, match="bfloat16"):
        minidl.from_dlpack(torch.ones(2, dtype=torch.bfloat16))


@pytest.mark.parametrize("dtype", DTYPES)
def test_jax(dtype):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        x = minidl.tensor(VALUES.astype(dtype))
        for take in (jax.numpy.asarray, jax.numpy.from_dlpack):
            taken = take(x)
            assert taken.dtype == dtype
            assert taken.tolist() == x.tolist()
        back = minidl.from_dlpack(jax.numpy.asarray(VALUES.astype(dtype)))
    assert back.dtype == dtype
    assert back.tolist() == x.tolist()
    with pytest.raises(minidl.ArgumentError, match="read-only"):
        back[0, 0] = 1


def test_jax_gradients_are_not_lost():
    jax = pytest.importorskip("jax")
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    for take in (jax.numpy.asarray, jax.numpy.from_dlpack):
        with pytest.raises(minidl.GraphError, match=r"x\.detach\(\)"):
            take(x)
        assert take(x.detach()).tolist() == [1.0, 2.0]
