"""Guard rails: each warns of its mistake, and of nothing else."""

import warnings

import numpy as np
import pytest

import minidl
from minidl import data, nn, optim, train
from minidl import functional as F
from minidl.train import check

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 5)).astype(np.float32)
LABELS = RNG.integers(0, 3, 40)
BITS = RNG.integers(0, 2, (40, 1)).astype(np.float32)
NUMBERS = RNG.normal(size=40).astype(np.float32)


class Then(nn.Layer):
    """A net with a function at its end."""

    def __init__(self, outputs, function):
        self.inner = nn.MLP([5, 8, outputs], "tanh")
        self.function = function

    def forward(self, x):
        return self.function(self.inner(x))


def squared(outputs, y):
    return ((outputs - y) ** 2).mean()


def smoothed(outputs, y):
    return F.cross_entropy(outputs, y, label_smoothing=0.1)


def nll(p, y):
    return -(p[np.arange(len(y)), y] + 1e-9).log().mean()


def cross_entropy_of_bits(p, y):
    return -(y * (p + 1e-9).log() + (1 - y) * (1 - p + 1e-9).log()).mean()


def softmaxed():
    return Then(3, F.softmax)


def sigmoided():
    return nn.Sequential(nn.Dense(5, 1), nn.Sigmoid())


def scaled(is_learned=True):
    """A net that multiplies by what no walk through its attributes finds."""
    scale = minidl.tensor([1.0, 2.0, 3.0], requires_grad=is_learned)
    return Then(3, lambda y: y * scale)


@pytest.mark.parametrize(
    ("model", "loss", "x", "y", "told"),
    [
        (softmaxed(), F.cross_entropy, X, LABELS, "activation: expected logits.*softmax"),
        (softmaxed(), smoothed, X, LABELS, "activation"),
        (softmaxed(), nll, X, LABELS, None),
        (Then(3, F.log_softmax), F.cross_entropy, X, LABELS, None),
        (nn.MLP([5, 8, 3]), F.cross_entropy, X, LABELS, None),
        (sigmoided(), F.binary_cross_entropy_with_logits, X, BITS, "activation.*sigmoid"),
        (Then(1, F.sigmoid), F.binary_cross_entropy_with_logits, X, BITS, "activation"),
        (sigmoided(), F.mse, X, BITS, None),
        (sigmoided(), cross_entropy_of_bits, X, BITS, None),
        (nn.Dense(5, 1), F.binary_cross_entropy_with_logits, X, BITS, None),
        (nn.Dense(5, 1), squared, X, NUMBERS, r"shapes.*\(40, 1\) and \(40,\).*\(40, 40\)"),
        (Then(1, lambda y: y.reshape(-1)), squared, X, NUMBERS[:, None], "shapes"),
        (nn.Dense(5, 1), squared, X, NUMBERS[:, None], None),
        (nn.Dense(5, 1), lambda o, y: squared(o[:, 0], y), X, NUMBERS, None),
        (nn.Dense(5, 1), squared, X, 0 * NUMBERS, None),
        (nn.Dense(5, 3), F.cross_entropy, np.abs(X) * 60, LABELS, "inputs.*pixels"),
        (nn.Dense(5, 3), F.cross_entropy, X * 100, LABELS, r"inputs.*x.std\(0\)"),
        (nn.Dense(5, 3), F.cross_entropy, X * 5, LABELS, None),
        (scaled(), F.cross_entropy, X, LABELS, r"parameters: .*shape \(3,\)"),
        (scaled(is_learned=False), F.cross_entropy, X, LABELS, None),
    ],
)
def test_one_batch(model, loss, x, y, told):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check(model, loss, x, y)
    messages = [str(one.message) for one in caught]
    assert len(messages) == (told is not None), messages
    if told is not None:
        assert caught[0].category is minidl.GuardWarning
        with pytest.warns(minidl.GuardWarning, match=told):
            check(model, loss, x, y)
        kind = messages[0].split(":")[0]
        check(model, loss, x, y, set(train.GUARDS) - {kind})  # a warning would be an error


class Scaled(nn.Dense):
    """Holds what it learns, but not as a parameter."""

    def __init__(self):
        super().__init__(5, 3)
        self.scale = minidl.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def forward(self, x):
        return super().forward(x) * self.scale


def test_a_tensor_that_is_no_parameter_is_told_by_its_layer_alone():
    model = Scaled()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        optimizer = optim.SGD(model.parameters(), 0.1)
        train.fit(model, (X, LABELS), F.cross_entropy, optimizer, progress=False)
    assert [str(one.message).split(":")[0] for one in caught] == ["Layer"]


