"""TrainingStep: the kernel that trains a whole net gives the bits of the loop written out."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl import TrainingStep, data, nn, optim, schedules
from minidl import functional as F
from minidl._kernels import threads as kernel_threads
from minidl.layers.activations import REGISTRY
from minidl.step import training

NEVER = 10**9  # steps, that no call has

OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": lambda p: optim.SGD(p, 0.05),
    "momentum": lambda p: optim.SGD(p, 0.02, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, 0.02, momentum=0.9, nesterov=True),
    "adam": lambda p: optim.Adam(p, 0.003, weight_decay=0.01),
    "adamw": lambda p: optim.AdamW(p, 0.003),
    "rmsprop": lambda p: optim.RMSprop(p, 0.001, centered=True, momentum=0.5),
    "adagrad": lambda p: optim.Adagrad(p, 0.01, lr_decay=0.1),
    "amsgrad": lambda p: optim.Adam(p, 0.003, amsgrad=True, maximize=True),
    "nadam": lambda p: optim.NAdam(p, 0.003, weight_decay=0.01, decoupled_weight_decay=True),
    "radam": lambda p: optim.RAdam(p, 0.003, betas=(0.9, 0.9)),
    "adadelta": lambda p: optim.Adadelta(p, weight_decay=0.01),
    "lion": lambda p: optim.Lion(p, weight_decay=0.01),
}


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, which would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)


def pixels(n=90, width=50, classes=10):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, width), np.uint8), rng.integers(0, classes, n)


def written_out(
    net, optimizer, batches, schedule=None, loss_of=F.cross_entropy, clip_norm=None, max_norm=None,
    accumulate=1,
):  # fmt: skip
    """The loop that TrainingStep stands for."""
    losses, batches = [], list(batches)
    for start in range(0, len(batches), accumulate):
        group = batches[start : start + accumulate]
        optimizer.zero_grad()
        for x, y in group:
            loss = loss_of(net(x), y)
            loss.backward()
            losses.append(loss.item())
        learned = [p for p in optimizer.all_parameters() if p.grad is not None]
        for p in learned:
            p.grad.data *= 1 / len(group)
        if clip_norm is not None:
            optim.clip_grad_norm(optimizer.all_parameters(), clip_norm)
        optimizer.step()
        if max_norm is not None:
            optim.max_norm(learned, max_norm)
        if schedule is not None:
            schedule.step()
    return np.array(losses)


def trained(how, make_net, make_optimizer, threads=1, batch_size=16, epochs=2, xy=None,
            factor=None, loss=F.cross_entropy, **options):  # fmt: skip
    """Losses, parameters and the optimiser's state after some epochs, as bytes."""
    minidl.manual_seed(3)
    net = make_net()
    optimizer = make_optimizer(net.parameters())
    schedule = None if factor is None else schedules.Schedule(optimizer, factor)
    batches = data.batches(*(xy or pixels()), batch_size, shuffle=True, seed=1)
    losses = []
    with minidl.set_num_threads(threads):
        step = TrainingStep(net, loss, optimizer, schedule, **options)
        for _ in range(epochs):
            if how == "fused":
                assert step._planned_for(batches) is not None
                losses.append(step.epoch(batches))
            else:
                losses.append(written_out(net, optimizer, batches, schedule, loss, **options))
    state = [np.asarray(v).tobytes() for v in optimizer.state_dict().values()]
    state.append(net.random_state())
    values = [v.tobytes() for v in net.state_dict().values()]
    dtype = next(net.parameters()).dtype
    return np.concatenate(losses).astype(dtype).tobytes(), values, state


def assert_same_bits(make_net, make_optimizer, **arguments):
    expected = trained("written out", make_net, make_optimizer, **arguments)
    for threads, worth_packing in ((1, 1), (2, NEVER), (3, 1)):
        with mock.patch.object(training, "WORTH_PACKING", worth_packing):
            got = trained("fused", make_net, make_optimizer, threads=threads, **arguments)
        assert got == expected, f"{threads} threads, worth packing {worth_packing}"


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_every_activation(name, level):
    options = {"pieces": 3} if name == "maxout" else {}
    assert_same_bits(lambda: nn.MLP([50, 30, 30, 10], name, **options), OPTIMIZERS["momentum"])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name, level):
    assert_same_bits(lambda: nn.MLP([50, 40, 10], "relu", dropout=0.3), OPTIMIZERS[name])


def test_prelu_with_a_slope_for_every_unit(level):
    def net():
        return nn.Sequential(nn.Dense(50, 30), nn.PReLU(30), nn.Dense(30, 10))

    assert_same_bits(net, OPTIMIZERS["momentum"])


@pytest.mark.parametrize(
    ("sizes", "batch_size"),
    [
        ([50, 10], 90),
        ([50, 200, 1, 30, 10], 7),
        ([50, 26, 24, 10], 1),
        ([50, 300, 10], 64),
        ([50, 2100, 10], 90),
    ],
    ids=str,
)
def test_sizes(sizes, batch_size, level):
    assert_same_bits(lambda: nn.MLP(sizes, "tanh"), OPTIMIZERS["adam"], batch_size=batch_size)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 80), min_size=1, max_size=3), st.integers(1, 90), st.integers(0, 9))
def test_random_sizes(hidden, batch_size, seed):
    def net():
        minidl.manual_seed(seed)
        return nn.MLP([50, *hidden, 10], "leaky_relu", dropout=0.2 * (seed % 2))

    assert_same_bits(net, OPTIMIZERS["momentum"], batch_size=batch_size, epochs=1)


