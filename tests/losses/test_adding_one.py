"""Adding a loss takes one declaration. With a kernel section: tests/test_package.py."""

from functools import partial

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl.losses import REGISTRY, by_rows, of_elements, run
from minidl.losses.declaration import planned

RNG = np.random.default_rng(0)
X, T, V = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 3)), np.array([1.0, 0, 2, 1, 3, 0.5])


@pytest.fixture
def log_cosh():
    """ln cosh (y - t): the declaration alone."""

    def formula(x, t, _):
        return ((x - t).exp() + (t - x).exp()).log() - np.log(2)

    def of_rows(shape, dtype, targets):
        return of_elements("log_cosh", formula, shape, dtype, targets)

    @by_rows(of_rows)
    def log_cosh(y, target, *, sample_weight=None, reduction="mean"):
        return run("log_cosh", y, target, sample_weight, reduction)

    yield log_cosh
    del REGISTRY["log_cosh"]


def test_a_declaration_alone_runs_by_its_formula(log_cosh):
    assert F.log_cosh is log_cosh
    assert "log_cosh" in dir(F)
    losses = np.log(np.cosh(X - T)) * V[:, None]
    wanted = {"mean": losses.sum() / (3 * V.sum()), "batchmean": losses.sum() / V.sum(),
              "sum": losses.sum(), "none": losses}  # fmt: skip
    for reduction, value in wanted.items():
        loss = partial(F.log_cosh, sample_weight=V, reduction=reduction)
        np.testing.assert_allclose(loss(X, T).numpy(), value, rtol=1e-13, atol=1e-14)
        both = [minidl.tensor(a, requires_grad=True) for a in (X, T)]
        assert minidl.gradcheck(loss, both)
    with pytest.raises(minidl.ShapeError, match=r"log_cosh: .*targets.reshape"):
        F.log_cosh(X, T[:, :1])


def test_it_trains_by_the_loop_and_says_why(log_cosh):
    with pytest.raises(minidl.errors.Unplanned, match="the loss log_cosh has no kernel"):
        planned(log_cosh, T, T.shape, np.dtype(float))
    results = []
    for is_step in (False, True):
        minidl.manual_seed(0)
        net = nn.MLP([3, 4, 3]).astype("float64")
        optimizer = optim.SGD(net.parameters(), 0.1)
        batches = data.batches(X, T, 4, sample_weight=V)
        if is_step:
            TrainingStep(net, log_cosh, optimizer).epoch(batches)
        for x, t, v in () if is_step else batches:
            optimizer.zero_grad()
            log_cosh(net(x), t, sample_weight=v).backward()
            optimizer.step()
        results.append([p.data.tobytes() for p in net.parameters()])
    assert results[0] == results[1]


def test_a_name_is_taken_once_and_a_loss_that_is_not_declared_does_not_run():
    def mse(y, target, *, sample_weight=None, reduction="mean"):
        return run("mean_squares", y, target, sample_weight, reduction)

    with pytest.raises(minidl.ArgumentError, match="loss 'mse': expected a name of its own"):
        by_rows(REGISTRY["mse"].of_rows)(mse)
    assert REGISTRY["mse"].function is F.mse
    with pytest.raises(KeyError, match="mean_squares"):
        mse(X, T)
