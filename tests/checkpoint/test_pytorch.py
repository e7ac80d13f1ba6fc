"""`load_torch` and `save_torch`: PyTorch's nets give PyTorch's outputs. See torch_files/."""

from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.checkpoint import load_model, load_torch, read, save_model, save_torch
from minidl.errors import CheckpointError

FILES = Path(__file__).parent / "torch_files"


class Branches(nn.Layer):
    """That of make_torch_files.py."""

    def __init__(self):
        self.heads = {"left": nn.Dense(3, 3), "right": nn.Dense(3, 3, bias=False)}
        self.blocks = [[nn.Dense(3, 3), nn.PReLU()]]
        self.scales = [nn.Parameter(np.ones(n, np.float32)) for n in (3, 1)]

    def forward(self, x):
        left, right = self.heads["left"](x), self.heads["right"](x)
        x = (left * self.scales[0] + right * self.scales[1]).tanh()
        for layer in self.blocks[0]:
            x = layer(x)
        return x


def sequential():
    return nn.Sequential(
        nn.Dense(3, 3),
        nn.ReLU(),
        nn.Dense(3, 3, bias=False),
        nn.BatchNorm(3),
        nn.PReLU(3),
        nn.Sequential(nn.Dense(3, 3), nn.Sigmoid(), nn.BatchNorm(3, affine=False)),
        nn.Dense(3, 2),
    )


NETS = {"sequential": sequential, "branches": Branches}
OUTPUTS = read(FILES / "outputs.safetensors")[0]


class OfPyTorch:
    """What load_torch sees of a tensor on another device, here of bfloat16 if it has no array."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def cpu(self):
        return self

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


def file_of(name):
    return FILES / f"{name}.safetensors"


def tensors_of(name):
    return {name: OfPyTorch(array) for name, array in read(file_of(name))[0].items()}


@pytest.mark.parametrize("source", [file_of, tensors_of])
@pytest.mark.parametrize("name", NETS)
def test_outputs_are_those_of_pytorch(name, source):
    net = NETS[name]()
    load_torch(net, source(name))
    y = net.eval()(OUTPUTS["x"])
    np.testing.assert_allclose(y.data, OUTPUTS[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NETS)
def test_what_is_saved_for_pytorch_is_what_pytorch_saved(name, tmp_path):
    net, path = NETS[name](), tmp_path / "net.safetensors"
    load_torch(net, file_of(name))
    save_torch(net, path)
    wanted, found = read(file_of(name))[0], read(path)[0]
    assert found.keys() == wanted.keys()
    assert all((found[name] == wanted[name]).all() for name in wanted)


@pytest.mark.parametrize("name", NETS)
def test_a_file_of_the_other_kind_is_refused(name, tmp_path):
    net = NETS[name]()
    before = net.state_dict()
    with pytest.raises(CheckpointError, match=rf"{name}.*Try: checkpoint\.load_torch"):
        load_model(net, file_of(name))
    save_torch(net, tmp_path / "a.pt.safetensors")
    with pytest.raises(CheckpointError, match=r"another program.*Try: checkpoint\.load_torch"):
        load_model(net, tmp_path / "a.pt.safetensors")
    save_model(net, tmp_path / "net.safetensors")
    with pytest.raises(CheckpointError, match=r"Try: checkpoint\.load_model"):
        load_torch(net, tmp_path / "net.safetensors")
    assert all((array == before[name]).all() for name, array in net.state_dict().items())


def test_weights_that_do_not_fit_change_nothing():
    net = sequential()
    before, state = net.state_dict(), tensors_of("sequential")
    for change, error, message in (
        ({"6.weight": OfPyTorch(np.zeros((3, 2), "f"))}, minidl.ShapeError, "6.weight"),
        ({"6.bias": OfPyTorch(None)}, minidl.DTypeError, r"6\.bias.*BFloat16.*Try: module\.float"),
        ({"6.other": np.zeros(2, "f")}, minidl.ShapeError, "unknown: 6.other"),
    ):
        with pytest.raises(error, match=message):
            load_torch(net, state | change)
    with pytest.raises(CheckpointError, match=r"branches\.safetensors.*0\.weight"):
        load_torch(net, file_of("branches"))
    assert all((array == before[name]).all() for name, array in net.state_dict().items())


@pytest.mark.parametrize("start", [b"PK\3\4", b"\x80\2"])
@pytest.mark.parametrize("load", [load_torch, load_model])
def test_a_pickle_is_not_read(load, start, tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(start + bytes(100))
    with pytest.raises(CheckpointError, match=r"Try: safetensors\.torch\.save_file"):
        load(sequential(), path)


def test_a_matrix_of_two_layers_is_turned_once():
    class Tied(nn.Layer):
        def __init__(self):
            self.own = nn.Dense(2, 2, bias=False)
            self.table = self.own.weight

    net = Tied()
    load_torch(net, {"table": np.array([[1, 2], [3, 4]], "f")})
    assert net.own.weight.data.tolist() == [[1, 3], [2, 4]]
