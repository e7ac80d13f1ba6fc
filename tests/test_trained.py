"""An optimiser trains the net that it is used with, or says that it does not."""

import copy
import warnings

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, schedules, train
from minidl import functional as F
from minidl.step.firing import Firing

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 24)
RULES = [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    lambda p: optim.AdamW(p, lr=0.1),
    lambda p: optim.RMSprop(p, lr=0.1, weight_decay=0.1),
    lambda p: optim.Adagrad(p, lr=0.1),
]


def own_loss(outputs, y):
    """A loss that the kernel does not know."""
    return F.cross_entropy(outputs, y)


def written_out(net, loss, optimizer):
    """The loop, for one epoch."""
    for x, y in data.batches(X, Y, 8):
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()


def fitted(net, loss, optimizer, **more):
    train.fit(net, (X, Y), loss, optimizer, batch_size=8, shuffle=False, progress=False, **more)


USES = {
    "call": lambda net, loss, optimizer: TrainingStep(net, loss, optimizer)(X, Y),
    "epoch": lambda *a: TrainingStep(*a).epoch(data.batches(X, Y, 8)),
    "list": lambda *a: TrainingStep(*a).epoch([(X, Y)]),
    "rows": lambda *a: TrainingStep(*a).on_rows(data.batches(X, Y, 8), np.arange(24)),
    "fit": fitted,
}
EVERY_USE = pytest.mark.parametrize("use", USES.values(), ids=USES)


def bits(net):
    return [p.data.tobytes() for p in net.parameters()]


def replaced(net):
    """The net with other parameters."""
    for layer in net:
        for name, p in list(vars(layer).items()):
            if isinstance(p, nn.Parameter):
                setattr(layer, name, nn.Parameter(p.data.copy()))


@EVERY_USE
@pytest.mark.parametrize("loss", [F.cross_entropy, own_loss])
@pytest.mark.parametrize("how", ["other", "copy", "replaced"])
def test_an_optimizer_of_other_parameters_is_refused(use, loss, how):
    net = nn.MLP([5, 8, 3])
    of = {"other": nn.MLP([5, 8, 3]), "copy": copy.deepcopy(net), "replaced": net}[how]
    optimizer = optim.SGD(of.parameters(), lr=0.1)
    if how == "replaced":
        replaced(net)
    before = bits(net), bits(of)
    with pytest.raises(minidl.ArgumentError, match="an optimiser of this net's parameters"):
        use(net, loss, optimizer)
    assert (bits(net), bits(of)) == before


@EVERY_USE
@pytest.mark.parametrize("loss", [F.cross_entropy, own_loss])
def test_what_an_optimizer_leaves_out_is_told_once_unless_it_is_frozen(use, loss):
    for is_frozen in (False, True):
        net = nn.MLP([5, 8, 8, 3])
        optimizer = optim.SGD(net[4].parameters(), lr=0.1)
        for p in [*net[0].parameters(), *net[2].parameters()]:
            p.requires_grad = not is_frozen
        kept = bits(net)[:4]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            use(net, loss, optimizer)
        told = [one for one in caught if "want a gradient" in str(one.message)]
        assert len(told) == len(caught) == (not is_frozen)
        if told:
            assert told[0].category is minidl.GuardWarning
            assert "without 0.weight, 0.bias, 2.weight, 2.bias." in str(told[0].message)
        assert bits(net)[:4] == kept


def test_a_parameter_that_is_replaced_between_epochs_is_told():
    net = nn.MLP([5, 8, 3])
    optimizer = optim.SGD(net.parameters(), lr=0.1)
    step = TrainingStep(net, F.cross_entropy, optimizer)
    step.epoch(data.batches(X, Y, 8))
    net[2].weight = nn.Parameter(np.zeros((8, 3), np.float32))
    with pytest.warns(minidl.GuardWarning, match=r"without 2\.weight\."):
        step.epoch(data.batches(X, Y, 8))


@pytest.mark.parametrize("change", ["weight", "optimizer", "schedule", "firing", "net"])
def test_what_is_replaced_between_calls_is_looked_at_again(change):
    net, other = nn.MLP([5, 8, 3]), nn.MLP([5, 8, 3])
    optimizer, of_other = (optim.SGD(one.parameters(), lr=0.1) for one in (net, other))
    step = TrainingStep(net, F.cross_entropy, optimizer)
    step(X, Y)
    before = bits(net), bits(other), of_other.lr
    if change == "weight":
        net[2].weight = nn.Parameter(np.zeros((8, 3), np.float32))
        with pytest.warns(minidl.GuardWarning, match=r"without 2\.weight\."):
            step(X, Y)
        return
    changes = {"optimizer": of_other, "firing": Firing(other), "net": other}
    changes["schedule"] = schedules.Schedule(of_other, schedules.cosine(10))
    setattr(step, change, changes[change])
    with pytest.raises(minidl.ArgumentError, match="TrainingStep: expected"):
        step(X, Y)
    assert (bits(net), bits(other), of_other.lr) == before


def test_groups_may_be_added_until_the_first_step():
    net = nn.MLP([5, 8, 3])
    optimizer = optim.SGD(net[0].parameters(), lr=0.1)
    step = TrainingStep(net, F.cross_entropy, optimizer)
    optimizer.add_param_group({"params": list(net[2].parameters())})
    step(X, Y)


