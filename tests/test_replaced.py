"""What a user puts in the place of minidl's own is what runs: in a net that is called, in predict,
in TrainingStep, within `hooked`."""

import signal

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim
from minidl import functional as F
from minidl.layers.hooks import hooked

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(9, 5)).astype(np.float32)
Y = RANDOM.integers(0, 3, 9)


def net():
    minidl.manual_seed(0)
    return nn.MLP([5, 40, 3], "relu")


class TripledDense(nn.Dense):
    def __call__(self, x):
        return super().__call__(x) * 3


class TripledReLU(nn.ReLU):
    def __call__(self, x):
        return super().__call__(x) * 3


class OtherFormula(nn.ReLU):
    @staticmethod
    def formula(x):
        return F.relu(x) * 3


class OtherRun(nn.ReLU):
    @classmethod
    def run(cls, x, options, learned=()):
        return super().run(x, options, learned) * 3


class TripledNet(nn.Sequential):
    def __call__(self, x):
        return super().__call__(x) * 3


class BackwardsNet(nn.Sequential):
    """What goes through its layers does so from the last on; a call does not."""

    def __iter__(self):
        return reversed(self.layers)


class NetWithOptions(nn.Sequential):
    """Has an attribute of a name that activations use."""

    def __init__(self, *layers):
        super().__init__(*layers)
        self.options = ("anything",)


def tripled(layer):
    """Three times what the layer gave, by a forward of the object's own."""
    forward = layer.forward
    layer.forward = lambda x: forward(x) * 3


def net_of(first=None, second=None):
    """The net with another first Dense or another activation, and the same weights."""
    plain = net()
    made = nn.Sequential(first or plain[0], second or plain[1], plain[2])
    made.load_state_dict(net().state_dict())
    return made


def with_own_forward(k):
    replaced = net()
    tripled(replaced[k])
    return replaced


def with_forward_of_the_net():
    replaced = net()
    tripled(replaced)
    return replaced


class ComputedDense(nn.Dense):
    """Its weights are three times those that are learned."""

    @property
    def weight(self):
        return self.third * 3

    @weight.setter
    def weight(self, values):
        self.third = nn.Parameter(values.data)
        self.third.requires_grad = False


def test_weights_that_are_computed_are_computed_anew():
    layers = nn.Sequential(nn.Dense(5, 4), ComputedDense(4, 3))
    for value in (1.0, 2.0):
        layers[1].third.data[...] = value
        expected = X @ layers[0].weight.data @ np.full((4, 3), 3 * value, np.float32)
        np.testing.assert_allclose(minidl.predict(layers, X), expected, rtol=1e-4, atol=1e-5)


class Annealed(nn.Dropout):
    """Its probability is computed."""

    rate = 0.0

    @property
    def p(self):
        return self.rate

    @p.setter
    def p(self, value):
        pass


class Switched(nn.Layer):
    """One of its layers is computed."""

    forward = nn.chain("first", "second")

    def __init__(self):
        self.first, self.ones, self.others = nn.Dense(5, 3), nn.Dense(3, 3), nn.Dense(3, 3)
        self.is_on = True

    @property
    def second(self):
        return self.ones if self.is_on else self.others


def losses_of(layers, change):
    """Of two steps, before and after the change, that leave the weights as they are."""
    step = TrainingStep(layers, F.cross_entropy, optim.SGD(layers.parameters(), 1e-30))
    before = step(X, Y)
    change(layers)
    return before, step(X, Y)


def test_what_a_subclass_computes_is_computed_anew():
    drops = nn.Sequential(nn.Dense(5, 3), Annealed())
    before, after = losses_of(drops, lambda net: setattr(net[1], "rate", 1.0))
    assert before != after == pytest.approx(np.log(3))
    for layers in (Switched(), nn.Sequential(Switched())):
        switched = layers if isinstance(layers, Switched) else layers[0]
        before, after = losses_of(layers, lambda net, one=switched: setattr(one, "is_on", False))
        assert before != after


