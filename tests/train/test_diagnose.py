"""A loss that is not finite: the step, the place and the cause are named; the weights are those
from before the step."""

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, train
from minidl import functional as F

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 60)


def plain(outputs, y):
    return F.cross_entropy(outputs, y)


class Reusing:
    """Batches that all come in the same memory, as readers of large files do it."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        x, y = np.empty((10, X.shape[1]), X.dtype), np.empty(10, Y.dtype)
        for inputs, labels in self.batches:
            x[:], y[:] = inputs.data, labels
            yield x, y


def trained(model, loss, x, y, lr, kind="batches", epochs=20, batch_size=10):
    """What fit raises."""
    optimizer = optim.SGD(model.parameters(), lr, momentum=0.5)
    given = data.batches(x, y, batch_size)
    if kind == "list":
        given = [(inputs.data.copy(), labels) for inputs, labels in given]
    if kind == "reusing":
        given = Reusing(given)
    with pytest.raises(minidl.DivergedError) as caught:
        train.fit(model, given, loss, optimizer, epochs, guards=False, progress=False)
    return caught.value, optimizer


@pytest.mark.parametrize("seconds", [0, 1e9], ids=["a step at a time", "all at once"])
@pytest.mark.parametrize("kind", ["batches", "list", "reusing"])
@pytest.mark.parametrize("loss", [F.cross_entropy, plain], ids=["kernel", "loop"])
def test_a_rate_that_is_too_large(loss, kind, seconds, monkeypatch):
    """The weights are those of so many steps made by hand."""
    monkeypatch.setattr("minidl.train.feed.SECONDS", seconds)
    minidl.manual_seed(1)
    model = nn.MLP([6, 20, 20, 3], "relu", dropout=0.2)
    start, seeds = model.state_dict(), [model[2].seed, model[5].seed]
    error, optimizer = trained(model, loss, X, Y, 1e4, kind)
    assert 1 < error.step < 120
    assert (error.epoch - 1) * 6 + error.batch == error.step
    assert "learning rate" in error.cause
    assert "a smaller learning rate, such as 1000" in str(error)
    assert f"a loss of nan at step {error.step} (epoch {error.epoch}" in str(error)

    again = nn.MLP([6, 20, 20, 3], "relu", dropout=0.2)
    again.load_state_dict(start)
    again[2].seed, again[5].seed = seeds
    by_hand = TrainingStep(again, loss, optim.SGD(again.parameters(), 1e4, momentum=0.5))
    batches = [(x.data.copy(), y) for x, y in data.batches(X, Y, 10)] * 20
    losses = [by_hand(x, y) for x, y in batches[: error.step - 1]]
    assert np.isfinite(losses).all()
    for name, values in again.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], values)
    expected = by_hand.optimizer.state_dict()
    for name, value in optimizer.state_dict().items():
        np.testing.assert_array_equal(value, expected[name])
    assert model[2].calls == again[2].calls == error.step - 1
    assert not np.isfinite(by_hand(*batches[error.step - 1]))


class Jitter(nn.Layer):
    """Noise from the shared random numbers, from which the order of the rows is drawn too."""

    def forward(self, x):
        if not self.training:
            return x
        return x + 0.1 * minidl.random.generator().standard_normal(x.shape, np.float32)


class Shuffling:
    """An iterable that draws its order itself."""

    def __iter__(self):
        order = minidl.random.generator().permutation(60)
        return ((X[order[i : i + 10]], Y[order[i : i + 10]]) for i in range(0, 60, 10))


def drawing(y, outputs):
    """A metric that draws, too."""
    return minidl.random.generator().random()


class Shifting(train.Callback):
    """Changes what no step does."""

    def on_epoch_end(self, run, row):
        run.model[0].bias.data += 1


@pytest.mark.parametrize(
    ("share", "callbacks"), [(1e-9, []), (1e9, []), (1e-9, [Shifting()])],
    ids=["kept once", "kept often", "changed in between"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["pair", "iterable"])
@pytest.mark.parametrize("middle", [nn.Identity, Jitter], ids=["kernel", "loop"])
def test_the_way_back_leads_over_the_ends_of_epochs(middle, kind, share, callbacks, monkeypatch):
    """Each draws in between; the weights are those of a loop by hand, which draws as often."""
    monkeypatch.setattr("minidl.train.way_back.SHARE", share)
    last = 25  # within the fifth epoch

    def trainer():
        minidl.manual_seed(1)
        model = nn.Sequential(nn.Dense(6, 8), middle(), nn.Dropout(0.2, seed=5), nn.Dense(8, 3))
        optimizer = optim.SGD(model.parameters(), 1.0)
        return model, minidl.schedules.Schedule(
            optimizer, lambda step: 1e30 if step == last - 1 else 0.1
        )

    model, schedule = trainer()
    with pytest.raises(minidl.DivergedError) as caught:
        train.fit(model, (X, Y) if kind == "pair" else Shuffling(), F.cross_entropy,
                  schedule.optimizer, 9, schedule=schedule, validation=(X, Y), metrics=[drawing],
                  callbacks=callbacks, batch_size=10 if kind == "pair" else None, guards=False,
                  progress=False)  # fmt: skip
    assert caught.value.step == last + 1

    again, schedule = trainer()
    step = TrainingStep(again, F.cross_entropy, schedule.optimizer, schedule)
    batches = data.batches(X, Y, 10, shuffle=True) if kind == "pair" else Shuffling()
    done = 0
    while done < last:
        for x, y in batches:
            step(x, y)
            done += 1
            if done == last:
                break
        else:
            drawing(None, None)
            again[0].bias.data += len(callbacks)
    for name, values in again.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_data(bad):
    x = X.copy()
    x[23, 4] = bad
    error, _ = trained(nn.MLP([6, 8, 3], "tanh"), F.cross_entropy, x, Y, 0.1)
    assert error.place == "row 23 of x"
    assert "1 of" in error.cause
    # tanh(inf) is finite, and so is the loss; the gradient is not.
    assert (error.step, error.epoch, error.batch) == ((3, 1, 3) if np.isnan(bad) else (4, 1, 4))
    error, _ = trained(nn.MLP([6, 8, 3], "tanh"), F.cross_entropy, x, Y, 0.1, "list")
    assert error.place == "row 3 of the batch's x"


def test_the_targets():
    y = X[:, :1].copy()
    y[59] = np.nan
    error, _ = trained(nn.Dense(6, 1), F.mse, X, y, 0.01)
    assert (error.step, error.place) == (6, "row 59 of y")


class Root(nn.Layer):
    """sqrt(x), whose slope at 0 is infinite, and which is NaN below."""

    def forward(self, x):
        return x.sqrt()


def test_a_layer():
    model = nn.Sequential(nn.Dense(6, 4), nn.Tanh(), Root(), nn.Dense(4, 3))
    error, _ = trained(model, F.cross_entropy, X, Y, 0.1)
    assert error.step == 1
    assert error.place == "the outputs of layer 2 (Root())"
    assert "forward" not in vars(model[2])


class Block(nn.Layer):
    def __init__(self, *layers):
        self.inner = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.inner(x)


def test_a_layer_within_another():
    model = nn.Sequential(nn.Dense(6, 4), Block(nn.Dense(4, 4), Root()), nn.Dense(4, 3))
    error, _ = trained(model, F.cross_entropy, X, Y, 0.1)
    assert error.place == "the outputs of layer 1.inner.1 (Root())"


def test_a_dense_layer_and_its_activation_are_told_apart():
    model = nn.Sequential(nn.Dense(6, 4), nn.ELU(), nn.Dense(4, 3))
    model[0].weight.data[...] = 3e38
    error, _ = trained(model, F.cross_entropy, np.abs(X) + 1, Y, 0.1)
    assert error.place == "the outputs of layer 0 (Dense(6, 4))"
    assert "weights as large as 3" in error.cause

    model = nn.Sequential(nn.Dense(6, 4), nn.PReLU(), nn.Dense(4, 3))
    model[1].weight.data[...] = 3e38
    error, _ = trained(model, F.cross_entropy, 10 * X, Y, 0.1)
    assert error.place.startswith("the outputs of layer 1 (PReLU")


def test_the_logarithm_of_nothing():
    def logarithm(p, y):
        return -p[np.arange(len(y)), y].log().mean()

    model = nn.Sequential(nn.Dense(6, 3), nn.HardSigmoid())
    model[0].bias.data[...] = [0, 0, -100]
    error, _ = trained(model, logarithm, X, Y, 0.1)
    assert error.place == "the loss itself"
    assert error.cause.startswith("log(0): the outputs are from 0 to")


def test_a_gradient_that_is_not_finite_in_the_very_last_step():
    """The loss is finite: 0 = sqrt(0) has the slope infinity."""
    model = nn.Dense(6, 1, bias=False)
    model.weight.data[...] = 0
    optimizer = optim.SGD(model.parameters(), 0.1)
    with pytest.raises(
        minidl.DivergedError, match="weights that are not finite at step 1 .*the weights weight"
    ):
        train.fit(model, (X, Y), lambda o, y: (o**2).sum().sqrt(), optimizer, batch_size=60,
                  guards=False, progress=False)  # fmt: skip


def test_an_error_can_be_sent_to_another_process():
    import pickle

    error, _ = trained(nn.Sequential(nn.Dense(6, 3), Root()), F.cross_entropy, X, Y, 0.1)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.step, again.place, again.cause) == (error.step, error.place, error.cause)
