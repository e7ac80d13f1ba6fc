"""fit: the bits of TrainingStep, Ctrl-C, evaluation, progress, history."""

import io
import logging
import signal
import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl import TrainingStep, data, nn, optim, schedules, train
from minidl import functional as F

RNG = np.random.default_rng(2)
X = RNG.normal(size=(90, 6)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)


def net(dropout=0.2):
    minidl.manual_seed(4)
    return nn.MLP([6, 16, 2], "tanh", dropout=dropout)


def values(model):
    return [p.data.tobytes() for p in model.parameters()]


def plain(outputs, y):
    """A loss that the kernel does not know."""
    return F.cross_entropy(outputs, y)


class Recorder(train.Callback):
    """Keeps what it was told."""

    def __init__(self):
        self.events, self.losses = [], []

    def on_train_begin(self, run):
        self.events.append("begin")

    def on_epoch_begin(self, run):
        self.events.append(f"epoch {run.epoch}")

    def on_steps(self, run, losses):
        self.losses += losses.tolist()
        self.batch = run.batch

    def on_epoch_end(self, run, row):
        self.events.append(f"end {row['epoch']}, {self.batch} of {run.feed.steps}")

    def on_train_end(self, run):
        self.events.append("end")


# ---- The same bits as the loop ------------------------------------------------------------------


@pytest.mark.parametrize("loss", [F.cross_entropy, plain], ids=["kernel", "loop"])
@pytest.mark.parametrize("kind", ["batches", "pair", "list"])
def test_the_bits_of_training_step(loss, kind, monkeypatch):
    monkeypatch.setattr("minidl.train.feed.SECONDS", 0)  # pieces of one step
    by_hand = net()
    optimizer = optim.Adam(by_hand.parameters(), 0.01)
    plan = schedules.Schedule(optimizer, schedules.cosine(30))
    step = TrainingStep(by_hand, loss, optimizer, plan)
    shuffled = data.batches(X, Y, 16, shuffle=True, seed=7)
    if kind == "list":
        shuffled = [(x.data.copy(), y) for x, y in shuffled]
    expected = [step.epoch(shuffled) for _ in range(3)]

    model = net()
    given = {
        "batches": data.batches(X, Y, 16, shuffle=True, seed=7),
        "pair": (X, Y),
        "list": shuffled,
    }[kind]
    more = {"batch_size": 16, "seed": 7} if kind == "pair" else {}
    recorder = Recorder()
    adam = optim.Adam(model.parameters(), 0.01)
    history = train.fit(
        model, given, loss, adam, 3, schedule=schedules.cosine(30), validation=(X, Y),
        metrics=["accuracy"], callbacks=[recorder], progress=False, **more,
    )  # fmt: skip
    assert values(model) == values(by_hand)
    assert recorder.losses == np.concatenate(expected).tolist()
    assert history["loss"] == [losses.mean() for losses in expected]
    assert history["rate"][-1] == adam.lr == optimizer.lr


def test_many_steps_run_as_one_kernel_call(monkeypatch):
    calls = []
    run = TrainingStep._run

    def counting(self, net_, x, order, labels, batch, steps, **options):
        calls.append(steps)
        return run(self, net_, x, order, labels, batch, steps, **options)

    monkeypatch.setattr(TrainingStep, "_run", counting)
    monkeypatch.setattr("minidl.train.feed.SECONDS", 1e9)
    model = net()
    train.fit(model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 40,
              batch_size=1, progress=False)  # fmt: skip
    assert sum(calls) == 40 * 90
    assert calls[-1] == 90, "the pace has reached an epoch"
    assert calls[:4] == [1, 4, 16, 64]
    assert len(calls) == 40 + 4


def test_the_pace_is_kept_from_epoch_to_epoch(monkeypatch):
    monkeypatch.setattr("minidl.train.feed.SECONDS", 1e9)
    pieces = []

    class Pieces(train.Callback):
        def on_steps(self, run, losses):
            pieces.append(len(losses))

    model = net()
    batches = [(X[i : i + 3], Y[i : i + 3]) for i in range(0, 90, 3)]
    train.fit(model, batches, F.cross_entropy, optim.SGD(model.parameters(), 0.1), 3,
              callbacks=[Pieces()], progress=False)  # fmt: skip
    assert pieces == [1, 4, 16, 9, 30, 30]


