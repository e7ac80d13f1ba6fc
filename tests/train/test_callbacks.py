"""The callbacks beside Checkpoint: what each does, by formulas and other programs' readers, and
that a training that was cut off and resumed comes to the same bits."""

import csv
import sys

import numpy as np
import pytest
from cut import CutAfter, CutError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import minidl
from minidl import checkpoint, nn, optim, schedules, train
from minidl import functional as F

RNG = np.random.default_rng(3)
X = RNG.normal(size=(45, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def new_net(batch_norm=False):
    minidl.manual_seed(6)
    layers = [nn.BatchNorm(6)] if batch_norm else []
    return nn.Sequential(nn.Dense(4, 6), *layers, nn.Tanh(), nn.Dropout(0.2), nn.Dense(6, 2))


def trained(
    *callbacks, net=None, epochs=4, rate=0.1, given=(X, Y), loss=F.cross_entropy, **options
):
    """The net's bits, the history and the rates."""
    net = net or new_net()
    optimizer = optim.SGD(net.parameters(), rate, momentum=0.9)
    if isinstance(given, tuple):
        options = {"batch_size": 9, "validation": (X, Y)} | options
    history = train.fit(net, given, loss, optimizer, epochs, callbacks=callbacks,
                        progress=False, guards=False, **options)  # fmt: skip
    bits = {name: array.tobytes() for name, array in net.state_dict().items()}
    return bits, history.rows, optimizer.lr


class Column(train.Callback):
    """Adds a column of these values."""

    def __init__(self, values, name="score"):
        self.values, self.name = values, name

    def on_epoch_end(self, run, row):
        row[self.name] = self.values[row["epoch"] - 1]


# ---- Resuming -----------------------------------------------------------------------------------

MAKERS = {
    "ReduceOnPlateau": lambda folder: train.ReduceOnPlateau(patience=1, min_delta=0.05),
    "WeightAverage": lambda folder: train.WeightAverage(),
    "WeightAverage, every 2": lambda folder: train.WeightAverage(0.7, every_steps=2, start=2),
    "BestWeights": lambda folder: train.BestWeights(folder / "best"),
    "CSVLogger": lambda folder: train.CSVLogger(folder / "csv"),
}


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("kind", MAKERS)
def test_cut_and_resumed(kind, tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    expected = trained(MAKERS[kind](whole), net=new_net(batch_norm=True))
    for cut in (1, 10):
        folder = tmp_path / str(cut)
        folder.mkdir()
        saving = train.Checkpoint(folder / "run", every_steps=3)
        for last in (CutAfter(cut), CutAfter(cut + 5), None):
            more = [] if last is None else [last]
            arguments = MAKERS[kind](folder), saving, *more
            if last is None:
                found = trained(*arguments, net=new_net(batch_norm=True), resume=True)
            else:
                with pytest.raises(CutError):
                    trained(*arguments, net=new_net(batch_norm=True), resume=True)
        assert found == expected, cut
        assert written(folder) == written(whole), cut


def plain(outputs, y):
    """A loss that the kernel does not know."""
    return F.cross_entropy(outputs, y)


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_bits_in_the_kernel_and_in_the_loop(kind, tmp_path):
    found = []
    for number, options in enumerate(
        (
            {"shuffle": False},
            {"shuffle": False, "loss": plain},
            {"given": [(X[i : i + 9], Y[i : i + 9]) for i in range(0, 45, 9)],
             "validation": (X, Y)},
        )
    ):  # fmt: skip
        folder = tmp_path / str(number)
        folder.mkdir()
        net = new_net(batch_norm=True)
        bits, _, rate = trained(MAKERS[kind](folder), net=net, **options)
        files = written(folder)
        files.pop("csv", None)  # the loop rounds losses to single precision
        found.append((bits, rate, files))
    assert found[0] == found[1] == found[2]


# ---- ReduceOnPlateau ----------------------------------------------------------------------------


def reduced(values, factor, patience, min_delta, lowest, sign, rate):
    """The rates after each epoch, as Keras describes them: `wait` counts epochs that are not
    better."""
    best, wait, rates = None, 0, []
    for value in values:
        if best is None or sign * (value - best) > min_delta:
            best, wait = value, 0
        else:
            wait += 1
            if wait >= patience:
                rate, wait = max(rate * factor, min(lowest, rate)), 0
        rates.append(rate)
    return rates


@pytest.mark.parametrize("seed", range(12))
def test_rates_on_a_plateau(seed):
    random = np.random.default_rng(seed)
    values = random.normal(size=15).round(1).tolist()
    factor, lowest = random.uniform(0.1, 0.9), random.choice([0.0, 0.01, 0.5])
    patience, min_delta = int(random.integers(1, 5)), random.choice([0.0, 0.5])
    mode = random.choice(["min", "max"])
    plateau = train.ReduceOnPlateau("score", factor, patience, min_delta, lowest, mode)
    rates = []
    seen = train.Lambda(on_epoch_end=lambda run, row: rates.append(run.lr))
    trained(Column(values), plateau, seen, epochs=15)
    sign = 1 if mode == "max" else -1
    assert rates == reduced(values, factor, patience, min_delta, lowest, sign, 0.1)


def test_a_schedule_beside_a_plateau_is_refused():
    net = new_net()
    before = net.state_dict()
    with pytest.raises(minidl.ArgumentError, match="no schedule, which sets the rates"):
        trained(train.ReduceOnPlateau(), net=net, schedule=schedules.cosine(9))
    assert all((before[name] == array).all() for name, array in net.state_dict().items())


def test_a_step_of_a_smaller_rate_that_diverges_is_undone(monkeypatch):
    """The way back knows that the rate may change between epochs."""
    x = X.copy()
    x[40] = np.inf
    nets = []
    for plateau in ([], [train.ReduceOnPlateau("loss", patience=1, min_delta=9.0)]):
        net = new_net()
        with pytest.raises(minidl.DivergedError):
            trained(*plateau, net=net, given=Epochs([(X, Y)] * 3, [(x, Y)]), epochs=4)
        nets.append(net)
    assert nets[0][0].weight.data.tobytes() != nets[1][0].weight.data.tobytes()
    by_hand = new_net()
    optimizer = optim.SGD(by_hand.parameters(), 0.1, momentum=0.9)
    step = minidl.TrainingStep(by_hand, F.cross_entropy, optimizer)
    for rate in (0.1, 0.1, 0.01):
        optimizer.param_groups[0]["lr"] = rate
        step.on_batches([(X, Y)])
    assert nets[1][0].weight.data.tobytes() == by_hand[0].weight.data.tobytes()


class Epochs:
    """One batch for each epoch."""

    def __init__(self, good, bad):
        self.batches = [*good, *bad]

    def __iter__(self):
        yield self.batches.pop(0)


# ---- WeightAverage ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(16))
def test_the_average_of_weights(seed):
    random = np.random.default_rng(seed)
    decay = random.choice([None, 0.0, 0.5, 0.9])
    every, start = random.choice([None, 1, 2, 3, 7]), int(random.integers(1, 4))
    accumulate = int(random.choice([1, 1, 2]))
    kept = []  # (step, epoch, is the epoch's end, weights)

    def keep(run, is_end):
        kept.append((run.step, run.epoch, is_end, run.model[0].weight.data.astype(np.float64)))

    seen = train.Lambda(
        on_steps=lambda run, losses: keep(run, False), on_epoch_end=lambda run, row: keep(run, True)
    )
    average = train.WeightAverage(decay, every, start)
    net = new_net()
    trained(average, seen, net=net, accumulate=accumulate)
    taken, before = [], 0
    for step, epoch, is_end, weights in kept:
        if every is None:
            is_due = is_end
        else:
            is_due = not is_end and step // every > before // every
            before = step
        if is_due and epoch >= start:
            taken.append(weights)
    assert average.count == len(taken) > 0
    if decay is None:
        expected = np.mean(taken, axis=0)
    else:
        shares = (1 - decay) * decay ** np.arange(len(taken) - 1.0, -1, -1)
        shares[0] = decay ** (len(taken) - 1.0)
        expected = np.tensordot(shares, taken, 1)
    np.testing.assert_allclose(net[0].weight.data, expected, rtol=1e-6, atol=1e-7)


def test_batch_normalisation_of_the_average():
    """Its running averages are those of the averaged weights over the training data."""
    net = new_net(batch_norm=True)
    trained(train.WeightAverage(), net=net)
    z = X.astype(np.float64) @ net[0].weight.data + net[0].bias.data
    batches = z.reshape(5, 9, 6)
    np.testing.assert_allclose(net[1].running_mean, batches.mean(1).mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(net[1].running_var, batches.var(1, ddof=1).mean(0), rtol=1e-4)
    assert net[1].momentum == 0.1
    with pytest.raises(minidl.ArgumentError, match="an iterator, which has ended"):
        trained(train.WeightAverage(), net=net, given=iter([(X, Y)]), epochs=1)


def test_nothing_is_averaged_before_its_start():
    assert trained(train.WeightAverage(start=9)) == trained()


def test_two_that_set_the_last_weights_are_refused():
    for other in (train.EarlyStopping(), train.WeightAverage()):
        with pytest.raises(minidl.ArgumentError, match=f"got {type(other).__name__} too"):
            trained(train.WeightAverage(), other)
    trained(train.WeightAverage(), train.EarlyStopping(restore_best=False))


# ---- Files --------------------------------------------------------------------------------------


def test_the_best_weights(tmp_path):
    path = tmp_path / "best.safetensors"
    values = [0.5, 0.9, float("nan"), 0.7]
    kept = []
    seen = train.Lambda(on_epoch_end=lambda run, row: kept.append(run.model.state_dict()))
    best = train.BestWeights(path, "accuracy_of_mine", mode="max")
    trained(Column(values, "accuracy_of_mine"), best, seen)
    net = new_net()
    checkpoint.load_model(net, path)
    assert (best.best, best.best_epoch) == (0.9, 2)
    assert all((kept[1][name] == array).all() for name, array in net.state_dict().items())


def test_the_csv_file_is_the_history(tmp_path):
    path = tmp_path / "run.csv"
    late = train.Lambda(on_epoch_end=lambda run, row: row.update(late=1) if run.epoch > 2 else None)
    options = {"metrics": ["accuracy", "confusion_matrix"]}
    _, rows, _ = trained(late, train.CSVLogger(path), **options)
    with path.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == ["epoch", "loss", "rate", "validation_loss", "validation_accuracy",
                             "late"]  # fmt: skip
    for line, row in zip(read, rows, strict=True):
        assert line.pop("late") == ("1" if row["epoch"] > 2 else "")
        assert all(float(value) == row[name] for name, value in line.items())


def scalars(folder):
    """All scalars as TensorBoard reads them, by name: (step, value)."""
    reader = EventAccumulator(str(folder))
    reader.Reload()
    names = reader.Tags()["scalars"]
    return {name: [(e.step, e.value) for e in reader.Scalars(name)] for name in names}


def test_tensorboard_reads_the_history(tmp_path):
    _, rows, _ = trained(train.TensorBoard(tmp_path), metrics=["accuracy", "confusion_matrix"])
    found = scalars(tmp_path)
    assert sorted(found) == ["loss", "rate", "validation_accuracy", "validation_loss"]
    for name, points in found.items():
        assert points == [(row["epoch"], np.float32(row[name])) for row in rows]


def test_tensorboard_drops_what_is_trained_again(tmp_path):
    expected = trained(train.TensorBoard(tmp_path / "whole"))
    saving = train.Checkpoint(tmp_path / "run", every_steps=100)

    class CutBetween(train.Callback):  # after the epoch's event, before its checkpoint
        def on_epoch_end(self, run, row):
            if row["epoch"] == 3:
                raise CutError

    with pytest.raises(CutError):
        trained(train.TensorBoard(tmp_path / "cut"), CutBetween(), saving)
    assert trained(train.TensorBoard(tmp_path / "cut"), saving, resume=True) == expected
    assert scalars(tmp_path / "cut") == scalars(tmp_path / "whole")


def test_without_tensorboard(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto", None)
    with pytest.raises(minidl.MissingPackageError, match=r"pip install 'minidl\[tensorboard\]'"):
        train.TensorBoard(tmp_path)


# ---- Timer and Lambda ---------------------------------------------------------------------------


class Clock:
    """A second for each look."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1
        return self.now


def test_a_timer_counts_over_a_resume(monkeypatch, tmp_path):
    monkeypatch.setattr("minidl.train.stopping.perf_counter", Clock())
    monkeypatch.setattr("minidl.train.feed.SECONDS", 0)  # pieces of one step: 5 looks and 1
    saving = train.Checkpoint(tmp_path, every_steps=1)
    timer = train.Timer(9)
    with pytest.raises(CutError):
        trained(timer, saving, CutAfter(3))
    assert timer.used == 3
    again = train.Timer(9)
    net = new_net()
    optimizer = optim.SGD(net.parameters(), 0.1, momentum=0.9)
    history = train.fit(net, (X, Y), F.cross_entropy, optimizer, 4, callbacks=[again, saving],
                        progress=False, guards=False, batch_size=9, resume=True)  # fmt: skip
    assert history.stopped == "9 seconds are over"
    assert (len(history), again.used) == (1, 9)  # steps 4, 5, the epoch's end, and 3 steps more


def test_a_lambda_may_do_what_a_callback_may():
    """Columns for others, and rates: the way back knows it."""
    stopping = train.EarlyStopping("mine", patience=1, mode="min", restore_best=False)
    add = train.Lambda(on_epoch_end=lambda run, row: row.update(mine=row["epoch"]))
    assert len(trained(add, stopping)[1]) == 2
    with pytest.raises(minidl.ArgumentError, match="functions for on_train_begin.*got on_epoch="):
        train.Lambda(on_epoch=print)
    with pytest.raises(minidl.ArgumentError, match="got on_steps=3"):
        train.Lambda(on_steps=3)


# ---- Arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: train.ReduceOnPlateau(factor=1.0), "factor: a number between 0 and 1"),
        (lambda: train.ReduceOnPlateau(patience=0), "patience: a whole number"),
        (lambda: train.ReduceOnPlateau(lowest=-1), "lowest: a rate from 0 up"),
        (lambda: train.ReduceOnPlateau("val_loss"), "monitor='validation_loss'"),
        (lambda: train.BestWeights("a", min_delta=-1), "BestWeights: expected min_delta"),
        (lambda: train.BestWeights(3), "a path"),
        (lambda: train.WeightAverage(1.0), "decay: a number from 0 to below 1"),
        (lambda: train.WeightAverage(every_steps=0), "every_steps: a whole number"),
        (lambda: train.WeightAverage(start=0), "start: a whole number"),
        (lambda: train.Timer(0), "a finite number above 0"),
        (lambda: train.Timer(float("inf")), "a finite number above 0"),
    ],
)
def test_arguments_are_refused(make, match):
    with pytest.raises(minidl.ArgumentError, match=match):
        make()


def test_columns_and_files_are_checked_before_the_first_step(tmp_path):
    net = new_net()
    before = net.state_dict()
    for callback, error in (
        (train.ReduceOnPlateau("validation_f1"), "metrics=..f1"),
        (train.BestWeights(tmp_path / "w", "validation_f1"), "metrics=..f1"),
        (train.BestWeights(tmp_path, "loss"), "Is a directory"),
        (train.CSVLogger(tmp_path), "Is a directory"),
    ):
        with pytest.raises((minidl.ArgumentError, OSError), match=error):
            trained(callback, net=net)
    assert all((before[name] == array).all() for name, array in net.state_dict().items())
    assert not list(tmp_path.iterdir())
