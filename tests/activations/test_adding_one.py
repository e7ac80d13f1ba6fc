"""Adding an activation takes one declaration. With a kernel section: tests/test_package.py."""

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import init, nn
from minidl.layers.activations import REGISTRY


@pytest.fixture
def squareplus():
    """(x + sqrt(x² + 4)) / 2 (Barron 2021): the declaration alone."""

    class Squareplus(nn.Activation):
        """y = (x + sqrt(x² + 4)) / 2."""

        name = "squareplus"
        paper = "Barron 2021"

        @staticmethod
        def formula(x, b=4.0):
            return (x + (x * x + b).sqrt()) / 2

    yield Squareplus
    del REGISTRY["squareplus"]


def test_a_declaration_alone_runs_by_its_formula(squareplus):
    assert nn.Squareplus is squareplus
    x = np.linspace(-3, 3, 7)
    y = F.squareplus(minidl.tensor(x), b=1.0)
    np.testing.assert_allclose(y.data, (x + np.sqrt(x * x + 1)) / 2, rtol=1e-14)
    assert minidl.gradcheck(F.squareplus, [minidl.tensor(x, requires_grad=True)])
    z = np.random.default_rng(0).standard_normal(1_000_000)
    moment = np.mean(((z + np.sqrt(z * z + 4)) / 2) ** 2)
    assert init.gain("squareplus") == pytest.approx(1 / np.sqrt(moment), rel=0.01)
    net = nn.MLP([4, 5, 2], "squareplus", b=2.0)
    net(np.ones((3, 4), np.float32)).sum().backward()
    assert all(np.any(p.grad.data) for p in net.parameters())
    assert repr(net[1]) == "Squareplus(b=2.0)"


def test_a_name_is_taken_once(squareplus):
    with pytest.raises(minidl.ArgumentError, match="'relu'"):

        class Mine(nn.Activation):
            name = "relu"

    assert REGISTRY["relu"] is nn.ReLU