def test_events_and_modes():
    model = net()
    model[2].eval()
    modes = [layer.training for layer in model.layers_within()]
    recorder = Recorder()

    class Modes(train.Callback):
        def on_steps(self, run, losses):
            assert all(layer.training for layer in run.model.layers_within())

    def metric(y, outputs):
        assert not any(layer.training for layer in model.layers_within())
        return 1

    history = train.fit(
        model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 2, batch_size=40,
        callbacks=[recorder, Modes()], validation=(X, Y), metrics=[metric], progress=False,
    )  # fmt: skip
    assert recorder.events == [
        "begin",
        "epoch 1",
        "end 1, 3 of 3",
        "epoch 2",
        "end 2, 3 of 3",
        "end",
    ]
    assert [layer.training for layer in model.layers_within()] == modes
    assert history.names == ["epoch", "loss", "rate", "validation_loss", "validation_metric"]


def test_training_learns():
    model = net(dropout=0)
    optimizer = optim.Adam(model.parameters(), 0.02)
    history = train.fit(
        model, (X, Y), F.cross_entropy, optimizer, 60, validation=(X, Y), metrics=["accuracy"],
        progress=False,
    )  # fmt: skip
    assert history["validation_accuracy"][-1] > 0.95
    assert history["validation_loss"][-1] < 0.3 * history["validation_loss"][0]


# ---- Ctrl-C -------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 5, 6, 7])
def test_ctrl_c_ends_after_whole_steps(at):
    """The signal comes in the midst of a step; at 0, as a batch is tried before the first."""
    calls = -1

    def interrupted(outputs, y):
        nonlocal calls
        calls += 1
        if calls == at:
            signal.raise_signal(signal.SIGINT)
        return F.cross_entropy(outputs, y)

    model = net()
    optimizer = optim.Adam(model.parameters(), 0.01)
    recorder = Recorder()
    before = signal.getsignal(signal.SIGINT)
    history = train.fit(model, data.batches(X, Y, 15), interrupted, optimizer, 3, guards=False,
                        callbacks=[recorder], progress=False)  # fmt: skip
    assert history.stopped == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before
    done = len(recorder.losses)
    assert at <= done < 18
    assert len(history) == done // 6, "an epoch that is complete has its row"
    assert recorder.events[-1] == "end"

    by_hand = net()
    step = TrainingStep(by_hand, F.cross_entropy, optim.Adam(by_hand.parameters(), 0.01))
    batches = [(x.data.copy(), y) for x, y in data.batches(X, Y, 15)] * 3
    for x, y in batches[:done]:
        step(x, y)
    assert values(model) == values(by_hand)


def test_a_second_ctrl_c_raises():
    def interrupted(outputs, y):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    model = net()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train.fit(model, (X, Y), interrupted, optim.SGD(model.parameters(), 0.1), guards=False,
                  progress=False)  # fmt: skip
    assert signal.getsignal(signal.SIGINT) is before


def test_others_handlers_of_ctrl_c_stay():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        model = net()

        class Press(train.Callback):
            def on_epoch_begin(self, run):
                signal.raise_signal(signal.SIGINT)

        history = train.fit(
            model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 2,
            callbacks=[Press()], progress=False,
        )  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [1, 1]
    assert history.stopped is None


# ---- Evaluation ---------------------------------------------------------------------------------


def test_predict_is_the_nets_output_in_evaluation_mode():
    model = net(dropout=0.5)
    expected = model.eval()(X).numpy()
    model.train()
    model[1].eval()
    modes = [layer.training for layer in model.layers_within()]
    for size in (1, 7, 90, 1000):
        np.testing.assert_array_equal(train.predict(model, X, batch_size=size), expected)
    assert [layer.training for layer in model.layers_within()] == modes
    assert train.predict(model, X[:0]).shape == (0, 2)
    assert model[2].calls == 0


