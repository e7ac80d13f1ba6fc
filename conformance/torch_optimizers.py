"""Optimisers in minidl and in PyTorch: the same gradients, the same weights, in float64.

A training has parameters of several shapes in one or two groups, and some steps, in each of which a
gradient may be missing and a rate may change; all is drawn from one seed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from optimizer_rules import RULES, drawn_options
from verdicts import Case, LeftOut, Part, judge

import minidl
from minidl import optim

SHAPES = [(3, 4), (4,), (), (2, 1, 3)]
STEPS = 12
CLOSE = {"rtol": 1e-9, "atol": 1e-11}  # both compute in float64, in another order


def trained(kind: type[Any], seed: int, library: Any) -> list[np.ndarray]:
    """The weights after all steps in one of the libraries."""
    rng = np.random.default_rng(seed)
    options = [{"lr": 10 ** rng.uniform(-3, -1), **drawn_options(kind, rng)} for _ in range(2)]
    weights = [library.tensor(rng.normal(size=shape), requires_grad=True) for shape in SHAPES]
    cut = int(rng.integers(1, len(weights) + 1))
    parts = zip((weights[:cut], weights[cut:]), options, strict=True)
    groups = [{"params": part, **chosen} for part, chosen in parts if part]
    module = optim if library is minidl else torch.optim
    start = {"initial_accumulator_value": 0.1} if kind is optim.Adagrad else {}
    groups = [group | start for group in groups]  # PyTorch has no other but the constructor's
    optimizer = getattr(module, kind.__name__)(groups, lr=0.1, **start)
    for _ in range(STEPS):
        optimizer.zero_grad()
        for w in weights:
            gradient = rng.normal(size=w.shape)
            if rng.random() < 0.9:
                w.grad = library.tensor(gradient)
        if any(w.grad is not None for w in weights):
            optimizer.step()
        if rng.random() < 0.2:
            optimizer.param_groups[-1]["lr"] *= 0.5
    return [w.detach().numpy() for w in weights]


def check(kind: type[Any], seed: int) -> None:
    """AssertionError unless minidl's weights are PyTorch's."""
    if not hasattr(torch.optim, kind.__name__):
        raise LeftOut(f"PyTorch has no {kind.__name__}")
    torch.set_default_dtype(torch.float64)  # of the product that its NAdam keeps
    try:
        wanted = trained(kind, seed, torch)
    finally:
        torch.set_default_dtype(torch.float32)
    for found, expected in zip(trained(kind, seed, minidl), wanted, strict=True):
        np.testing.assert_allclose(found, expected, **CLOSE)


def cases(short: bool) -> Iterator[Case]:
    """200 trainings by each rule, or 10."""
    for kind in RULES:
        for seed in range(10 if short else 200):
            yield judge(kind.__name__, f"seed {seed}", check, kind, seed)


PART = Part(
    "PyTorch's optimisers",
    f"Random trainings of {STEPS} steps in float64: every rule, with options drawn from all that "
    "it has, in one or two groups, with missing gradients and changing learning rates. Right: "
    "the weights are PyTorch's.",
    "rule",
    ("torch",),
    cases,
)
