"""A training that is killed again and again, in processes of their own: run by test_resume.py.

Prints one line of JSON: how many times it was killed, and whether it came to the same bits as the
training that was not.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import minidl
from minidl import data, nn, optim, schedules, train
from minidl import functional as F

EPOCHS = 30
EVERY = 3
KILLS = 25


class Noise(nn.Layer):
    """Draws from the shared random numbers, as shuffling does."""

    def forward(self, x):
        return x + minidl.random.generator().normal(size=x.shape).astype(np.float32) * 0.1


def training(folder, out):
    """The whole of it; what came out goes to a file, as bits."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    minidl.manual_seed(1)
    model = nn.Sequential(nn.Dense(4, 6), nn.ReLU(), nn.Dropout(0.3), Noise(), nn.Dense(6, 2))
    optimizer = optim.Adam(model.parameters(), 0.01)
    stopping = train.EarlyStopping(patience=EPOCHS)
    history = train.fit(
        model, data.batches(x, y, 4, shuffle=True), F.cross_entropy, optimizer, EPOCHS,
        validation=(x, y), metrics=["accuracy"], schedule=schedules.cosine(EPOCHS * 15),
        callbacks=[stopping, train.Checkpoint(folder, every_steps=EVERY)], resume=True,
        progress=False,
    )  # fmt: skip
    state = model.state_dict() | optimizer.state_dict()
    kept = {
        "state": {name: np.asarray(value).tobytes().hex() for name, value in state.items()},
        "history": history.to_json(with_seconds=False),
        "best": [stopping.best, stopping.best_epoch],
        "random": minidl.random.random_state(),
    }
    out.write_text(json.dumps(kept))


def forked(folder, out):
    """The number of a process that trains."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            training(folder, out)
            status = 0
        finally:
            os._exit(status)
    return child


def has_ended(child):
    ended, status = os.waitpid(child, os.WNOHANG)
    assert status == 0, "the training failed"
    return ended != 0


def killed(folder, out, wait):
    """Lets a training run as long as wait(is_over) takes, then kills it. False if it had ended."""
    child = forked(folder, out)
    wait(lambda: out.exists())
    if has_ended(child):
        return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def main(root):
    random.seed(0)
    folder, out = root / "killed", root / "killed.json"
    began = time.perf_counter()
    _, status = os.waitpid(forked(root / "whole", root / "whole.json"), 0)
    assert status == 0
    pause = (time.perf_counter() - began) / (EPOCHS * 15 / EVERY)  # about from one save to the next

    def progress(is_over):
        before = sorted(folder.glob("step-*"))
        while sorted(folder.glob("step-*")) == before and not is_over():
            time.sleep(pause / 4)
        time.sleep(random.uniform(0, 2 * pause))

    def a_write(is_over):
        while set(folder.glob(".*.tmp")) <= leftovers and not is_over():
            pass

    def nothing(is_over):
        time.sleep(random.uniform(0, pause))

    leftovers = set()
    kills = in_writes = 0
    while kills < KILLS and killed(folder, out, [progress, a_write, progress, nothing][kills % 4]):
        kills += 1
        found = set(folder.glob(".*.tmp"))
        in_writes += len(found - leftovers)
        leftovers |= found
    if not out.exists():
        os.waitpid(forked(folder, out), 0)
    whole, after = (json.loads((root / f"{name}.json").read_text()) for name in ("whole", "killed"))
    differ = [name for name in whole if whole[name] != after[name]]
    print(json.dumps({"kills": kills, "in_writes": in_writes, "differ": differ}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