def test_evaluate_is_the_mean_over_all_rows():
    model = net()
    result = train.evaluate(model, (X, Y), F.cross_entropy, ["accuracy", train.f1], batch_size=17)
    model.eval()
    assert result["loss"] == F.cross_entropy(model(X), Y).item()
    assert result["accuracy"] == (model(X).numpy().argmax(1) == Y).mean()
    same = train.evaluate(model, data.batches(X, Y, 64, shuffle=True, drop_last=True),
                          F.cross_entropy, ["accuracy"])  # fmt: skip
    assert same["loss"] == result["loss"]
    batches = [(X[:50], Y[:50]), (X[50:], Y[50:])]
    assert train.evaluate(model, batches, F.cross_entropy, ["accuracy", train.f1]) == result


def test_pixels_are_evaluated_as_they_are_trained():
    pixels = RNG.integers(0, 256, (20, 6), np.uint8)
    model = net()
    expected = train.predict(model, (pixels / np.float32(255)).astype(np.float32))
    np.testing.assert_allclose(train.predict(model, pixels), expected, atol=1e-6)


# ---- Progress -----------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown_by(monkeypatch, progress, file, epochs=2, **more):
    monkeypatch.setattr(sys, "stderr", file)
    model = net()
    train.fit(model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), epochs,
              progress=progress, validation=(X, Y), **more)  # fmt: skip
    return file.getvalue()


def test_a_line_for_every_epoch(monkeypatch):
    lines = shown_by(monkeypatch, "line", io.StringIO()).splitlines()
    assert len(lines) == 2
    for part in ("epoch 1/2", "loss 0.", "rate 0.1", "validation_loss", "samples/s", "0:00 left"):
        assert part in lines[0]
    monkeypatch.setattr("minidl.train.progress.SECONDS", 0)
    text = shown_by(monkeypatch, "line", Terminal())
    assert text.count("\r") > 2
    assert text.count("\n") == 2


@pytest.mark.parametrize(
    ("pause", "epochs", "shown"),
    [(60, 100, range(1, 101)), (60, 205, [1, *range(3, 205, 3), 205]), (0, 205, range(1, 206))],
)
def test_of_many_short_epochs_there_is_a_line_for_every_so_many(monkeypatch, pause, epochs, shown):
    monkeypatch.setattr("minidl.train.progress.PAUSE", pause)
    lines = shown_by(monkeypatch, "line", io.StringIO(), epochs).splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"epoch {i}/{epochs}" for i in shown]


def test_tqdms_bar(monkeypatch):
    text = shown_by(monkeypatch, True, Terminal())
    for part in ("epoch 2/2", "loss=0.", "rate=0.1", "samples/s", "validation_loss=", "180/180"):
        assert part in text


def test_without_tqdm_there_is_a_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert "epoch 1/2  loss" in shown_by(monkeypatch, True, io.StringIO())


def test_silence(monkeypatch, capsys):
    assert shown_by(monkeypatch, False, io.StringIO()) == ""
    assert capsys.readouterr().out == ""


# ---- History ------------------------------------------------------------------------------------


def history_of(n=30):
    rows = [
        {"epoch": i + 1, "loss": 1 / (i + 3), "validation_loss": 0.1 + 1 / (i + 1), "c": [[1, 2]]}
        for i in range(n)
    ]
    return train.History(rows, [0.5] * n)


def test_a_history_comes_back_from_json_to_the_bit():
    history = history_of()
    history.rows[3]["loss"] = float("nan")
    again = train.History.from_json(history.to_json())
    assert again == history
    assert again.seconds == history.seconds
    assert again["loss"][4] == 1 / 7
    assert again != history_of()
    with pytest.raises(minidl.DataError, match="to_json"):
        train.History.from_json("[]")