def test_dropout_without_rescaling(level):
    def net():
        layers = nn.Dense(50, 40), nn.ReLU(), nn.Dropout(0.3, rescale=False), nn.Dense(40, 10)
        return nn.Sequential(*layers)

    assert_same_bits(net, OPTIMIZERS["momentum"])


def test_no_bias_float64_and_dropout_of_the_input_side(level):
    x, y = pixels()
    xy = (x / 255, y)

    def net():
        layers = nn.Dense(50, 32, bias=False), nn.Dropout(0.4), nn.Dense(32, 40), nn.GELU()
        return nn.Sequential(*layers, nn.Dense(40, 10)).astype("float64")

    assert_same_bits(net, OPTIMIZERS["adam"], xy=xy)
    assert_same_bits(lambda: nn.MLP([50, 9, 10]), OPTIMIZERS["sgd"], xy=(xy[0].astype("f4"), y))


def test_a_schedule_and_groups_with_rates_of_their_own():
    def groups(parameters):
        first, *others = parameters
        return optim.SGD([{"params": [first], "lr": 0.5}, {"params": others, "momentum": 0.9}], 0.1)

    for factor in (schedules.cosine(7), schedules.warmup(3)):
        assert_same_bits(lambda: nn.MLP([50, 30, 10]), groups, factor=factor)


# ---- Bounds on norms -----------------------------------------------------------------------------

BOUNDS = pytest.mark.parametrize(
    "bounds",
    [
        {"clip_norm": 0.5},
        {"clip_norm": 1e9},
        {"max_norm": 1.0},
        {"clip_norm": 0.3, "max_norm": 1.1},
    ],
    ids=str,
)


@BOUNDS
def test_bounds_on_norms(bounds, level):
    def in_another_order(parameters):
        a, b, *others = parameters
        groups = [{"params": [*others, a], "lr": 0.5}, {"params": [b], "momentum": 0.9}]
        return optim.SGD(groups, 0.1)

    for make_optimizer in (OPTIMIZERS["adam"], in_another_order):
        assert_same_bits(lambda: nn.MLP([50, 70, 130, 10], "prelu"), make_optimizer, **bounds)


@BOUNDS
def test_bounds_on_norms_in_float64_and_of_tied_weights(bounds):
    def net():
        layer = nn.Dense(50, 50)
        return nn.Sequential(layer, nn.Tanh(), layer, nn.Dense(50, 10)).astype("float64")

    x, y = pixels()
    assert_same_bits(net, OPTIMIZERS["nesterov"], xy=(x / 255, y), **bounds)


def test_a_bound_on_norms_passes_over_what_is_frozen_or_not_the_optimizers():
    def some_of(parameters):
        W, _, *others = parameters
        W.requires_grad = False
        return optim.SGD([W, *others], 0.1)

    bounds = {"clip_norm": 0.3, "max_norm": 0.5}
    with pytest.warns(minidl.GuardWarning, match=r"without 0\.bias"):
        assert_same_bits(lambda: nn.MLP([50, 30, 20, 10]), some_of, **bounds)


def test_the_bounds_hold():
    """By NumPy, of one step of SGD with rate 1: what it took away is the clipped gradient."""
    x, y = pixels()
    net = nn.MLP([50, 30, 10])
    before = [p.data.copy() for p in net.parameters()]
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 1.0), clip_norm=0.01)
    step(x / np.float32(255), y)
    moved = [b - p.data for b, p in zip(before, net.parameters(), strict=True)]
    assert np.sqrt(sum((m.astype(float) ** 2).sum() for m in moved)) == pytest.approx(
        0.01, rel=1e-3
    )
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1), max_norm=0.7)
    step.epoch(data.batches(x, y, 30))
    for W in (net[0].weight.data, net[2].weight.data):
        norms = np.linalg.norm(W.astype(float), axis=0)
        assert norms.max() == pytest.approx(0.7, rel=1e-6)


