"""A net on MNIST, trained by one process or by several, with the same weights to the last bit.

    python examples/data_parallel.py
    mpirun -n 4 python examples/data_parallel.py

Needs mpi4py and an MPI library for the second: `apt-get install openmpi-bin`, `pip install
'minidl[mpi]'`.
"""

import hashlib
import sys
from functools import partial
from time import perf_counter

import minidl
from minidl import data, nn, optim, parallel
from minidl import functional as F

SHARDS = 4  # the bits depend on it, and not on the number of processes


def main(epochs: int = 2) -> None:
    tell = partial(print, flush=True) if parallel.world().is_first else lambda *_: None
    minidl.manual_seed(0)
    (x, y), (x_test, y_test) = data.mnist("examples/data/mnist")
    net = nn.MLP([784, 512, 256, 10], "relu")
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    step = parallel.DataParallel(net, F.cross_entropy, optimizer, shards=SHARDS)
    tell(step)
    batches = data.batches(x, y, batch_size=512, shuffle=True)
    for epoch in range(1, epochs + 1):
        began = perf_counter()
        loss = step.epoch(batches).mean()
        tell(f"epoch {epoch}: loss {loss:.4f}, {len(x) / (perf_counter() - began):,.0f} images/s")
    accuracy = (minidl.predict(net, x_test).argmax(axis=1) == y_test).mean()
    weights = b"".join(array.tobytes() for array in net.state_dict().values())
    tell(f"accuracy {accuracy:.4f}, SHA-256 of the weights {hashlib.sha256(weights).hexdigest()}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