def test_a_history_shows_itself():
    text = repr(history_of())
    assert text.splitlines()[0].split() == ["epoch", "loss", "validation_loss"]
    assert text.splitlines()[1].split() == ["1", "0.3333", "1.1"]
    assert "..." in text
    assert text.splitlines()[-1].split()[1].startswith("█▄▃▃▂")  # 0.1 + 1, 1/2, 1/3 ...
    assert "no epoch" in repr(train.History(stopped="interrupted"))
    with pytest.raises(minidl.ArgumentError, match="one of epoch, loss"):
        history_of()["los"]


def test_a_history_draws_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    figure = history_of().plot(tmp_path / "run.png")
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines] == ["loss", "validation_loss"]
    assert axis.lines[0].get_ydata()[0] == 1 / 3
    assert (tmp_path / "run.png").stat().st_size > 1000
    with pytest.raises(minidl.ArgumentError, match="finished"):
        train.History().plot()


# ---- Early stopping -----------------------------------------------------------------------------


class Scripted(train.Callback):
    """Gives the validation loss that a script says."""

    def __init__(self, losses):
        self.losses, self.weights = losses, []

    def on_epoch_end(self, run, row):
        row["validation_loss"] = self.losses[row["epoch"] - 1]
        self.weights.append(values(run.model))


@pytest.mark.parametrize(
    ("losses", "options", "epochs", "best"),
    [
        ([5, 3, 4, 3, 3.5, 1], {"patience": 3}, 5, 2),
        ([5, 3, 2.9, 2.8, 2.7, 2.6], {"patience": 2, "min_delta": 0.5}, 4, 2),
        ([5, float("nan"), 4, float("nan"), float("nan"), 1], {"patience": 2}, 5, 3),
        ([float("nan")] * 6, {"patience": 3}, 3, 0),
        ([1, 2, 3, 3, 3, 2], {"patience": 2, "mode": "max"}, 5, 3),
        ([6, 5, 4, 3, 2, 1], {"patience": 1}, 6, 6),
        ([1, 2, 3, 4, 5, 6], {"patience": 2, "restore_best": False}, 3, 1),
    ],
)
def test_early_stopping(losses, options, epochs, best):
    model = net()
    scripted, stopping = Scripted(losses), train.EarlyStopping(**options)
    history = train.fit(
        model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 6,
        validation=(X, Y), callbacks=[scripted, stopping], progress=False,
    )  # fmt: skip
    assert len(history) == epochs
    assert stopping.best_epoch == best
    assert (history.stopped is None) == (epochs == 6)
    kept = best if options.get("restore_best", True) and best else epochs
    assert values(model) == scripted.weights[kept - 1]


# ---- Errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"loss": "mse"}, "loss"),
        ({"metrics": ["accuracy"]}, "validation data"),
        ({"metrics": ["acc"], "validation": (X, Y)}, "one of accuracy"),
        ({"metrics": ["f1", train.f1], "validation": (X, Y)}, "different names"),
        ({"callbacks": [train.EarlyStopping]}, "with brackets"),
        ({"callbacks": [train.EarlyStopping()]}, r"validation=\(x, y\)"),
        ({"callbacks": [train.EarlyStopping("los", mode="min")]}, "columns epoch, loss, rate"),
        ({"data": 3}, "a pair"),
        ({"data": [], "guards": False}, "none in epoch 1"),
        ({"data": (X[:0], Y[:0])}, r"at least one batch, got 0 rows\.$"),
        ({"data": data.batches(X, Y, 8), "batch_size": 8}, "beside a pair"),
        ({"batch_size": 0}, "batch_size"),
        ({"progress": "bars"}, "progress"),
        ({"guards": "rate"}, "guards"),
        ({"guards": ["rates"]}, "guards"),
        ({"resume": True}, "one Checkpoint"),
        ({"validation": (X, Y[:-1])}, "as many rows"),
        ({"validation": (X, Y), "metrics": [lambda y, outputs: "good"]}, "a number"),
    ],
)
def test_errors(arguments, message):
    model = net()
    optimizer = optim.SGD(model.parameters(), 0.1)
    given = {"data": (X, Y), "loss": F.cross_entropy, "progress": False} | arguments
    with pytest.raises(minidl.MinidlError, match=message):
        train.fit(model, optimizer=optimizer, **given)