def test_gradients_without_end_leave_what_clip_grad_norm_leaves():
    x, y = pixels()
    x = x.astype(np.float32)
    x[0, 0] = np.inf
    trainings = [
        trained(how, lambda: nn.MLP([50, 30, 10]), OPTIMIZERS["sgd"], xy=(x, y), clip_norm=1.0)
        for how in ("written out", "fused")
    ]
    values = [[np.frombuffer(v, np.float32) for v in t[1][:-1]] for t in trainings]
    for a, b in zip(*values, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.isnan(a).all()


@pytest.mark.parametrize("bound", [0, -1.0, np.nan, np.inf, "1", True])
@pytest.mark.parametrize("name", ["clip_norm", "max_norm"])
def test_a_bound_that_is_none_is_refused(name, bound):
    net = nn.MLP([5, 3])
    with pytest.raises(minidl.ArgumentError, match=f"TrainingStep: expected {name} to be a finite"):
        TrainingStep(net, F.mse, optim.SGD(net.parameters(), 0.1), **{name: bound})


# ---- Groups of batches ---------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.3, "max_norm": 1.1}], ids=str)
@pytest.mark.parametrize("accumulate", [2, 4, 9])
def test_groups_of_batches(accumulate, options, level):
    """An epoch has 6 batches, the last of 10 rows."""
    options = {"accumulate": accumulate, "factor": schedules.exponential(0.8), **options}
    assert_same_bits(
        lambda: nn.MLP([50, 70, 30, 10], "prelu", dropout=0.2), OPTIMIZERS["adam"], **options
    )


def test_groups_in_float64_and_of_tied_weights():
    def net():
        layer = nn.Dense(50, 50)
        return nn.Sequential(layer, nn.Tanh(), layer, nn.Dense(50, 10)).astype("float64")

    x, y = pixels()
    assert_same_bits(net, OPTIMIZERS["nesterov"], xy=(x / 255, y), accumulate=3)


def test_groups_in_several_kernel_calls(monkeypatch):
    """The calls end where groups do."""
    monkeypatch.setattr("minidl.step.training.CALL", 1)
    assert_same_bits(lambda: nn.MLP([50, 30, 10]), OPTIMIZERS["momentum"], accumulate=4)


@pytest.mark.parametrize("by", ["epoch", "calls", "list"])
def test_a_group_steps_as_one_batch_of_all_its_rows(by):
    """The mean of the means of batches of one size, up to rounding."""
    x, y = pixels()
    x = x / 255
    nets = []
    for size, accumulate in ((30, 1), (10, 3)):
        minidl.manual_seed(0)
        net = nn.MLP([50, 20, 10], "tanh").astype("float64")
        optimizer = optim.Adam(net.parameters(), 0.01)
        step = TrainingStep(net, F.cross_entropy, optimizer, accumulate=accumulate)
        batches = data.batches(x, y, size)
        if by == "epoch":
            step.epoch(batches)
        elif by == "list":
            step.epoch(list(batches))
        else:
            for batch in batches:
                step(*batch)
        nets.append(net)
        assert optimizer.state_dict()["parameters.0.steps"] == 3
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_allclose(b.data, a.data, rtol=1e-6, atol=1e-9)


def test_the_last_call_of_a_group_updates():
    x, y = pixels(10)
    net = nn.MLP([50, 10])
    optimizer = optim.SGD(net.parameters(), 0.1)
    schedule = schedules.Schedule(optimizer, schedules.exponential(0.5))
    step = TrainingStep(net, F.cross_entropy, optimizer, schedule, accumulate=3)
    before = net[0].weight.data.copy()
    for count in range(1, 7):
        step(x / np.float32(255), y)
        assert (net[0].weight.data == before).all() == (count % 3 != 0)
        assert optimizer.lr == pytest.approx(0.1 * 0.5 ** (count // 3))
        assert (net[0].weight.grad is None) == (count % 3 == 0)
        before = net[0].weight.data.copy()
    assert step.why() == "single steps with accumulate. Try: step.epoch(batches)"


@pytest.mark.parametrize("as_batches", [lambda b: b, list], ids=["kernel", "loop"])
def test_an_epoch_begins_a_group(as_batches):
    x, y = pixels()
    x = x / np.float32(255)
    nets = []
    for calls in (0, 1):
        minidl.manual_seed(0)
        net = nn.MLP([50, 10])
        step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1), accumulate=2)
        for _ in range(calls):
            step(x[:5], y[:5])
        step.epoch(as_batches(data.batches(x, y, 20)))
        nets.append([p.data.tobytes() for p in net.parameters()])
        before = net[0].weight.data.copy()
        step(x[:5], y[:5])
        np.testing.assert_array_equal(net[0].weight.data, before)
    assert nets[0] == nets[1]


@pytest.mark.parametrize("accumulate", [0, -1, 1.0, True, None, "2"])
def test_groups_are_of_a_whole_number_of_batches(accumulate):
    net = nn.MLP([5, 3])
    with pytest.raises(minidl.ArgumentError, match="TrainingStep: expected accumulate: a whole"):
        TrainingStep(net, F.mse, optim.SGD(net.parameters(), 0.1), accumulate=accumulate)


# ---- Every loss ----------------------------------------------------------------------------------

OUTPUTS = 7
RNG = np.random.default_rng(5)
LABELS = RNG.integers(0, OUTPUTS, 90)
NUMBERS = RNG.normal(size=(90, OUTPUTS)) * 2
UNIT = RNG.random((90, OUTPUTS))
WEIGHT = RNG.random(OUTPUTS) + 0.1
SIGNS = np.where(UNIT < 0.5, -1, 1)
BCE = F.binary_cross_entropy_with_logits

LOSSES: dict[str, tuple[Callable[..., Any], np.ndarray]] = {
    "mse": (F.mse, NUMBERS.astype(np.float32)),
    "mse of float64": (F.mse, NUMBERS),
    "mse of whole numbers": (F.mse, NUMBERS.astype(int)),
    "mse of strided targets": (F.mse, np.repeat(NUMBERS, 2, axis=1)[:, ::2]),
    "huber": (F.huber, NUMBERS.astype(np.float32)),
    "huber 0.3": (partial(F.huber, delta=0.3), NUMBERS),
    "bce": (BCE, UNIT.astype(np.float32)),
    "bce of whole numbers": (BCE, (UNIT > 0.5).astype(np.int64)),
    "bce of truth values": (partial(BCE, pos_weight=3), UNIT > 0.5),
    "bce with pos_weight": (partial(BCE, pos_weight=WEIGHT, reduction="mean"), UNIT),
    "hinge": (partial(F.hinge, sample_weight=None), SIGNS),
    "hinge of floats": (F.hinge, SIGNS.astype(np.float32)),
    "multi_margin": (F.multi_margin, LABELS),
    "multi_margin 0.4": (partial(F.multi_margin, margin=0.4), LABELS.astype(np.uint8)),
    "labels as floats": (F.cross_entropy, LABELS.astype(float)),
    "label_smoothing": (partial(F.cross_entropy, label_smoothing=0.1), LABELS),
    "weight": (partial(F.cross_entropy, weight=WEIGHT), LABELS),
    "weight and smoothing": (
        partial(F.cross_entropy, weight=minidl.tensor(WEIGHT), label_smoothing=0.2),
        LABELS,
    ),
    "soft targets": (F.cross_entropy, UNIT.astype(np.float32)),
    "soft targets, smoothed": (
        partial(F.cross_entropy, weight=list(WEIGHT), label_smoothing=0.3),
        UNIT,
    ),
}
EACH_LOSS = pytest.mark.parametrize(("loss", "y"), LOSSES.values(), ids=LOSSES)


@EACH_LOSS
def test_every_loss(loss, y, level):
    def net():
        return nn.MLP([50, 12, OUTPUTS], "tanh")

    assert_same_bits(net, OPTIMIZERS["adam"], xy=(pixels()[0], y), loss=loss)


@EACH_LOSS
def test_every_loss_in_float64(loss, y):
    def net():
        return nn.MLP([50, 12, OUTPUTS], "tanh").astype("float64")

    assert_same_bits(net, OPTIMIZERS["adam"], xy=(pixels()[0] / 255, y), loss=loss)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(list(LOSSES)), st.lists(st.integers(1, 60), max_size=2), st.integers(1, 90),
    st.integers(1, OUTPUTS),
)  # fmt: skip
def test_every_loss_with_random_sizes(name, hidden, batch_size, outputs):
    """Fewer outputs too, down to the one of a regression or of a yes-or-no question."""
    loss, y = LOSSES[name]
    if isinstance(loss, partial):
        options = {
            k: np.asarray(v)[:outputs] if np.ndim(v) else v for k, v in loss.keywords.items()
        }
        loss = partial(loss.func, **options)
    y = y % outputs if y.ndim == 1 else y[:, :outputs]

    def net():
        return nn.MLP([50, *hidden, outputs], "relu")

    xy = pixels()[0], y
    assert_same_bits(net, OPTIMIZERS["momentum"], batch_size=batch_size, epochs=1, xy=xy, loss=loss)


