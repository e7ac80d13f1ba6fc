"""Trains on more data than the process may hold: `python tests/helpers/larger_than_memory.py 2048`
makes a sparse file of 2048 MB, forbids itself more than 128 MB, and prints the peak of each way.

The limit is RLIMIT_DATA, of all memory but mapped files, so a copy of the whole fails.
"""

import resource
import sys
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np

from minidl import TrainingStep, data, nn, optim, predict, train
from minidl import functional as F
from minidl.sklearn import MLPClassifier

MB, WIDTH, LIMIT, CHUNK = 1 << 20, 1024, 128, 1024
PAIRED = {"epochs": 1, "progress": False, "guards": False}


def by_fit(net, optimizer, x, y):
    train.fit(net, (x, y), F.cross_entropy, optimizer, validation_split=0.3, seed=0, **PAIRED)


def by_weights(net, optimizer, x, y):
    weights = np.arange(len(y)) % 3
    train.fit(net, (x, y), F.cross_entropy, optimizer, sample_weight=weights, **PAIRED)


def by_steps(net, optimizer, x, y):
    step = TrainingStep(net, F.cross_entropy, optimizer)
    step.epoch(data.batches(x, y, 256, shuffle=True))


def by_chunks(net, optimizer, x, y):
    train.fit(net, Standardised(x, y), F.cross_entropy, optimizer, **PAIRED)


def by_evaluate(net, optimizer, x, y):
    train.evaluate(net, (x, y), F.cross_entropy, ["accuracy"])


def by_predict(net, optimizer, x, y):
    assert predict(net, x).shape == train.predict(net, x).shape == (len(x), 2)


def by_partial_fit(net, optimizer, x, y):
    model = MLPClassifier((4,), random_state=0)
    for i in range(0, len(x), CHUNK):
        model.partial_fit(x[i : i + CHUNK], y[i : i + CHUNK], classes=[0, 1])


class Standardised:
    """Chunks with mean 0 and standard deviation 1, by two passes over the file."""

    def __init__(self, x, y):
        self.x, self.y = x, y
        self.mean = sum(chunk.sum(0, np.float64) for chunk in self.chunks(x)) / len(x)
        squares = sum(((chunk - self.mean) ** 2).sum(0) for chunk in self.chunks(x))
        self.deviation = np.sqrt(squares / len(x)) + 1e-6

    def chunks(self, array):
        return (array[i : i + CHUNK] for i in range(0, len(array), CHUNK))

    def __iter__(self):
        for x, y in zip(self.chunks(self.x), self.chunks(self.y), strict=True):
            yield ((x - self.mean) / self.deviation).astype(np.float32), y


WAYS = [by_fit, by_weights, by_steps, by_chunks, by_evaluate, by_predict, by_partial_fit]


def allowed(megabytes):
    """Forbids the process more than this beside what it has."""
    status = Path("/proc/self/status").read_text()
    has = 1024 * int(status.partition("VmData:")[2].split()[0])
    resource.setrlimit(resource.RLIMIT_DATA, (has + megabytes * MB,) * 2)


def main(size):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        rows = size * MB // (4 * WIDTH)
        np.lib.format.open_memmap(path, "w+", np.float32, (rows, WIDTH))  # sparse: all zeros
        x, y = np.load(path, mmap_mode="r"), np.arange(rows) % 2
        allowed(LIMIT)
        try:
            x.copy()
        except MemoryError:
            print(f"data {size} MB, allowed {LIMIT} MB: a copy fails")
        for way in WAYS:
            net = nn.MLP([WIDTH, 4, 2])
            optimizer = optim.SGD(net.parameters(), 0.1)
            tracemalloc.start()
            way(net, optimizer, x, y)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            print(f"{way.__name__[3:]:12} {peak / MB:6.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]))