def test_a_generator_is_gone_through_once():
    model = net()
    once = ((X, Y) for _ in range(3))
    with pytest.raises(minidl.ArgumentError, match="got a generator, which ends with the first"):
        train.fit(model, once, F.cross_entropy, optim.SGD(model.parameters(), 0.1), 2,
                  progress=False)  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": X}, "data: a pair"),
        ({"data": (X, Y, Y)}, "data: a pair .*got tuple of 3"),
        ({"data": [X, Y]}, "data: a pair .*got list of 2.*a tuple of two"),
        ({"data": {"x": X}}, "data: a pair"),
        ({"validation": X}, "validation: a pair"),
        ({"validation": [X, Y]}, "validation: a pair"),
        ({"callbacks": train.EarlyStopping("loss")}, "callbacks: a list"),
        ({"validation": (X, Y), "metrics": "accuracy"}, "metrics: a list.*'accuracy'"),
    ],
)
def test_arguments_of_the_wrong_kind_are_told_before_the_first_step(arguments, message):
    net = nn.MLP([X.shape[1], 4, 2])
    optimizer = optim.Adam(net.parameters())
    given = {"data": (X, Y), "progress": False, **arguments}
    with pytest.raises(minidl.ArgumentError, match=message):
        train.fit(net, given.pop("data"), F.cross_entropy, optimizer, **given)
    assert optimizer.state_dict()["parameters.0.steps"] == 0


class Halved(nn.Layer):
    def forward(self, x):
        return x * 0.5


@pytest.mark.parametrize("way", ["kernel", "loop", "large batches in the loop"])
def test_what_makes_training_slow_is_told_once(way, capsys):
    rows = 20_000 if way.startswith("large") else 64
    x = np.zeros((rows, 20), np.float32)
    net = nn.Sequential(nn.Dense(20, 40), nn.ReLU() if way == "kernel" else Halved())
    optimizer = optim.SGD(net.parameters(), 0.1)
    train.fit(
        net, (x, np.zeros(rows, int)), F.cross_entropy, optimizer, 2, batch_size=rows // 2,
        progress="line", guards=False,
    )  # fmt: skip
    told = capsys.readouterr().err.count("Halved, whose forward has no plan. Try:")
    assert told == (1 if way == "loop" else 0)


@pytest.mark.parametrize("progress", ["log", True])
def test_progress_goes_to_the_logger(progress, caplog, capsys, tmp_path):
    """True is the log, too, where an application wants messages of the level INFO."""
    net = nn.Dense(6, 2)
    stop = train.Lambda(on_epoch_end=lambda run, row: run.stop("enough"))
    with caplog.at_level(logging.INFO, "minidl"):
        train.fit(
            net, (X, Y), F.cross_entropy, optim.SGD(net.parameters(), 0.1), 3, progress=progress,
            callbacks=[stop, train.Checkpoint(tmp_path)], resume=True,
        )  # fmt: skip
    assert {record.name for record in caplog.records} == {"minidl"}
    begins, epoch, end = caplog.messages
    assert begins.startswith("begins: no checkpoint in")
    assert epoch.startswith("epoch 1/3  loss ")
    assert end == "stopped: enough"
    assert capsys.readouterr() == ("", "")


APPLICATION = """
import logging
import numpy as np
from minidl import nn, optim, train, functional as F

logging.basicConfig(filename="application.log", level="INFO", format="%(name)s %(levelname)s")
logging.captureWarnings(True)
net = nn.Dense(6, 2)
data = 99 * np.ones((20, 6), np.float32), np.zeros(20, int)
train.fit(net, data, F.cross_entropy, optim.SGD(net.parameters(), 0.001))
"""


def test_an_application_that_logs_gets_all_in_its_log(tmp_path):
    """Progress and warnings; nothing goes to the terminal."""
    ran = subprocess.run(
        [sys.executable, "-c", APPLICATION], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("", "")
    logged = (tmp_path / "application.log").read_text().splitlines()
    assert [line for line in logged if line.startswith(("minidl", "py."))] == [
        "py.warnings WARNING", "minidl INFO",
    ]  # fmt: skip
