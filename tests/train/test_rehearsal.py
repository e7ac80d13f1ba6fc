"""What cannot be right is told before the first step, and leaves everything as it was."""

from functools import partial

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, schedules, train
from minidl import functional as F

RNG = np.random.default_rng(6)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
WRONG = Y.copy()
WRONG[41] = 2  # a label that is not there, in a late batch


def net():
    minidl.manual_seed(1)
    return nn.Sequential(
        nn.Dense(4, 6), nn.BatchNorm(6), nn.Tanh(), nn.Dropout(0.3), nn.Dense(6, 2)
    )  # fmt: skip


def plain():
    """A net that the kernel trains."""
    minidl.manual_seed(1)
    return nn.MLP([4, 6, 2], "tanh", dropout=0.3)


def state(model, optimizer, *batches):
    """All that may not change."""
    arrays = {**model.state_dict(), **optimizer.state_dict()}
    return {
        "arrays": {name: np.asarray(value).tobytes() for name, value in arrays.items()},
        "rates": [group["lr"] for group in optimizer.param_groups],
        "modes": [layer.training for layer in model.layers_within()],
        "grads": [p.grad for p in model.parameters()],
        "random": (model.random_state(), minidl.random.random_state()),
        "epochs": [one.epoch for one in batches],
    }


def own(outputs, y):
    """A loss that the kernel does not know."""
    return F.cross_entropy(outputs, y)


def text(y, outputs):
    return "good"


def broken(y, outputs):
    return {}["missing"]


def other_schedule():
    return schedules.Schedule(optim.SGD(nn.Dense(1, 1).parameters(), 0.1), schedules.cosine(9))


class Once:
    """Gives one batch, and then what is none."""

    def __init__(self, batch):
        self.batch, self.begun = batch, 0

    def __iter__(self):
        self.begun += 1
        yield self.batch


VALID = {"validation": (X, Y)}
FAULTS = {
    # of the training data
    "width": ({"data": (X[:, :3], Y)}, "dense"),
    "a late label": ({"data": (X, WRONG)}, "labels from 0 to 1, got 2 at index 41"),
    "a late label in a list": (
        {"data": [(X[:25], Y[:25]), (X[25:], WRONG[25:])]},
        "labels from 0 to 1, got 2 at index 16",
    ),
    "a late dict": ({"data": [(X, Y), {"x": X, "y": Y}]}, "got a dict of 'x', 'y'"),
    "a class weight too many": ({"loss": partial(F.cross_entropy, weight=[1.0] * 3)}, "weight"),
    "a loss's option": ({"loss": partial(F.cross_entropy, wight=[1.0] * 2)}, "wight"),
    "a reduction": ({"loss": partial(F.cross_entropy, reduction="none")}, "of one number"),
    "a loss that is an array": ({"loss": lambda o, y: o.detach().numpy().mean()}, "a tensor of"),
    "a loss without a gradient": ({"loss": lambda o, y: o.detach().mean()}, "has a gradient"),
    "a single row at last": ({"data": (X[:49], Y[:49]), "batch_size": 16}, "2 rows or more"),
    "a generator": ({"data": ((X, Y) for _ in range(2)), "epochs": 2}, "every epoch.*list"),
    "batches of one's own": ({"data": Once((X, WRONG))}, "labels from 0 to 1"),
    # of the validation
    "validation's width": ({"validation": (X[:, :3], Y)}, "dense"),
    "validation's dtype": ({"validation": (X > 0, Y)}, "float32 or float64"),
    "validation's label": ({"validation": (X, WRONG)}, "labels from 0 to 1, got 2 at index 41"),
    "validation's length": ({"validation": (X, Y[:-1])}, "50 and 49 rows"),
    "validation's batch": ({"validation": [(X, Y, Y, Y)]}, "got tuple of 4"),
    "validation's labels in a batch": ({"validation": Once((X, WRONG))}, "labels from 0 to 1"),
    "no validation": ({"validation": (X[:0], Y[:0])}, "at least one row"),
    "no batch": ({"validation": []}, "at least one row"),
    "validation once": ({"validation": iter([(X, Y)])}, r"Try: list\(validation\)"),
    # of metrics
    "a metric's name": ({"metrics": ["acc"], **VALID}, "one of accuracy"),
    "a metric that is text": ({"metrics": [text], **VALID}, "metric text: expected a number"),
    "a metric that fails": ({"metrics": [broken], **VALID}, "metric broken: .*KeyError: 'missing'"),
    "a metric of two classes": ({"metrics": ["r2"], **VALID}, "r2: expected outputs of y's shape"),
    # of callbacks
    "no such column": ({"callbacks": [train.EarlyStopping("los", mode="min")]}, "columns epoch"),
    "no validation to watch": ({"callbacks": [train.EarlyStopping()]}, r"validation=\(x, y\)"),
    "no such metric": (
        {"callbacks": [train.EarlyStopping("validation_f1")], **VALID}, r"metrics=\['f1'\]"
    ),
    "no number to watch": (
        {
            "callbacks": [train.EarlyStopping("validation_confusion_matrix", mode="min")],
            "metrics": ["confusion_matrix"],
            **VALID,
        },
        "a number in one of the columns",
    ),
    # of the rest
    "a schedule of another": ({"schedule": other_schedule()}, "schedule"),
    "a schedule of no numbers": ({"schedule": lambda t: "fast"}, "factor"),
    "no schedule": ({"schedule": 0.1}, "a function of the step"),
    "a batch size": ({"batch_size": 2.5}, "batch_size"),
    "epochs": ({"epochs": "3"}, "epochs"),
    "a seed": ({"seed": -1}, "seed"),
}  # fmt: skip


