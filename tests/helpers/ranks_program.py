"""What every number of ranks computes in test_data_parallel.py: rank 0 prints a checksum a line."""

import hashlib
from functools import partial

import numpy as np

import minidl
from minidl import data, nn, optim, parallel
from minidl import functional as F

STATE_OF = {"SGD": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}, "Lion": {"lr": 1e-3},
            "RMSprop": {"centered": True, "momentum": 0.5}, "Adam": {"amsgrad": True}}  # fmt: skip
RULES = [
    "SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Lion", "Lars",
]  # fmt: skip
OPTIONS = [
    {}, {"clip_norm": 0.1}, {"max_norm": 0.5}, {"accumulate": 2},
    {"clip_norm": 0.1, "accumulate": 2},
]  # fmt: skip


class Lars(optim.Optimizer):
    """A rule that needs whole parameters."""

    options = {"lr": optim.NOT_NEGATIVE}
    state = ("u",)

    def __init__(self, params, lr=0.01):
        super().__init__(params, lr=lr)

    def update(self, w, g, state, options, t):
        assert w.ndim == g.ndim > 0
        state["u"] = 0.9 * state["u"] + np.float32(np.linalg.norm(w)) * g
        return w - np.float32(options["lr"]) * state["u"]


class Net(nn.Layer):
    """Running averages, two kinds of random numbers, a tied and a frozen parameter."""

    def __init__(self):
        self.table = nn.Embedding(7, 6)
        self.body = nn.Sequential(nn.Dense(18, 6), nn.BatchNorm(6), nn.ReLU(), nn.Dropout(0.2))
        self.frozen = nn.Dense(6, 6)
        self.frozen.weight.requires_grad = False

    def forward(self, x):
        y = self.body(self.table(x).reshape(-1, 18))
        return F.dropout(self.frozen(y), 0.1, self.training) @ self.table.weight.transpose()


def run(rule, options, shards, epochs=1, kind=parallel.DataParallel, net=Net, weighted=True):
    """A net trained on 39 rows, in batches of 16, 16 and 7."""
    minidl.manual_seed(3)
    rng = np.random.default_rng(0)
    x, y, w = rng.integers(0, 7, (39, 3)), rng.integers(0, 7, 39), rng.random(39)
    model = net()
    make = Lars if rule == "Lars" else getattr(optim, rule)
    optimizer = make(model.parameters(), **{"lr": 0.01} | STATE_OF.get(rule, {}))
    given = {} if kind is minidl.TrainingStep else {"shards": shards}
    loss = partial(F.cross_entropy, label_smoothing=0.1)
    step = kind(model, loss, optimizer, **given, **options)
    batches = data.batches(x, y, 16, shuffle=True, sample_weight=w if weighted else None)
    losses = [step.epoch(batches) for _ in range(epochs)]
    return model, optimizer, losses


def checksum(model, optimizer, losses):
    """Of weights, buffers, the optimiser's state and the losses."""
    values = [*model.state_dict().values(), *optimizer.state_dict().values(), *losses]
    found = hashlib.sha256()
    for value in values:
        found.update(np.ascontiguousarray(value).tobytes())
    return found.hexdigest()[:16]


if __name__ == "__main__":
    for number, rule in enumerate(RULES):
        found = checksum(*run(rule, OPTIONS[number % len(OPTIONS)], 3))
        if parallel.world().is_first:
            print(rule, found, flush=True)
