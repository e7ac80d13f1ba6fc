"""What the tests of the laboratory's cells measure, in a module that worker processes can import;
and files of images."""

import gzip
import os
import struct
import time

import numpy as np

from minidl import MinidlError, _kernels
from minidl_lab import trainings


def learn(digits, *, activation, seed):
    """Trains a net; its bits, and where this was."""
    x = trainings.as_numbers(digits.x[:, ::49]).astype(np.float32)
    net = trainings.net_of([16, 32, 10], activation, seed)
    losses = trainings.train(
        net, x, digits.y, trainings.sgd(net, 0.1), epochs=2, batch=32, seed=seed
    )
    bits = [p.data.tobytes().hex() for p in net.parameters()]
    threads, level = _kernels.get_num_threads(), _kernels.level
    return {"losses": losses, "bits": bits, "threads": threads, "level": level}


def fail(digits, *, n, why=""):
    """Squares a number, or fails."""
    if n == 2:
        time.sleep(0.3)
        if why == "dies":
            os._exit(1)
        raise {"error": MinidlError, "Ctrl-C": KeyboardInterrupt}[why]("a power cut")
    return {"square": n * n}


def write_images(folder, seed, size=28):
    """Random images, in files as MNIST's: 60 to train, 30 to test."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for name, n in (("train", 60), ("t10k", 30)):
        x, y = rng.integers(0, 256, (n, size, size)), rng.integers(0, 10, n)
        for kind, array in (("images-idx3", x), ("labels-idx1", y)):
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            content = gzip.compress(header + array.astype(np.uint8).tobytes())
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(content)