def test_bodies_that_are_changed_in_place():
    layers = nn.Sequential(nn.Dense(5, 3), nn.Concat(nn.Identity(), nn.Identity()), nn.Dense(6, 3))
    layers[1].bodies = list(layers[1].bodies)
    before, after = losses_of(layers, lambda net: net[1].bodies.__setitem__(0, nn.Sigmoid()))
    assert before != after


def test_a_hook_on_a_parameter_is_called():
    layers = net()
    optimizer = optim.SGD(layers.parameters(), 0.1)
    step = TrainingStep(layers, F.cross_entropy, optimizer)
    weight = layers[0].weight
    for calls in (0, 3):
        step(X, Y)
        assert step.why() == ""
        seen = []
        hook = weight.register_hook(lambda dy, seen=seen: seen.append(dy.shape))
        for _ in range(calls):
            step(X, Y)
        assert seen == [(5, 40)] * calls
        hook.remove()


HIDDEN = {
    "a Dense called": lambda: net_of(first=TripledDense(5, 40)),
    "an activation called": lambda: net_of(second=TripledReLU()),
    "a formula": lambda: net_of(second=OtherFormula()),
    "a run": lambda: net_of(second=OtherRun()),
    "the first Dense's forward": lambda: with_own_forward(0),
    "the activation's forward": lambda: with_own_forward(1),
}
OUTER = {
    "a net called": lambda: TripledNet(*net()),
    "the last Dense's forward": lambda: with_own_forward(2),
    "the net's forward": with_forward_of_the_net,
}


def expected_of(name):
    """The formula: three times the hidden layer, or the output."""
    hidden, output = (3, 1) if name in HIDDEN else (1, 3)
    W1, b1, W2, b2 = (p.data for p in net().parameters())
    return output * (np.maximum(X @ W1 + b1, 0) * hidden @ W2 + b2)


@pytest.mark.parametrize("name", [*HIDDEN, *OUTER])
def test_what_was_replaced_runs_wherever_the_net_does(name):
    make, expected = (HIDDEN | OUTER)[name], expected_of(name)
    with minidl.no_grad():
        np.testing.assert_allclose(make()(X).numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(minidl.predict(make(), X), expected, rtol=1e-5, atol=1e-6)
    trained = make()
    step = TrainingStep(trained, F.cross_entropy, optim.SGD(trained.parameters(), 0.1))
    wanted = F.cross_entropy(expected, Y).item()
    assert step.epoch(data.batches(X, Y, 9))[0] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("kind", [BackwardsNet, NetWithOptions])
def test_a_net_with_more_than_a_sequential_has(kind):
    layers = nn.Dense(5, 5), nn.ReLU(), nn.Dense(5, 5), nn.Tanh(), nn.Dense(5, 5)
    made = kind(*layers)
    with minidl.no_grad():
        expected = nn.Sequential(*layers)(X).numpy()
    np.testing.assert_array_equal(minidl.predict(made, X), expected)
    step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), 0.1))
    assert step(X, Y) == pytest.approx(F.cross_entropy(expected, Y).item(), rel=1e-6)


@pytest.mark.parametrize("k", [0, 1, 2, None])
def test_what_is_replaced_later_runs_from_then_on(k):
    """Nothing that was known of the net is taken for true any more."""
    changed = net()
    minidl.predict(changed, X)
    tripled(changed if k is None else changed[k])
    expected = expected_of("a run" if k in (0, 1) else "a net called")
    np.testing.assert_allclose(minidl.predict(changed, X), expected, rtol=1e-5, atol=1e-6)


