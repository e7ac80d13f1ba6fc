"""Trainings that other processes can import, for tests/train/test_ensemble.py."""

import numpy as np

import minidl
from minidl import functional as F
from minidl import nn, optim, train

RNG = np.random.default_rng(11)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)


def make(seed):
    net = nn.Sequential(
        nn.Dense(4, 8), nn.PReLU(), nn.BatchNorm(8), nn.Dropout(0.2), nn.Dense(8, 2)
    )
    optimizer = optim.Adam(net.parameters(), 0.05)
    history = train.fit(net, (X, Y), F.cross_entropy, optimizer, 3, validation=(X, Y),
                        metrics=["accuracy", "confusion_matrix"], progress=False)  # fmt: skip
    return net, history


def fails(seed):
    if seed == 1:
        raise minidl.DivergedError("nan", step=seed)
    return make(seed)
