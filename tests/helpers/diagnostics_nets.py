"""Nets for the tests of diagnostics, and an activation of a user's own."""

import numpy as np

from minidl import maximum, nn
from minidl.layers.activations import REGISTRY


class OwnReLU(nn.Activation):
    """ReLU without a kernel."""

    name = "own_relu_of_the_diagnostics"
    paper = ""

    @staticmethod
    def formula(x):
        return maximum(x, 0)


del REGISTRY[OwnReLU.name]  # other tests go through all that are registered

N = 90


def problem():
    """Inputs (90, 5), labels of three classes."""
    rng = np.random.default_rng(3)
    return rng.normal(size=(N, 5)).astype(np.float32), rng.integers(0, 3, N)


def net(activation, columns=40):
    """5-columns-3 with weights that follow from a seed; column 4 of z is about -1000 for any x."""
    rng = np.random.default_rng(7)
    made = nn.Sequential(nn.Dense(5, columns), activation)
    units = made(np.zeros((1, 5), np.float32)).shape[1]
    made = nn.Sequential(made[0], activation, nn.Dense(units, 3))
    for p in made.parameters():
        if p.ndim == 2:
            p.data[...] = rng.normal(size=p.shape)
    made[0].bias.data[4] = -1000
    return made
