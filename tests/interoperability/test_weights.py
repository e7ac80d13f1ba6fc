"""Weights to a PyTorch module and back, through files: each library gives the other's outputs."""

import numpy as np
import pytest

import minidl
from minidl import checkpoint, nn


def test_weights_go_to_pytorch_and_back(tmp_path):
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    x = np.random.default_rng(5).normal(size=(7, 4)).astype(np.float32)
    net = nn.Sequential(nn.Dense(4, 6), nn.ReLU(), nn.Dense(6, 3))
    checkpoint.save_torch(net, tmp_path / "to.safetensors")

    module = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3))
    module.load_state_dict(files.load_file(tmp_path / "to.safetensors"))
    theirs = module(torch.from_numpy(x))
    assert np.allclose(theirs.detach(), net(minidl.tensor(x)).numpy(), atol=1e-6)

    with torch.no_grad():
        module[0].weight *= 2  # as a training there would
    files.save_file(module.state_dict(), tmp_path / "back.safetensors")
    for source in (tmp_path / "back.safetensors", module.state_dict()):
        again = nn.Sequential(nn.Dense(4, 6), nn.ReLU(), nn.Dense(6, 3))
        checkpoint.load_torch(again, source)
        expected = module(torch.from_numpy(x)).detach()
        assert np.allclose(again(minidl.tensor(x)).numpy(), expected, atol=1e-6)
        assert not np.allclose(expected, theirs.detach(), atol=1e-3)
