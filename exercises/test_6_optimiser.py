"""Exercise 6, optimiser.py: what Adamax must do."""

import numpy as np
from optimiser import Adamax

import minidl

CURVATURE = np.array([1.0, 0.5, 4.0])
# The weights after each step of torch.optim.Adamax of PyTorch 2.13 with lr=0.1 in float64.
PYTORCH = [
    [0.9000000005, -1.9000000005, 0.40000000025],
    [0.805168327168774, -1.8025341140345872, 0.3104367529895817],
    [0.7154994733923282, -1.7076482362641507, 0.23090975264681973],
    [0.6309730754699522, -1.6153838030084602, 0.1609820736210235],
    [0.5515538030612309, -1.5257775475601842, 0.10018372142610868],
]


def start():
    """Weights, and an optimiser of them."""
    w = minidl.tensor(np.array([1.0, -2.0, 0.5]), requires_grad=True)
    return w, Adamax([w], lr=0.1)


def step(w, optimizer):
    """One step down the valley sum (curvature · w²)."""
    optimizer.zero_grad()
    (w * w * CURVATURE).sum().backward()
    optimizer.step()
    return w.numpy().copy()


def test_the_first_step():
    """the first step is lr in each direction, however large the gradient"""
    w, optimizer = start()
    np.testing.assert_allclose(step(w, optimizer), [0.9, -1.9, 0.4], rtol=1e-7)


def test_the_weights_of_pytorch():
    """five steps give the weights of PyTorch's Adamax"""
    w, optimizer = start()
    for wanted in PYTORCH:
        np.testing.assert_allclose(step(w, optimizer), wanted, rtol=1e-14)


def test_going_on_where_it_was():
    """an optimiser that loads the state after two steps makes the same third step"""
    w, optimizer = start()
    step(w, optimizer), step(w, optimizer)
    again = minidl.tensor(w.numpy().copy(), requires_grad=True)
    loaded = Adamax([again])
    loaded.load_state_dict(optimizer.state_dict())
    np.testing.assert_array_equal(step(again, loaded), step(w, optimizer))