@pytest.mark.parametrize("make", [net, plain], ids=["loop", "kernel"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_before_anything_is_changed(fault, make, tmp_path):
    arguments, message = FAULTS[fault]
    if fault == "a single row at last" and make is plain:
        return  # which has no batch normalisation
    model = make()
    model[0].eval()
    optimizer = optim.Adam(model.parameters(), 0.1)
    checkpoint = train.Checkpoint(tmp_path)
    given = {
        "data": data.batches(X, Y, 16, shuffle=True, seed=1), "loss": own, "progress": False,
        "schedule": schedules.warmup(10), "epochs": 3, **arguments,
    }  # fmt: skip
    if "batch_size" in given or "seed" in given:
        given["data"] = arguments.get("data", (X, Y))
    if fault.startswith("a late label"):
        given["loss"] = F.cross_entropy
    given["callbacks"] = [*given.get("callbacks", ()), checkpoint]
    batches = [given["data"]] if isinstance(given["data"], data.Batches) else []
    before = state(model, optimizer, *batches)
    with pytest.raises((minidl.MinidlError, TypeError), match=message):
        train.fit(model, optimizer=optimizer, **given)
    assert state(model, optimizer, *batches) == before
    if fault != "batches of one's own":  # whose first batch comes when the epoch begins
        assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("")
    model = net()
    optimizer = optim.Adam(model.parameters(), 0.1)
    before = state(model, optimizer)
    with pytest.raises(OSError, match="file"):
        train.fit(model, (X, Y), own, optimizer, progress=False,
                  callbacks=[train.Checkpoint(taken)], schedule=schedules.warmup(5))  # fmt: skip
    assert state(model, optimizer) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"monitor": "val_loss"}, "Try: monitor='validation_loss'"),
        ({"monitor": "val_my_score"}, "Try: monitor='validation_my_score'"),
        ({"monitor": ["loss"]}, "the name of a column"),
        ({"monitor": "validation_top_error"}, "mode='min' or mode='max'"),
        ({"patience": 1.5}, "patience"),
        ({"min_delta": "0"}, "min_delta"),
    ],
)
def test_a_callback_of_wrong_arguments(arguments, message):
    with pytest.raises(minidl.ArgumentError, match=message):
        train.EarlyStopping(**arguments)


def test_what_a_callback_of_ones_own_adds_may_be_watched():
    class Adds(train.Callback):
        def on_epoch_end(self, run, row):
            row["size"] = row["epoch"]

    stopping = train.EarlyStopping("size", mode="max")
    model = net()
    optimizer = optim.SGD(model.parameters(), 0.1)
    given = {"progress": False, "callbacks": [Adds(), stopping]}
    train.fit(model, (X, Y), own, optimizer, 2, **given)
    assert stopping.best == 2


class Counting:
    """Batches whose order follows from how often they were begun."""

    def __init__(self):
        self.begun = 0

    def __iter__(self):
        self.begun += 1
        order = np.random.default_rng(self.begun).permutation(50)
        order = order[minidl.random.generator().permutation(50)]
        return ((X[rows], Y[rows]) for rows in np.split(order, 5))


@pytest.mark.parametrize("given", [Counting, lambda: iter(Counting())], ids=["object", "generator"])
def test_trying_a_batch_leaves_the_bits_as_they_are(given):
    """Neither batches nor random numbers are used up, nor moving averages moved."""
    epochs = 1 if given is not Counting else 2
    by_hand = net()
    optimizer = optim.Adam(by_hand.parameters(), 0.1)
    step = TrainingStep(by_hand, own, optimizer)
    batches = given()
    losses = [step.epoch(batches).mean() for _ in range(epochs)]

    model = net()
    adam = optim.Adam(model.parameters(), 0.1)
    batches = given()
    history = train.fit(model, batches, own, adam, epochs, progress=False,
                        validation=[(X, Y)], metrics=["accuracy"])  # fmt: skip
    assert history["loss"] == losses
    assert state(model, adam) == state(by_hand, optimizer)


def test_an_undisturbed_metric_sees_all_targets_and_as_many_outputs():
    seen = []

    def metric(y, outputs):
        seen.append((y.tolist(), outputs.shape))
        return 0

    model = net()
    train.fit(model, (X, Y), own, optim.SGD(model.parameters(), 0.1), progress=False,
              validation=(X, Y), metrics=[metric])  # fmt: skip
    assert seen == [(Y.tolist(), (50, 2))] * 2


def test_a_batch_is_tried_with_as_many_rows_as_it_has():
    """A loss may have a weight for each of them."""
    x, y = np.tile(X, (10, 1)), np.tile(Y, 10)
    loss = partial(F.cross_entropy, sample_weight=np.ones(250))
    model = net()
    train.fit(model, (x, y), loss, optim.SGD(model.parameters(), 0.1), progress=False,
              guards=False, batch_size=250)  # fmt: skip


def test_sorted_classes_of_which_one_does_not_count_are_trained():
    """Of the first rows alone the mean would be 0 / 0."""
    order = np.argsort(Y, kind="stable")
    loss = partial(F.cross_entropy, weight=[0.0, 1.0])
    model = net()
    history = train.fit(model, (X[order], Y[order]), loss, optim.SGD(model.parameters(), 0.1),
                        progress=False, seed=0, batch_size=16)  # fmt: skip
    assert np.isfinite(history["loss"]).all()