def test_a_net_without_parameters_of_its_own_may_be_trained_by_what_its_loss_has():
    scale = minidl.tensor([1.0], requires_grad=True)
    step = TrainingStep(
        nn.Identity(), lambda x, y: ((x * scale) ** 2).mean(), optim.SGD([scale], 0.1)
    )
    step(X, Y)
    assert scale.item() < 1


def test_nothing_is_saved_of_a_training_that_is_refused(tmp_path):
    net, other = nn.MLP([5, 8, 3]), nn.MLP([5, 8, 3])
    with pytest.raises(minidl.ArgumentError):
        fitted(net, F.cross_entropy, optim.SGD(other.parameters(), lr=0.1),
               callbacks=[train.Checkpoint(tmp_path)])  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["other", "factor"])
def test_a_schedule_of_another_optimizer_is_refused(given):
    net = nn.MLP([5, 8, 3])
    first, second = (optim.SGD(net.parameters(), lr=0.1) for _ in range(2))
    factor = schedules.cosine(10)
    schedule = schedules.Schedule(first, factor) if given == "other" else factor
    with pytest.raises(minidl.ArgumentError, match="a schedule of this optimiser"):
        TrainingStep(net, F.cross_entropy, second, schedule)
    if given == "other":
        with pytest.raises(minidl.ArgumentError, match="a schedule of this optimiser"):
            fitted(net, F.cross_entropy, second, schedule=schedule)


def test_notes_of_what_fires_in_another_net_are_refused():
    """They would have that net called in the place of this one."""
    net, other = nn.MLP([5, 8, 3]), nn.MLP([5, 8, 3])
    for loss in (F.cross_entropy, own_loss):
        step = TrainingStep(net, loss, optim.SGD(net.parameters(), lr=0.1))
        step.firing = Firing(other)
        with pytest.raises(minidl.ArgumentError, match="firing of its own net"):
            step(X, Y)


# ---- Frozen parameters --------------------------------------------------------------------------


@pytest.mark.parametrize("train_by", [written_out, USES["epoch"], fitted])
@pytest.mark.parametrize("rule", RULES)
def test_frozen_parameters_are_passed_over(train_by, rule):
    """To the bit of an optimiser that never had them; and learn once they are thawed."""
    made = nn.MLP([5, 8, 3])
    nets = [made, copy.deepcopy(made)]
    for net in nets:
        net[0].weight.grad = minidl.tensor(np.ones((5, 8), np.float32))  # left from before
        net[0].weight.requires_grad = False
    with_all = rule(nets[0].parameters())
    train_by(nets[0], F.cross_entropy, with_all)
    train_by(nets[1], F.cross_entropy, rule([p for p in nets[1].parameters() if p.requires_grad]))
    assert bits(nets[0]) == bits(nets[1])
    assert bits(nets[0])[0] == bits(made)[0]
    assert with_all.state_dict()["parameters.0.steps"] == 0
    nets[0][0].weight.requires_grad = True
    before = bits(nets[0])[0]
    train_by(nets[0], F.cross_entropy, with_all)
    assert bits(nets[0])[0] != before


def test_what_is_left_of_a_frozen_gradient_takes_no_part_in_a_norm():
    a, b = (minidl.tensor([0.0], requires_grad=True) for _ in range(2))
    a.grad, b.grad = minidl.tensor([3.0]), minidl.tensor([4.0])
    a.requires_grad = False
    assert optim.clip_grad_norm([a, b], 2.0) == 4.0
    assert (a.grad.item(), b.grad.item()) == (3.0, pytest.approx(2.0, rel=1e-6))


# ---- Nothing to step by -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use", [lambda o, p: o.step(), lambda o, p: optim.clip_grad_norm(p, 1.0)], ids=["step", "clip"]
)
def test_a_loop_whose_gradients_are_another_nets_is_told(use):
    net, other = nn.MLP([5, 8, 3]), nn.MLP([5, 8, 3])
    optimizer = optim.Adam(other.parameters())
    F.cross_entropy(net(X), Y).backward()
    with pytest.warns(minidl.GuardWarning, match=r"got none. Try: loss.backward\(\) first"):
        use(optimizer, list(other.parameters()))


def test_a_step_of_what_is_all_frozen_says_nothing():
    net = nn.MLP([5, 8, 3])
    optimizer = optim.Adam(net.parameters())
    for p in net.parameters():
        p.requires_grad = False
    optimizer.step()


@pytest.mark.parametrize("train_by", [written_out, *USES.values()])
@pytest.mark.parametrize("loss", [F.cross_entropy, own_loss])
def test_an_optimizer_made_before_the_net_was_converted_is_refused(train_by, loss):
    """Its kernel would take float32's bytes for float64."""
    for rule in RULES:
        net = nn.MLP([5, 8, 3]).astype(np.float64)
        optimizer = rule(net.parameters())
        net.astype(np.float32)
        before = bits(net)
        with pytest.raises(minidl.DTypeError, match="dtype float64, as it was"):
            train_by(net, loss, optimizer)
        assert bits(net) == before
