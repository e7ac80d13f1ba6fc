"""A checkpoint with a right checksum and wrong values: minidl's own error, or it can be used."""

import os
import random

import numpy as np
import pytest
from support import changed, places

import minidl
from minidl import checkpoint, data, nn, optim, schedules, train
from minidl import functional as F
from minidl.diagnostics import Diagnostics

RNG = np.random.default_rng(6)
X = RNG.normal(size=(42, 5)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)
VALUES = ["x", None, True, [], {}, [1], {"a": 1}, -1, 0, 0.5, 2**63, 2**64, 10**300, float("inf")]
ARRAYS = {
    "of other numbers": lambda a: a.astype(np.int64 if a.dtype.kind == "f" else np.float32),
    "of no number": lambda a: np.zeros(0, a.dtype),
    "of one number": lambda a: np.zeros((), a.dtype),
    "of twice as many": lambda a: np.concatenate([a.ravel(), a.ravel()]),
    "of one axis more": lambda a: a[None],
    "of zeros": np.zeros_like,
}


@pytest.fixture(autouse=True)
def no_sync(monkeypatch):
    """Hundreds of files are written; none has to outlast a power failure."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class StopAt(train.Callback):
    """Stops within the second epoch."""

    def most_steps(self, run):
        return 1

    def on_steps(self, run, losses):
        if run.step == 10 and run.epochs == 4:
            run.stop("interrupted")


def trained(folder, epochs):
    """A training with all that keeps a state; what it came to, as bits."""
    minidl.manual_seed(8)
    layers = [nn.Dense(5, 8), nn.PReLU(), nn.BatchNorm(8), nn.Dropout(0.4), nn.Dense(8, 2)]
    model = nn.Sequential(*layers)
    optimizer = optim.AdamW(model.parameters(), 0.05)
    watching = Diagnostics(model, every=2)
    saving = train.Checkpoint(folder, keep=1)
    history = train.fit(
        model, data.batches(X, Y, 6, shuffle=True), F.cross_entropy, optimizer, epochs,
        validation=(X[:9], Y[:9]), schedule=schedules.cosine(35), progress=False, resume=True,
        callbacks=[train.EarlyStopping(patience=2), saving, watching, StopAt()],
    )  # fmt: skip
    return history.to_json(False), [array.tobytes() for array in model.state_dict().values()]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A checkpoint within an epoch: its name, its arrays, its state; and what comes of it."""
    folder = tmp_path_factory.mktemp("run")
    trained(folder, 4)
    path = checkpoint.Folder(folder).newest().path
    arrays, state = checkpoint.read(path)
    assert state["state"]["run:batch"] == 3
    return path.name, arrays, state, trained(folder, 3)


def outcome(folder, saved, arrays, state):
    """How training goes on from a file of these; any other error is one of the test."""
    name, _, _, whole = saved
    folder.mkdir()
    checkpoint.write(folder / name, arrays, state)
    try:
        return "as before" if trained(folder, 3) == whole else "otherwise"
    except minidl.MinidlError:
        return "refused"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numbers that are too large
def test_any_other_value_in_the_state(saved, tmp_path):
    _, arrays, whole, _ = saved
    rng = random.Random(0)
    cases = [(place, value) for place in places(whole) for value in rng.sample(VALUES, 4)]
    assert len(cases) > 100
    outcomes = {
        (str(place), repr(value)): outcome(
            tmp_path / str(i), saved, arrays, changed(whole, place, value)
        )
        for i, (place, value) in enumerate(cases)
    }
    assert set(outcomes.values()) == {"refused", "as before", "otherwise"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_other_array(saved, tmp_path):
    _, arrays, whole, _ = saved
    rng = random.Random(0)
    for name, array in arrays.items():
        for kind in rng.sample([*ARRAYS], 2):
            other = arrays | {name: np.asarray(ARRAYS[kind](array))}
            outcome(tmp_path / f"{name}, {kind}", saved, other, whole)
        others = {other: arrays[other] for other in arrays if other != name}
        found = outcome(tmp_path / f"{name}, gone", saved, others, whole)
        assert found == "refused" or ":fired:" in name, name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run:step", 11), ("run:batch", 2), ("run:batch", -1), ("run:batch", 0.5),
        ("callbacks.EarlyStopping.0:best", "x"), ("callbacks.EarlyStopping.0:best_epoch", None),
        ("callbacks.Guards.0:first", [1]), ("random:generator", {"bit_generator": "PCG64"}),
    ],
)  # fmt: skip
def test_what_does_not_go_together(saved, tmp_path, name, value):
    _, arrays, whole, _ = saved
    state = changed(whole, ("state", name), value)
    assert outcome(tmp_path / "run", saved, arrays, state) == "refused"


def test_losses_of_another_number_of_steps(saved, tmp_path):
    _, arrays, whole, _ = saved
    for losses in (np.zeros(2), np.zeros((3, 1)), np.zeros(3, np.float32)):
        found = outcome(tmp_path / str(losses.shape), saved, arrays | {"run:losses": losses}, whole)
        assert found == "refused"
