"""Data larger than the memory that a process is allowed, and rows that are left out uncopied."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import data, nn, optim, train
from minidl import functional as F

HELPER = Path(__file__).parents[1] / "helpers" / "larger_than_memory.py"
ALLOWED = 128  # MB


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux: mapped files do not count")
def test_a_file_that_does_not_fit_trains_in_every_way():
    """In a process of its own, as a limit cannot be taken back."""
    ran = subprocess.run(
        [sys.executable, str(HELPER), "160"], capture_output=True, text=True, check=True
    )
    first, *rows = ran.stdout.splitlines()
    assert first == f"data 160 MB, allowed {ALLOWED} MB: a copy fails"
    ways = {way: float(peak) for way, peak, _ in map(str.split, rows)}
    assert len(ways) == 7
    assert all(peak < ALLOWED / 2 for peak in ways.values()), ways


def trained(given, batch_size=8, **options):
    minidl.manual_seed(5)
    net = nn.Sequential(nn.Dense(4, 6), nn.BatchNorm(6), nn.Tanh(), nn.Dense(6, 3))
    history = train.fit(
        net, given, F.cross_entropy, optim.Adam(net.parameters(), 0.05), 3, seed=2,
        callbacks=[train.WeightAverage()], batch_size=batch_size, progress=False, **options,
    )  # fmt: skip
    return history.rows, [array.tolist() for array in net.state_dict().values()]


@pytest.mark.parametrize("seed", range(12))
def test_rows_of_weight_0_are_in_no_batch(seed):
    """So no batch is without weight, however the classes lie."""
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(60, 4)), random.integers(0, 3, 60)
    weights = random.uniform(0.1, 2, 60) * (random.random(60) < 0.4)
    counts = weights > 0
    size = int(random.integers(2, 9))
    if counts.sum() % size == 1:  # batch normalisation refuses a single row
        size += 1
    if counts.sum() % size == 1:
        size = 60
    expected = trained((x[counts], y[counts]), size, sample_weight=weights[counts])
    assert trained((x, y), size, sample_weight=weights) == expected


def test_a_class_of_weight_0():
    random = np.random.default_rng(1)
    x, y = random.normal(size=(60, 4)), np.repeat([0, 1, 2], 20)
    counted = y != 1
    assert trained((x, y), class_weight={1: 0.0}) == trained(
        (x[counted], y[counted]), sample_weight=np.ones(40)
    )
    with pytest.raises(minidl.ArgumentError, match="a row with a weight above 0"):
        trained((x, y), class_weight={0: 0, 1: 0, 2: 0})


def test_batches_among_some_rows():
    random = np.random.default_rng(1)
    x, y = random.normal(size=(30, 2)).astype(np.float32), np.arange(30)
    rows = np.sort(random.permutation(30)[:17])
    some = data.batches(x, y, 5, shuffle=True, seed=3).among(rows)
    alone = data.batches(x[rows], y[rows], 5, shuffle=True, seed=3)
    assert len(some) == len(alone) == 4
    for (a, b), (c, d) in zip(some, alone, strict=True):
        assert (a.data == c.data).all()
        assert (b == d).all()
