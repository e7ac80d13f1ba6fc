"""Fails on rank 1 in the way that the argument names; test_data_parallel.py reads what is said."""

import os
import signal
import sys

import numpy as np

from minidl import functional as F
from minidl import nn, optim, parallel

way = sys.argv[1]
ranks = parallel.world()
net = nn.MLP([3, 4, 2])
step = parallel.DataParallel(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1), shards=2)
x, y = np.ones((4, 3), np.float32), np.array([0, 1, 0, 1])
step(x, y)
if ranks.rank == 1:
    if way == "nan":
        x[:] = np.nan
    elif way == "error":
        net.forward = lambda x: 1 / 0
    elif way == "elsewhere":
        raise KeyError("elsewhere")
    elif way == "other data":
        y = 1 - y
    elif way == "ends early":
        sys.exit()
    elif way == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
step(x, y)