def test_pixels_in_batches_are_scaled():
    pixels = RNG.integers(0, 256, (40, 5), np.uint8)
    for x, is_told in ((pixels, False), (pixels.astype(np.float32), True)):
        model = nn.Dense(5, 3)
        optimizer = optim.SGD(model.parameters(), 1e-9)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            train.fit(model, data.batches(x, LABELS, 8), F.cross_entropy, optimizer, progress=False)
        assert bool(caught) == is_told


def exploding(guards, epochs=30):
    minidl.manual_seed(0)
    model = nn.MLP([5, 16, 3], "tanh")
    optimizer = optim.SGD(model.parameters(), 300.0)
    return train.fit(model, (X, LABELS), F.cross_entropy, optimizer, epochs, batch_size=8, seed=0,
                     guards=guards, progress=False)  # fmt: skip


def test_a_rate_that_explodes():
    with pytest.warns(minidl.GuardWarning, match="rate: expected the loss to fall") as caught:
        history = exploding(True)
    assert len(caught) == 1, "once is enough"
    assert history["loss"][-1] > 10
    assert exploding(False) == exploding({"inputs"}) == history


def test_a_resumed_training_compares_with_its_own_first_loss(tmp_path):
    """With dropout the loss is far above that of evaluation, once there is something to drop."""
    minidl.manual_seed(0)
    x, y = np.eye(8, dtype=np.float32), np.arange(8)
    model = nn.Sequential(nn.Dropout(0.5), nn.Dense(8, 8, bias=False))
    saved = train.Checkpoint(tmp_path)

    def learn(epochs, rate):
        optimizer = optim.SGD(model.parameters(), rate)
        return train.fit(model, (x, y), F.cross_entropy, optimizer, epochs, callbacks=[saved],
                         progress=False, resume=True)  # fmt: skip

    history = learn(200, 100.0)
    with train.evaluation.mode(model, training=False):
        assert history["loss"][-1] > 20 * F.cross_entropy(model(x), y).item()
    learn(201, 100.0)


def test_guards_change_no_bit():
    results = []
    for guards in (True, False):
        minidl.manual_seed(0)
        model = nn.Sequential(nn.Dense(5, 8), nn.Dropout(0.5), Dropping(), nn.Dense(8, 3))
        optimizer = optim.SGD(model.parameters(), 0.1)
        batches = [(X[:20], LABELS[:20]), (X[20:], LABELS[20:])]
        train.fit(model, batches, F.cross_entropy, optimizer, guards=guards, progress=False)
        results.append([p.data.tobytes() for p in model.parameters()])
    assert results[0] == results[1]


class Dropping(nn.Layer):
    """Draws from the shared random numbers, in evaluation too."""

    def forward(self, x):
        return F.dropout(x, 0.1)


# ---- A loop written by hand ---------------------------------------------------------------------


def loop(forgets, steps=3):
    model = nn.Dense(5, 3)
    optimizer = optim.SGD(model.parameters(), 0.1)
    for _ in range(steps):
        if not forgets:
            optimizer.zero_grad()
        for rows in (slice(20), slice(20, None)):  # two backward passes for a step are no mistake
            F.cross_entropy(model(X[rows]), LABELS[rows]).backward()
        optimizer.step()


def test_a_look_leaves_the_generator_unseeded(monkeypatch):
    """Where nothing was seeded, forked children draw numbers of their own."""
    monkeypatch.setattr(minidl.random._Source, "is_seeded", False)
    model = nn.MLP([5, 3])
    check(model, F.cross_entropy, X, LABELS)
    adam = optim.Adam(model.parameters())
    train.fit(model, (X, LABELS), F.cross_entropy, adam, progress=False)
    assert not minidl.random._Source.is_seeded


def test_a_forgotten_zero_grad():
    with pytest.warns(minidl.GuardWarning, match=r"Try: optimizer.zero_grad\(\)") as caught:
        loop(forgets=True)
    assert {one.filename for one in caught} == {__file__}
    loop(forgets=False)


def test_gradients_that_were_cleared_in_other_ways_are_no_mistake():
    model = nn.Dense(5, 3)
    optimizer = optim.SGD(model.parameters(), 0.1)
    for _ in range(3):
        model.zero_grad()
        F.cross_entropy(model(X), LABELS).backward()
        optimizer.step()
    for parameter in model.parameters():
        parameter.grad = None
    F.cross_entropy(model(X), LABELS).backward()
