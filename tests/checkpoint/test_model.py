"""`save_model` and `load_model`: a net's weights, into a net of the same shapes or not at all."""

import numpy as np
import pytest
import safetensors.numpy

from minidl import nn
from minidl.checkpoint import OPTIMIZER, load_model, read, save_model, write
from minidl.errors import CheckpointError


def net(*sizes, activation="prelu"):
    return nn.MLP(sizes, activation)


def weights(model):
    return {name: array.tobytes() for name, array in model.state_dict().items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round_trip(path, dtype):
    model, other = net(4, 5, 3).astype(dtype), net(4, 5, 3).astype(dtype)
    assert weights(model) != weights(other)
    save_model(model, path)
    load_model(other, path)
    assert weights(model) == weights(other)


def test_other_programs_see_the_names_of_the_weights(path):
    model = net(4, 5, 3)
    save_model(model, path)
    found = safetensors.numpy.load_file(path)
    assert found.keys() == model.state_dict().keys() == {
        "0.weight", "0.bias", "1.weight", "2.weight", "2.bias",
    }  # fmt: skip
    assert found["0.weight"].shape == (4, 5)


def test_weights_of_another_program(path):
    model = net(4, 5, 3)
    wanted = {n: np.full_like(a, 0.5) for n, a in model.state_dict().items()}
    safetensors.numpy.save_file(wanted, path)
    with pytest.raises(CheckpointError, match=r"another program.*checkpoint\.read\(path\)\[0\]"):
        load_model(model, path)
    model.load_state_dict(read(path)[0])
    assert all((array == 0.5).all() for array in model.state_dict().values())


def test_the_weights_in_a_checkpoint_of_a_training(path):
    model, other = net(4, 5, 3), net(4, 5, 3)
    state = {f"{OPTIMIZER}parameters.0.momentum": np.zeros(3)}
    write(path, model.state_dict() | state, {"epoch": 3})
    load_model(other, path)
    assert weights(model) == weights(other)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (net(4, 6, 3), ["0.weight", "(4, 6)", "(4, 5)"]),
        (net(4, 5, 5, 3), ["4.weight"]),
        (net(4, 5, 3, activation="relu"), ["1.weight"]),
    ],
)
def test_another_model(path, other, words):
    save_model(net(4, 5, 3), path)
    before = weights(other)
    with pytest.raises(CheckpointError) as refusal:
        load_model(other, path)
    for word in (str(path), *words):
        assert word in str(refusal.value)
    assert weights(other) == before


def test_numbers_that_are_no_weights(path):
    model = net(4, 5, 3)
    before = weights(model)
    write(path, {n: a.astype(int) for n, a in model.state_dict().items()})
    with pytest.raises(CheckpointError, match=r"net.safetensors.*0\.weight.*int64"):
        load_model(model, path)
    assert weights(model) == before


def test_a_damaged_file(path):
    model = net(4, 5, 3)
    save_model(model, path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    before = weights(model)
    with pytest.raises(CheckpointError, match=r"net.safetensors.*checksum"):
        load_model(model, path)
    assert weights(model) == before
