"""`DataParallel`: the same bits on any number of processes; TrainingStep's with one shard."""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ranks_program import OPTIONS, RULES, checksum, run

import minidl
from minidl import data, nn, optim, parallel
from minidl import functional as F

HELPERS = Path(__file__).parents[1] / "helpers"


def mpirun(ranks, program, *arguments):
    """A program under mpirun."""
    pytest.importorskip("mpi4py")
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not installed")
    command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, sys.executable, str(HELPERS / program), *arguments],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def alone():
    """What one process without mpirun prints."""
    found = [
        f"{rule} {checksum(*run(rule, OPTIONS[i % len(OPTIONS)], 3))}"
        for i, rule in enumerate(RULES)
    ]
    return "\n".join(found) + "\n"


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_bits_do_not_depend_on_the_number_of_processes(ranks, alone):
    result = mpirun(ranks, "ranks_program.py")
    assert result.stdout == alone, result.stderr


class Plain(nn.Sequential):
    """A net without minidl's generator."""

    def __init__(self):
        super().__init__(
            nn.Embedding(7, 6), nn.Flatten(), nn.Dense(18, 6), nn.BatchNorm(6), nn.ReLU(),
            nn.Dropout(0.2), nn.Dense(6, 7),
        )  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("options", OPTIONS)
def test_one_shard_is_a_training_step(rule, options):
    ours = run(rule, options, 1, net=Plain)
    theirs = run(rule, options, 1, kind=minidl.TrainingStep, net=Plain)
    for mine, other in zip(ours[:2], theirs[:2], strict=True):
        for name, value in other.state_dict().items():
            np.testing.assert_array_equal(mine.state_dict()[name], value, err_msg=name)


@pytest.mark.parametrize("shards", [2, 3, 50])
@pytest.mark.parametrize(
    "loss",
    [
        F.cross_entropy, partial(F.cross_entropy, reduction="sum"),
        partial(F.cross_entropy, weight=np.linspace(0, 2, 5)),
        lambda outputs, y, **w: F.cross_entropy(outputs, y, **w),
    ],
)  # fmt: skip
@pytest.mark.parametrize("weighted", [False, True])
def test_shards_are_the_whole_batch(shards, loss, weighted):
    """In double precision; also where shards are empty, or have the weight 0."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((23, 4)), rng.integers(0, 5, 23)
    w = np.where(np.arange(23) % 7 < 4, 0.0, rng.random(23)) if weighted else None
    found = []
    for kind in (partial(parallel.DataParallel, shards=shards), minidl.TrainingStep):
        minidl.manual_seed(2)
        net = nn.MLP([4, 6, 5], "tanh").astype("float64")
        step = kind(net, loss, optim.SGD(net.parameters(), 0.05))
        losses = step.epoch(data.batches(x, y, 10, sample_weight=w))
        found.append([losses, *net.state_dict().values()])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_batch_norm_takes_the_statistics_of_a_shard():
    x = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    net = nn.Sequential(nn.BatchNorm(3, momentum=0.5), nn.Dense(3, 2))
    step = parallel.DataParallel(net, F.mse, optim.SGD(net.parameters(), 0.1), shards=2)
    step(x, np.zeros((8, 2), np.float32))
    halves = x.astype(float).reshape(2, 4, 3)
    np.testing.assert_allclose(net[0].running_mean, 0.5 * halves.mean((0, 1)), rtol=1e-5)
    var = halves.var(1, ddof=1).mean(0)
    np.testing.assert_allclose(net[0].running_var, 0.5 + 0.5 * var, rtol=1e-5)
    assert net[0].num_batches_tracked == 1


def test_shards_drop_different_units():
    net = nn.Sequential(nn.Dropout(0.5), nn.Dense(1000, 1, bias=False))
    net[1].weight.data[...] = 0
    step = parallel.DataParallel(net, F.mse, optim.SGD(net.parameters(), 1.0), shards=2)
    step(np.ones((2, 1000), np.float32), -np.ones((2, 1), np.float32))
    kinds = np.unique(np.abs(net[1].weight.data).round(3))
    assert len(kinds) == 3  # dropped in both shards, in one, in none
    assert net[0].calls == 1


def test_a_loss_that_is_not_finite_changes_nothing():
    net = nn.Sequential(nn.Dense(3, 4), nn.BatchNorm(4), nn.Dropout(0.5), nn.Dense(4, 2))
    step = parallel.DataParallel(
        net, F.cross_entropy, optim.Adam(net.parameters()), shards=2, accumulate=1
    )
    x = np.ones((8, 3), np.float32)
    x[5] = np.nan
    before, calls = net.state_dict(), net[2].calls
    with pytest.raises(minidl.DivergedError, match="nan in shard 1 of 2, on rank 0, at step 1"):
        step(x, np.zeros(8, int))
    assert net[2].calls == calls
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_refused_before_the_first_step():
    net = nn.MLP([3, 4, 2])
    optimizer = optim.SGD(net.parameters(), 0.1)
    with pytest.raises(minidl.ArgumentError, match="shards: a whole number from 1 up, got 0"):
        parallel.DataParallel(net, F.cross_entropy, optimizer, shards=0)

    class Own(optim.SGD):
        def step(self):
            pass

    with pytest.raises(minidl.ArgumentError, match=r"got Own, whose step\(\) is its own"):
        parallel.DataParallel(net, F.cross_entropy, Own(net.parameters(), 0.1), shards=2)
    before = net.state_dict()
    step = parallel.DataParallel(net, lambda out, y: (out * out).sum(), optimizer, shards=2)
    with pytest.raises(minidl.ArgumentError, match="a loss that is the mean over its rows"):
        step(np.ones((4, 3), np.float32), np.zeros(4, int))
    with pytest.raises(minidl.ShapeError, match="as many rows of x as of y"):
        step(np.ones((4, 3), np.float32), np.zeros(5, int))
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("nan", "nan in shard 1 of 2, on rank 1, at step 2"),
        ("error", "ZeroDivisionError: division by zero"),
        ("elsewhere", "rank 1 of 2 failed"),
        ("other data", "all 2 ranks at the same place, got rank 0 at step 2 on 4 rows"),
        ("ends early", "rank 1 at the end of the program"),
        ("killed", "rank 1 with PID"),
    ],
)
def test_what_fails_on_one_rank_ends_all_and_is_named(way, said):
    result = mpirun(2, "ranks_failures.py", way)
    assert result.returncode != 0
    assert said in " ".join((result.stdout + result.stderr).split()), result.stderr