def test_a_method_that_is_replaced_in_the_class(monkeypatch):
    plain, expected = net(), expected_of("a Dense called")
    minidl.predict(plain, X)
    forward = nn.ReLU.forward
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: forward(self, x) * 3)
    np.testing.assert_allclose(plain(X).numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(minidl.predict(plain, X), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_hooks_reach_predict_and_training_and_leave_a_forward_of_the_objects_own(k):
    hooked_net = with_own_forward(k)
    own = hooked_net[k].forward
    expected = minidl.predict(hooked_net, X)
    seen = []

    def note(path, layer, x, y):
        seen.append(path)
        return y

    with hooked(hooked_net, note):
        np.testing.assert_array_equal(minidl.predict(hooked_net, X), expected)
        assert seen == ["0", "1", "2", ""]
        optimizer = optim.SGD(hooked_net.parameters(), 0.1)
        TrainingStep(hooked_net, F.cross_entropy, optimizer)(X, Y)
        assert seen == ["0", "1", "2", ""] * 2
    assert hooked_net[k].forward is own
    assert [name for i in range(3) for name in vars(hooked_net[i]) if name == "forward"] == [
        "forward"
    ]


def test_a_dropout_at_two_places_drops_anew_at_each():
    shared = nn.Dropout(0.5, seed=1)
    layers = nn.Dense(5, 40), nn.ReLU(), shared, nn.Dense(40, 40), nn.ReLU(), shared
    dropping = nn.Sequential(*layers, nn.Dense(40, 3))
    step = TrainingStep(dropping, F.cross_entropy, optim.SGD(dropping.parameters(), 1e-3))
    step(X, Y)
    assert shared.calls == 2


def test_a_step_that_is_given_another_net():
    first, second = net(), net()
    step = TrainingStep(first, F.cross_entropy, optim.SGD(second.parameters(), 0.1))
    step.net = second
    before = second.state_dict()
    step(X, Y)
    assert all((second.state_dict()[name] != before[name]).any() for name in before)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_weights_that_share_memory_change_one_after_the_other(threads):
    """Adam's first step is the rate, whatever the gradient: both of them go twice as far."""
    memory = np.linspace(1, 2, 20_000)
    parameters = [minidl.Tensor(memory, requires_grad=True) for _ in range(2)]
    optimizer = optim.Adam(parameters, lr=0.25)
    for p in parameters:
        p.grad = minidl.Tensor(np.ones_like(memory))
    with minidl.set_num_threads(threads):
        optimizer.step()
    np.testing.assert_allclose(memory, np.linspace(1, 2, 20_000) - 0.5, rtol=1e-7)


def test_weights_that_share_memory_across_strides_are_refused():
    memory = np.ones((4, 4))
    parameters = [minidl.Tensor(array, requires_grad=True) for array in (memory, memory.T)]
    optimizer = optim.SGD(parameters, lr=0.25)
    for p in parameters:
        p.grad = minidl.Tensor(memory + 1)
    with pytest.raises(minidl.ArgumentError, match="share memory to be contiguous"):
        optimizer.step()
    np.testing.assert_array_equal(memory, np.ones((4, 4)))


class InterruptError(Exception):
    """What a signal's handler raises."""


# Python drops an exception that comes while a weak reference is cleared: then nothing has fallen.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_in_an_epoch_falls_before_or_after_the_steps_of_a_call():
    """Weights, dropout's place, the optimiser's counts and the schedule go on together."""

    def handle(*_):
        raise InterruptError

    x, y = RANDOM.normal(size=(4000, 5)).astype(np.float32), RANDOM.integers(0, 3, 4000)
    dropout = nn.Dropout(0.5, seed=1)
    trained = nn.Sequential(nn.Dense(5, 40), nn.ReLU(), dropout, nn.Dense(40, 3))
    optimizer = optim.Adam(trained.parameters())
    schedule = minidl.schedules.Schedule(optimizer, minidl.schedules.exponential(0.9999))
    step = TrainingStep(trained, F.cross_entropy, optimizer, schedule)
    batches = data.batches(x, y, 4)
    before = signal.signal(signal.SIGALRM, handle)
    fell_within = 0
    try:
        for k in range(40):
            weights, calls = trained[0].weight.data.copy(), dropout.calls
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.0003 + 0.0001 * k)
                step.epoch(batches)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except InterruptError:
                fell_within += 1
            assert (dropout.calls > calls) == bool((trained[0].weight.data != weights).any())
            assert optimizer.state_dict()["parameters.0.steps"] == dropout.calls
            assert schedule.state_dict()["steps"] == dropout.calls
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert fell_within