@EACH_LOSS
def test_single_steps_of_every_loss(loss, y):
    x = (pixels()[0] / 255).astype(np.float32)
    results = []
    for one in (loss, lambda *pair: loss(*pair)):
        minidl.manual_seed(0)
        net = nn.MLP([50, 20, OUTPUTS])
        step = TrainingStep(net, one, optim.SGD(net.parameters(), 0.05))
        assert (step._planned(x, y, None, np.float32) is None) == (one is not loss)
        losses = [step(x[i : i + 9], y[i : i + 9].tolist()) for i in range(0, 27, 9)]
        results.append([np.float32(losses), *(p.data for p in net.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_are_read_anew():
    """They may be changed between two epochs, in place too."""
    weight = WEIGHT.copy()
    net = nn.MLP([50, OUTPUTS])
    step = TrainingStep(
        net, partial(F.cross_entropy, weight=weight), optim.SGD(net.parameters(), 1e-9)
    )
    batches = data.batches(pixels()[0], LABELS, 90)
    before = step.epoch(batches)
    weight[:] = weight[::-1].copy()
    with minidl.no_grad():
        wanted = F.cross_entropy(net(next(iter(batches))[0]), LABELS, weight=weight).item()
    assert step.epoch(batches)[0] == pytest.approx(wanted, rel=1e-6)
    assert before[0] != pytest.approx(wanted, rel=1e-3)


def test_labels_are_those_of_the_units_after_maxout():
    def net():
        return nn.Sequential(nn.Dense(50, 20), nn.Maxout(2))

    assert_same_bits(net, OPTIMIZERS["sgd"])
    x, y = pixels()
    y[3] = 10
    wrong = net()
    with pytest.raises(minidl.ArgumentError, match="labels from 0 to 9, got 10 at index 3"):
        TrainingStep(wrong, F.cross_entropy, optim.SGD(wrong.parameters(), 0.1)).epoch(
            data.batches(x, y, 16)
        )


def test_parameters_that_the_optimizer_does_not_have_stay():
    for threads in (1, 2):
        net = nn.MLP([50, 30, 10], "prelu")
        before = net.state_dict()
        optimizer = optim.SGD([net[2].weight], lr=0.1)
        for name, p in net.named_parameters():
            p.requires_grad = name == "2.weight"
        step = TrainingStep(net, F.cross_entropy, optimizer)
        with minidl.set_num_threads(threads):
            step.epoch(data.batches(*pixels(), 16))
        changed = [name for name, p in net.named_parameters() if (p.data != before[name]).any()]
        assert changed == ["2.weight"]


def test_evaluation_mode_drops_nothing():
    def net():
        return nn.MLP([50, 40, 10], "relu", dropout=0.5).eval()

    assert_same_bits(net, OPTIMIZERS["sgd"])


def test_several_kernel_calls_make_the_same_epoch(monkeypatch):
    whole = trained("fused", lambda: nn.MLP([50, 30, 10]), OPTIMIZERS["adam"])
    monkeypatch.setattr("minidl.step.training.CALL", 1)
    assert trained("fused", lambda: nn.MLP([50, 30, 10]), OPTIMIZERS["adam"]) == whole


def halve(array):
    array[...] *= 0.5


def reorder(parameter):
    parameter.data = np.asfortranarray(parameter.data)


def reload(optimizer):
    state = optimizer.state_dict()
    optimizer.load_state_dict(
        {k: v * 0.5 for k, v in state.items() if "buffer" in k}
        | {k: v for k, v in state.items() if "buffer" not in k}
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda net, optimizer: setattr(optimizer, "lr", 0.3),
        lambda net, optimizer: halve(net[0].weight.data),
        lambda net, optimizer: halve(net[1].weight.data),
        lambda net, optimizer: setattr(net[0].bias, "data", net[0].bias.data + 1),
        lambda net, optimizer: reorder(net[3].weight),
        lambda net, optimizer: setattr(net[2], "p", 0.9),
        lambda net, optimizer: setattr(net[2], "rescale", False),
        lambda net, optimizer: net.eval(),
        lambda net, optimizer: setattr(net[0], "weight", nn.Parameter(2 * net[0].weight.data)),
        lambda net, optimizer: reload(optimizer),
        lambda net, optimizer: optimizer.param_groups[0].update(nesterov=True),
    ],
    ids=["lr", "W in place", "slopes in place", "b replaced", "W in another order", "dropout",
         "rescale", "eval", "another W", "state loaded", "nesterov"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*without 0.weight")  # another W is not the optimiser's
def test_single_steps_see_what_has_changed(change):
    """Between two steps nothing may be remembered that is no longer true."""
    x, y = pixels()
    x = (x / 255).astype(np.float32)
    results = []
    for is_fused in (True, False):
        minidl.manual_seed(0)
        net = nn.MLP([50, 30, 10], "prelu", dropout=0.2)
        optimizer = optim.SGD(net.parameters(), 0.05, momentum=0.9)
        step = TrainingStep(net, F.cross_entropy, optimizer)
        assert step._planned(x, y, None, np.float32) is not None
        losses = []
        for i in range(6):
            if i == 3:
                change(net, optimizer)
            step.loss = F.cross_entropy if is_fused else (lambda a, b: F.cross_entropy(a, b))
            losses.append(step(x[i:], y[i:]))
        results.append([np.float32(losses), *(p.data for p in net.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_weight_that_is_not_learned_and_not_contiguous_is_read_anew():
    x, y = np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1])
    net = nn.MLP([4, 30, 2])
    net[0].weight.data = np.asfortranarray(net[0].weight.data)
    for p in net.parameters():
        p.requires_grad = p is net[2].bias
    step = TrainingStep(net, F.cross_entropy, optim.SGD([net[2].bias], 0.1))
    step(x, y)
    net[0].weight.data[...] = 0
    net[2].bias.data[...] = 0
    assert step(x, y) == pytest.approx(np.log(2), rel=1e-6)


def test_arrays_that_were_pickled_take_the_kernel_too():
    """Their dtype is another object, though the same."""
    x, y = pixels()
    x = pickle.loads(pickle.dumps((x / 255).astype(np.float32)))
    net = pickle.loads(pickle.dumps(nn.MLP([50, 30, 10])))
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    step(x, y)
    assert step._program is not None


def test_copies_train_on_alike():
    batches = data.batches(*pixels(), 16)
    net = nn.MLP([50, 30, 10])
    optimizer = optim.Adam(net.parameters())
    step = TrainingStep(net, F.cross_entropy, optimizer)
    step.epoch(batches)
    others = copy.deepcopy(step), pickle.loads(pickle.dumps((net, optimizer)))
    expected = step.epoch(batches)
    np.testing.assert_array_equal(others[0].epoch(batches), expected)
    loaded = TrainingStep(others[1][0], F.cross_entropy, others[1][1])
    np.testing.assert_array_equal(loaded.epoch(batches), expected)


def test_a_pickled_step_has_its_options():
    net = nn.MLP([50, 10])
    optimizer = optim.SGD(net.parameters(), 0.1)
    step = TrainingStep(net, F.cross_entropy, optimizer, clip_norm=0.5, accumulate=3)
    again = pickle.loads(pickle.dumps(step))
    assert repr(again) == "TrainingStep(MLP, cross_entropy, SGD, clip_norm=0.5, accumulate=3)"
    batches = data.batches(*pixels(), 16)
    np.testing.assert_array_equal(again.epoch(batches), step.epoch(batches))
    assert again.net[0].weight.data.tobytes() == net[0].weight.data.tobytes()


# ---- What the kernel cannot do, the loop does ----------------------------------------------------


class NoKernel(nn.Identity):
    @staticmethod
    def formula(x):
        return 2.0 * x


class Bent(nn.Layer):
    def __init__(self) -> None:
        self.inner = nn.Dense(50, 50)

    def forward(self, x):
        return x + self.inner(x).tanh()


def weighted(logits, labels):
    return F.cross_entropy(logits, labels, label_smoothing=0.1)


@pytest.mark.parametrize(
    ("make_net", "loss"),
    [
        (lambda: nn.Sequential(Bent(), nn.Dense(50, 10)), F.cross_entropy),
        (lambda: nn.MLP([50, 20, 10], "relu"), weighted),
        (lambda: nn.Sequential(nn.Dense(50, 10), NoKernel()), F.cross_entropy),
    ],
    ids=[
        "a layer of one's own",
        "another loss",
        "no kernel",
    ],
)
def test_anything_else_takes_the_loop(make_net, loss):
    results = []
    for fused in (True, False):
        minidl.manual_seed(0)
        net = make_net()
        optimizer = optim.SGD(net.parameters(), 0.1, momentum=0.9)
        batches = data.batches(*pixels(), 16, shuffle=True, seed=0)
        step = TrainingStep(net, loss, optimizer)
        assert step._planned_for(batches) is None
        losses = step.epoch(batches) if fused else np.array([step(x, y) for x, y in batches])
        assert losses.shape == (6,)
        results.append([losses, *(p.data for p in net.parameters())])
        assert all(p.grad is None for p in net.parameters())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


SOFT = np.eye(10)[pixels()[1]]


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (partial(F.mse, sample_weight=np.arange(1.0, 91)), SOFT),
        (partial(BCE, pos_weight=np.arange(1.0, 91)[:, None]), SOFT),
    ],
    ids=["sample_weight", "pos_weight by row"],
)
def test_options_that_a_whole_epoch_cannot_have_take_the_loop(loss, y):
    x = pixels()[0]
    results = []
    for one in (loss, lambda *pair: loss(*pair)):
        minidl.manual_seed(0)
        net = nn.MLP([50, 20, 10])
        step = TrainingStep(net, one, optim.SGD(net.parameters(), 1e-4))
        assert step._planned(x, y, None, np.float32) is None
        results.append([step.epoch(data.batches(x, y, 90)), *(p.data for p in net.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_targets_that_want_a_gradient_get_it():
    net = nn.MLP([2, 3, 2])
    y = minidl.tensor(np.ones((4, 2), np.float32), requires_grad=True)
    TrainingStep(net, F.mse, optim.SGD(net.parameters(), 0.1))(np.ones((4, 2), np.float32), y)
    assert np.abs(y.grad.numpy()).min() > 0


def test_options_that_are_none_raise_what_the_loss_raises():
    net = nn.MLP([50, 10])
    optimizer = optim.SGD(net.parameters(), 0.1)
    batches = data.batches(pixels()[0], SOFT, 16)
    with pytest.raises(TypeError, match="delt"):
        TrainingStep(net, partial(F.huber, delt=2.0), optimizer).epoch(batches)
    with pytest.raises(TypeError, match="positional"):
        TrainingStep(net, partial(F.mse, SOFT), optimizer).epoch(batches)
    with pytest.raises(minidl.ArgumentError, match="'mean', 'batchmean', 'sum' or 'none'"):
        TrainingStep(net, partial(F.huber, reduction="average"), optimizer).epoch(batches)
    with pytest.raises(minidl.ArgumentError, match="huber: expected a finite delta above 0"):
        TrainingStep(net, partial(F.huber, delta=0), optimizer).epoch(batches)


@pytest.mark.parametrize("uses", [2, 3])
def test_weights_that_are_used_more_than_once(uses, level):
    def net():
        shared = nn.Dense(50, 50)
        return nn.Sequential(*[shared, nn.PReLU()] * uses, nn.Dense(50, 10))

    assert_same_bits(net, OPTIMIZERS["momentum"])


def test_dropout_first_last_and_after_dropout(level):
    def net():
        return nn.Sequential(
            nn.Dropout(0.2), nn.Dense(50, 40), nn.Dropout(0.3), nn.Dropout(0.1), nn.Tanh(),
            nn.ReLU(), nn.Sequential(nn.Dense(40, 10), nn.Sequential(nn.Dropout(0.1))),
        )  # fmt: skip

    assert_same_bits(net, OPTIMIZERS["adam"])


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm(momentum, affine, level):
    def net():
        norms = [nn.BatchNorm(n, momentum=momentum, affine=affine) for n in (50, 40, 10)]
        return nn.Sequential(norms[0], nn.Dense(50, 40), norms[1], nn.ReLU(), nn.Dense(40, 10),
                             norms[2])  # fmt: skip

    assert_same_bits(net, OPTIMIZERS["momentum"])
    assert_same_bits(lambda: net().eval(), OPTIMIZERS["momentum"])


def test_a_batch_of_one_row_is_refused_where_batch_norm_has_no_variance():
    net = nn.Sequential(nn.Dense(50, 10), nn.BatchNorm(10))
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    x, y = pixels()
    with pytest.raises(minidl.ShapeError, match=r"batch_norm: expected 2 rows or more"):
        step.epoch(data.batches(x[:33], y[:33], 16))
    assert step.why() == "a batch of 1 row for BatchNorm. Try: drop_last=True"
    step.epoch(data.batches(x[:33], y[:33], 16, drop_last=True))
    assert step.why() == ""
    net.eval()
    step.epoch(data.batches(x[:33], y[:33], 16))
    assert step.why() == ""


def test_running_values_in_memory_that_is_not_the_layers_own_take_the_loop():
    def net():
        made = nn.Sequential(nn.Dense(50, 10), nn.BatchNorm(10))
        made[1].running_mean = np.zeros(20, np.float32)[::2]
        return made

    made = net()
    step = TrainingStep(made, F.cross_entropy, optim.SGD(made.parameters(), 0.1))
    assert step._planned_for(data.batches(*pixels(), 16)) is None
    step.epoch(data.batches(*pixels(), 16))
    assert (made[1].running_mean != 0).all()
    assert step.why().startswith("a running_mean that is not a writable float32 (10,)")


def test_noise_and_bias(level):
    def net():
        return nn.Sequential(
            nn.GaussianNoise(0.2), nn.Dense(50, 40, bias=False), nn.BatchNorm(40, affine=False),
            nn.GaussianNoise(0.3), nn.Bias(40), nn.ReLU(), nn.GaussianNoise(0.0), nn.Bias(40),
            nn.Dense(40, 10), nn.Bias(10), nn.GaussianNoise(0.1),
        )  # fmt: skip

    assert_same_bits(net, OPTIMIZERS["adam"])


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_and_rms_norm(affine, level):
    def net():
        return nn.Sequential(
            nn.LayerNorm(50, affine=affine), nn.Dense(50, 40), nn.RMSNorm(40, affine=affine),
            nn.ReLU(), nn.LayerNorm(40, affine=affine), nn.Dense(40, 10),
            nn.RMSNorm(10, 0.1, affine=affine),
        )  # fmt: skip

    assert_same_bits(net, OPTIMIZERS["momentum"])


def tables(*widths):
    return [nn.Sequential(nn.Embedding(11, width), nn.Flatten()) for width in widths]


EMBEDDED = {
    "a table": lambda: tables(7),
    "two tables": lambda: [nn.Concat(*tables(4, 3))],
    "a column": lambda: tables(1),
    "a table used twice": lambda: [nn.Concat(*tables(4) * 2)],
    "a table for one index": lambda: [nn.Embedding(11, 20)],
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedding(name, level):
    rng = np.random.default_rng(0)
    is_one = name == "a table for one index"
    x, y = rng.integers(0, 11, (90,) if is_one else (90, 6)), pixels()[1]

    def net():
        first = EMBEDDED[name]()
        width = minidl.predict(nn.Sequential(*first), x).shape[1]
        return nn.Sequential(*first, nn.Dense(width, 40), nn.ReLU(), nn.Dense(40, 10))

    assert_same_bits(net, OPTIMIZERS["adam"], xy=(x, y))


@pytest.mark.parametrize(
    ("first", "dtype"),
    [
        (lambda: [nn.Embedding(11, 3), nn.Flatten()], np.int64),
        (lambda: [nn.EntityEmbedding((3, 4), (11, 2))], np.float32),
    ],
)
def test_an_index_that_is_not_there_is_found_before_anything_is_trained(first, dtype):
    net = nn.Sequential(*first(), nn.Dense(6, 10))
    before = net.state_dict()
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    x, y = np.ones((90, 2), dtype), pixels()[1]
    for wrong in (11, -1):
        x[80, 1] = wrong
        message = f"embedding: expected indices from 0 to 10, got {wrong}"
        batches = data.batches(x, y, 16)
        assert step._planned_for(batches) is not None
        for call in (
            lambda b=batches: step.epoch(b),
            lambda: step(x, y),
            lambda: minidl.predict(net, x),
            lambda: minidl.Predictor(net)(x),
        ):
            with pytest.raises(minidl.ArgumentError, match=message):
                call()
    assert all((p.data == before[name]).all() for name, p in net.named_parameters())
    step.on_rows(batches, range(80))
    assert any((p.data != before[name]).any() for name, p in net.named_parameters())


@pytest.mark.parametrize("tables", [[(11, 7)], [(11, 1), (3, 4)], [(11, 2), (3, 2), (1, 20)]])
@pytest.mark.parametrize("columns", [0, 1, 6])
def test_entity_embedding(tables, columns, level):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, columns)), pixels()[1]
    places = [rng.integers(0, count, (90, 1)) for count, _ in tables]
    x = np.concatenate([x, *places], axis=1).astype(np.float32)
    width = columns + sum(width for _, width in tables)

    def net():
        return nn.Sequential(nn.EntityEmbedding(*tables), nn.Dense(width, 40), nn.ReLU())

    assert_same_bits(net, OPTIMIZERS["adam"], xy=(x, y))


@pytest.mark.parametrize("floats", [nn.Dense(2, 3), nn.Sequential(), nn.BatchNorm(2).eval()])
def test_indices_for_a_layer_of_floats_take_the_loop(floats):
    net = nn.Sequential(
        nn.Concat(nn.Sequential(nn.Embedding(11, 3), nn.Flatten()), floats), nn.Dense(8, 10)
    )
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    assert step._planned(np.ones((9, 2), np.int64), np.ones(9), None, np.int64) is None
    assert step.why() == "int64 inputs for a layer that is no Embedding. Try: x.astype('float32')"


def test_pictures_and_flatten(level):
    x, y = pixels()
    x = x.reshape(90, 5, 5, 2)

    def net():
        return nn.Sequential(nn.Flatten(), nn.Dense(50, 20), nn.Flatten(), nn.Dense(20, 10))

    assert_same_bits(net, OPTIMIZERS["momentum"], xy=(x, y))
    unflattened = nn.MLP([2, 10])
    step = TrainingStep(unflattened, F.cross_entropy, optim.SGD(unflattened.parameters(), 0.1))
    assert step._planned(x / 255, y, None, np.float32) is None
    assert step.why() == "a row of shape (5, 5, 2). Try: nn.Flatten() before the layer"


def block(width):
    return nn.Residual(nn.Sequential(nn.LayerNorm(width), nn.Dense(width, width), nn.Tanh()))


NESTED = {
    "residual": lambda: [nn.Dense(50, 40), block(40), nn.ReLU(), block(40)],
    "residual of the input": lambda: [block(50), nn.Dense(50, 40)],
    "residual of nothing": lambda: [nn.Dense(50, 40), nn.Residual(nn.Sequential())],
    "residual of a residual": lambda: [
        nn.Dense(50, 40), nn.Residual(nn.Residual(nn.Residual(nn.Sequential(nn.Dense(40, 40))))),
    ],
    "residual of an activation": lambda: [nn.Dense(50, 40), nn.Residual(nn.Sigmoid())],
    "concat": lambda: [nn.Concat(nn.Dense(50, 15), nn.Dense(50, 25)), nn.Tanh()],
    "concat of what is there": lambda: [
        nn.Dense(50, 10),
        nn.Concat(nn.Sequential(), nn.Dense(10, 10), nn.Identity(), nn.Bias(10)),
    ],
    "residual of a concat": lambda: [
        nn.Dense(50, 40),
        nn.Residual(nn.Concat(nn.Dense(40, 30), nn.Sequential(nn.ReLU(), nn.Dense(40, 10)))),
    ],
    "concat of residuals": lambda: [
        nn.Dense(50, 20), nn.PReLU(), nn.Concat(block(20), nn.Residual(nn.Dropout(0.3))),
    ],
    "one layer in two bodies": lambda: [
        nn.Dense(50, 20), *[nn.Concat(nn.Sequential(a, a), a) for a in [nn.Dense(20, 20)]]
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", NESTED)
def test_layers_within_layers(name, level):
    def net():
        return nn.Sequential(*NESTED[name](), nn.Dense(40, 10))

    assert_same_bits(net, OPTIMIZERS["adam"])


class Chained(nn.Layer):
    forward = nn.chain("first", "relu", "second", "relu", "norm", "last")

    def __init__(self) -> None:
        self.first, self.relu, self.second = nn.Dense(50, 30), nn.ReLU(), nn.Dense(30, 30)
        self.norm, self.last = nn.BatchNorm(30), nn.Dense(30, 10)


class Halving(Chained):
    def forward(self, x):
        return super().forward(x) * 0.5


def test_a_class_that_chains_its_layers():
    assert_same_bits(Chained, OPTIMIZERS["adam"])
    net = Halving()
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    assert step._planned_for(data.batches(*pixels(), 16)) is None
    assert step.why().startswith("Halving, whose forward has no plan")


def test_one_layer_that_goes_on_with_each_use_at_two_places_takes_the_loop():
    for one in (nn.BatchNorm(50), nn.Dropout(0.5), nn.GaussianNoise(0.1)):
        net = nn.Sequential(one, nn.Dense(50, 50), one, nn.Dense(50, 10))
        step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
        assert step._planned_for(data.batches(*pixels(), 16)) is None
        assert step.why() == f"one {type(one).__name__} at two places. Try: a layer for each"


@pytest.mark.parametrize(
    "frozen", ["0.weight", "0.bias", "1.weight", "2.weight", "first", "all but one"]
)
def test_what_is_frozen_stays(frozen, level):
    def net():
        made = nn.Sequential(nn.Dense(50, 40), nn.PReLU(), nn.Dense(40, 30), nn.ReLU(),
                             nn.Dense(30, 10))  # fmt: skip
        for name, p in made.named_parameters():
            is_first, is_one = name < "2", name == "2.bias"
            chosen = {"first": is_first, "all but one": not is_one}.get(frozen, name == frozen)
            p.requires_grad = not chosen
        return made

    def optimizer(parameters):
        kept = list(parameters)
        frozen = [p for p in kept if not p.requires_grad]
        for p in frozen:
            p.requires_grad = True
        made = OPTIMIZERS["adam"](kept)
        for p in frozen:
            p.requires_grad = False
        return made

    assert_same_bits(net, optimizer)


def test_any_iterable_of_batches_will_do():
    net = nn.MLP([2, 3, 2])
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1))
    x = np.ones((4, 2), np.float32)
    assert step.epoch([(x, [0, 1, 0, 1]), (x, [1, 1, 1, 1])]).shape == (2,)
    assert step.epoch([]).shape == (0,)


# ---- Errors -------------------------------------------------------------------------------------


def test_errors_come_before_anything_is_changed():
    x, y = pixels()
    net = nn.MLP([50, 20, 10])
    before = net.state_dict()
    optimizer = optim.Adam(net.parameters())
    step = TrainingStep(net, F.cross_entropy, optimizer)
    y[60] = 10
    with pytest.raises(minidl.ArgumentError, match=r"labels from 0 to 9, got 10 at index 60"):
        step.epoch(data.batches(x, y, 16))
    with pytest.raises(minidl.ShapeError, match=r"dense: expected x of shape \(batch, 50\)"):
        step.epoch(data.batches(x[:, :40], pixels()[1], 16))
    optimizer.param_groups[0]["eps"] = -1
    with pytest.raises(minidl.ArgumentError, match="eps"):
        step.epoch(data.batches(*pixels(), 16))
    assert all((p.data == before[name]).all() for name, p in net.named_parameters())
    assert optimizer.state_dict()["parameters.0.steps"] == 0
    with pytest.raises(minidl.ArgumentError, match="TrainingStep: expected an optimiser"):
        TrainingStep(net, F.cross_entropy, net.parameters())


def spoilt(y, value):
    y = y.astype(float)
    y[60] = value
    return y


@pytest.mark.parametrize(
    ("loss", "y", "error", "message"),
    [
        (F.mse, SOFT[:, :3], minidl.ShapeError, r"mse: .* shape \(90, 10\), got \(90, 3\)"),
        (F.huber, SOFT[:, 0], minidl.ShapeError, r"huber: .* shape \(90, 10\), got \(90,\)"),
        (BCE, spoilt(SOFT, 1.5), minidl.ArgumentError, "binary_.*: expected targets from 0 to 1"),
        (BCE, spoilt(SOFT, np.nan), minidl.ArgumentError, "expected targets from 0 to 1"),
        (F.hinge, SOFT, minidl.ArgumentError, r"hinge: expected targets -1 and \+1"),
        (F.multi_margin, spoilt(pixels()[1], 10), minidl.ArgumentError, "10.0 at index 60"),
        (F.multi_margin, spoilt(pixels()[1], 0.5), minidl.DTypeError, "0.5 at index 60"),
        (F.cross_entropy, spoilt(SOFT, -1), minidl.ArgumentError, "soft targets .* index 60, 0"),
        (partial(F.cross_entropy, weight=[1, 2]), pixels()[1], minidl.ShapeError, "weight of"),
    ],
)
def test_wrong_targets_are_found_before_anything_is_trained(loss, y, error, message):
    net = nn.MLP([50, 10])
    before = net.state_dict()
    step = TrainingStep(net, loss, optim.SGD(net.parameters(), 0.1))
    with pytest.raises(error, match=message):
        step.epoch(data.batches(pixels()[0], y, 16))
    assert all((p.data == before[name]).all() for name, p in net.named_parameters())


def test_a_graph_from_before_the_epoch_is_refused():
    net = nn.MLP([50, 20, 10])
    x, y = pixels()
    loss = F.cross_entropy(net(x.astype("float32")), y)
    TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1)).epoch(
        data.batches(x, y, 16)
    )
    with pytest.raises(minidl.GraphError, match="changed in place"):
        loss.backward()


def test_a_diverged_net_gives_nan_and_no_crash():
    net = nn.MLP([50, 20, 10])
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 1e30))
    losses = [step.epoch(data.batches(*pixels(), 16)) for _ in range(2)]
    assert not np.isfinite(losses[-1]).any()
