"""Training that was cut off goes on to the bits of the one that was not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cut import CutAfter, CutError

import minidl
from minidl import checkpoint, data, nn, optim, schedules, train
from minidl import functional as F

RNG = np.random.default_rng(6)
X = RNG.normal(size=(42, 5)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)
STEPS = 7 * 4  # 7 batches, 4 epochs


def test_killed_again_and_again(tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    script = Path(__file__).with_name("kills.py")
    run = subprocess.run(
        [sys.executable, script, tmp_path], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["kills"] >= 20
    assert result["in_writes"] >= 1
    assert result["differ"] == []


class Noise(nn.Layer):
    """Draws from the shared random numbers, as shuffling without a seed does."""

    def forward(self, x):
        return F.dropout(x, 0.1)


def plain(outputs, y):
    return F.cross_entropy(outputs, y)


KINDS = {
    "kernel, seed": (F.cross_entropy, lambda: data.batches(X, Y, 6, shuffle=True, seed=3)),
    "kernel, no seed": (F.cross_entropy, lambda: data.batches(X, Y, 6, shuffle=True)),
    "loop": (plain, lambda: data.batches(X, Y, 6, shuffle=True)),
    "list": (F.cross_entropy, lambda: [(X[i : i + 6], Y[i : i + 6]) for i in range(0, 42, 6)]),
}


def trained(kind, folder=None, cut=None, every=1, epochs=4, best=True, factor=None):
    """What a training came to, as bits."""
    minidl.manual_seed(8)
    loss, make_data = KINDS[kind]
    layers = [nn.Dense(5, 8), nn.PReLU(), nn.Dropout(0.4)]
    layers += [Noise()] if kind == "loop" else []
    model = nn.Sequential(*layers, nn.Dense(8, 2))
    optimizer = optim.AdamW(model.parameters(), 0.05)
    stopping = train.EarlyStopping(patience=2, restore_best=best)
    callbacks = [stopping]
    if folder is not None:
        saving = train.Checkpoint(folder, every_steps=every, monitor="validation_loss")
        callbacks.insert(0, saving)  # it is called last all the same
    if cut is not None:
        callbacks.append(CutAfter(cut))
    history = train.fit(
        model, make_data(), loss, optimizer, epochs, validation=(X[:9], Y[:9]),
        metrics=["confusion_matrix"], callbacks=callbacks, progress=False,
        schedule=factor or schedules.cosine(STEPS), resume=folder is not None,
    )  # fmt: skip
    state = model.state_dict() | optimizer.state_dict()
    bits = {name: np.asarray(value).tobytes() for name, value in state.items()}
    calls = [model[2].seed, model[2].calls]
    return bits, history.to_json(False), calls, stopping.best, minidl.random.random_state()


@pytest.mark.parametrize("kind", KINDS)
def test_cut_after_any_step(kind, tmp_path):
    """Also where the checkpoint is some steps old."""
    whole = trained(kind)
    for cut in range(1, STEPS, 3 if kind == "kernel, seed" else 5):
        every = 1 + 3 * (cut % 2)
        folder = tmp_path / str(cut)
        with pytest.raises(CutError):
            trained(kind, folder, cut, every)
        assert trained(kind, folder, every=every) == whole, f"cut after {cut} steps"


def test_cut_again_and_again(tmp_path):
    whole = trained("kernel, no seed")
    for cut in (2, 3, 9, 14, 15, 27):
        with pytest.raises(CutError):
            trained("kernel, no seed", tmp_path, cut)
    assert trained("kernel, no seed", tmp_path) == whole


def test_what_ended_is_not_trained_again(tmp_path):
    factor = schedules.constant()
    whole = trained("kernel, seed", tmp_path, epochs=30, factor=factor)
    stopped = json.loads(whole[1])
    assert "no better validation_loss" in stopped["stopped"]
    files = sorted(tmp_path.iterdir())
    again = trained("kernel, seed", tmp_path, epochs=30, factor=factor)
    assert again == whole
    assert sorted(tmp_path.iterdir()) == files


def test_more_epochs(tmp_path):
    factor = schedules.constant()
    whole = trained("kernel, no seed", epochs=5, factor=factor, best=False)
    trained("kernel, no seed", tmp_path, epochs=2, factor=factor, best=False)
    assert trained("kernel, no seed", tmp_path, epochs=5, factor=factor, best=False) == whole


def test_interrupted_within_an_epoch(tmp_path):
    class Press(train.Callback):
        def on_steps(self, run, losses):
            if run.step == 10:
                run.stop("interrupted")

    def interrupted(press, folder):
        minidl.manual_seed(1)
        model = nn.MLP([5, 8, 2])
        optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
        history = train.fit(
            model, (X, Y), F.cross_entropy, optimizer, 3, batch_size=6, progress=False,
            callbacks=[*press, train.Checkpoint(folder)], resume=True,
        )  # fmt: skip
        return history, [p.data.tobytes() for p in model.parameters()]

    # A run of a step at a time, so that the tenth is seen.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minidl.train.feed.SECONDS", 0)
        history, _ = interrupted([Press()], tmp_path / "one")
    assert history.stopped == "interrupted"
    assert len(history) == 1
    assert checkpoint.Folder(tmp_path / "one").newest().step == 10
    again, weights = interrupted([], tmp_path / "one")
    whole, expected = interrupted([], tmp_path / "other")
    assert weights == expected
    assert again == whole
    assert again.stopped is None


def test_the_files(tmp_path):
    trained("kernel, seed", tmp_path, every=5)
    folder = checkpoint.Folder(tmp_path)
    assert folder.newest().step == STEPS
    best = folder.best()
    history = train.History.from_json(folder.newest().arrays["run:history"].tobytes().decode())
    assert best.score == -min(history["validation_loss"])
    model = nn.Sequential(nn.Dense(5, 8), nn.PReLU(), nn.Dropout(0.4), nn.Dense(8, 2))
    checkpoint.load_model(model, best.path)
    loss = train.evaluate(model, (X[:9], Y[:9]), F.cross_entropy)["loss"]
    assert loss == -best.score


def test_another_training_in_the_folder_is_refused(tmp_path):
    model = nn.MLP([5, 8, 2])

    def started(**more):
        optimizer = optim.SGD(model.parameters(), 0.1)
        return train.fit(
            model, (X, Y), F.cross_entropy, optimizer, callbacks=[train.Checkpoint(tmp_path)],
            batch_size=6, progress=False, **more,
        )  # fmt: skip

    started()
    before = model.state_dict()
    with pytest.raises(minidl.ArgumentError, match="training that is at step 7.*resume=True"):
        started()
    assert all((model.state_dict()[name] == before[name]).all() for name in before)
    assert len(started(resume=True)) == 1


def test_the_beginning_in_a_folder_is_that_of_the_training_that_began_last(tmp_path):
    class Weights(train.Callback):
        def on_train_begin(self, run):
            self.seen = run.model[0].weight.data[0, 0]

    def begun(weight, resume=None, cut=1):
        model = nn.MLP([5, 8, 2])
        model[0].weight.data[...] = weight
        weights = Weights()
        callbacks = [train.Checkpoint(tmp_path), weights, CutAfter(cut)]
        with pytest.raises(CutError):
            train.fit(
                model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 2,
                callbacks=callbacks, progress=False, resume=resume,
            )  # fmt: skip
        return weights.seen

    assert begun(1) == 1
    assert begun(2) == 2
    assert begun(3, resume=True) == 2


def test_a_folder_that_cannot_be_written_to_is_known_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    model = nn.MLP([5, 8, 2])
    before = model.state_dict()
    with pytest.raises(OSError, match="file"):
        train.fit(
            model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1),
            callbacks=[train.Checkpoint(tmp_path / "file" / "run")], progress=False,
        )  # fmt: skip
    assert all((model.state_dict()[name] == before[name]).all() for name in before)


def test_the_checkpoint_has_what_all_callbacks_know_of_the_epoch(tmp_path):
    class Counter(train.Callback):
        epochs = 0

        def on_epoch_end(self, run, row):
            self.epochs += 1

        def state_dict(self):
            return {"epochs": self.epochs, "array": np.full(2, self.epochs)}

        def load_state_dict(self, state):
            assert state["array"].tolist() == [state["epochs"]] * 2
            self.epochs = state["epochs"]

    for epochs in (2, 5):
        model = nn.MLP([5, 8, 2])
        counters = [Counter(), counter := Counter()]
        train.fit(
            model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), epochs,
            callbacks=[train.Checkpoint(tmp_path), *counters], resume=True, progress=False,
        )  # fmt: skip
        assert counter.epochs == epochs


def test_batch_normalisation(tmp_path):
    """Its running averages go on too."""

    def ended(folder, cut=None):
        minidl.manual_seed(2)
        layers = nn.Dense(5, 8), nn.BatchNorm(8), nn.ReLU(), nn.GaussianNoise(0.1), nn.Dense(8, 2)
        model = nn.Sequential(*layers)
        optimizer = optim.SGD(model.parameters(), 0.1)
        cutting = [] if cut is None else [CutAfter(cut)]
        train.fit(
            model, (X, Y), F.cross_entropy, optimizer, 2, batch_size=6, resume=True,
            callbacks=[train.Checkpoint(folder, every_steps=2), *cutting], progress=False,
        )  # fmt: skip
        return {name: array.tobytes() for name, array in model.state_dict().items()}

    whole = ended(tmp_path / "whole")
    for cut in (5, 8):
        with pytest.raises(CutError):
            ended(tmp_path / str(cut), cut)
        assert ended(tmp_path / str(cut)) == whole


def test_steps_and_seconds(tmp_path):
    class Saves(train.Callback):
        comes_last = True

        def __init__(self, folder):
            self.folder, self.steps = checkpoint.Folder(folder), []

        def on_steps(self, run, losses):
            saved = self.folder.newest()
            self.steps.append(saved.step if saved else 0)

    for options, expected in (
        ({"every_steps": 3}, [3, 6, 6, 9, 12, 12]),
        ({"every_seconds": 1e9}, [0, 7]),
        ({"every_seconds": 0}, [7, 14]),
    ):
        folder = tmp_path / str(expected)
        saves = Saves(folder)
        model = nn.MLP([5, 8, 2])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("minidl.train.feed.SECONDS", 1e9)
            patch.setattr("minidl.train.feed.Pace.steps", 100, raising=False)
            patch.setattr("minidl.train.feed.Pace.__init__", lambda self: None)
            train.fit(
                model, (X, Y), F.cross_entropy, optim.SGD(model.parameters(), 0.1), 2, batch_size=6,
                callbacks=[train.Checkpoint(folder, **options), saves], progress=False,
            )  # fmt: skip
        assert saves.steps == expected
        assert checkpoint.Folder(folder).newest().step == 14


@pytest.mark.parametrize("option", ["every_steps", "every_seconds"])
def test_what_makes_no_sense_is_refused(option, tmp_path):
    with pytest.raises(minidl.ArgumentError, match=option):
        train.Checkpoint(tmp_path, **{option: -1})


@pytest.mark.parametrize("state", [{"epoch": 3}, {"run:history": 1}, {"run:start": {}}], ids=str)
def test_files_that_others_wrote_are_refused_and_change_nothing(state, tmp_path):
    """Whole in themselves, but with something missing or of another kind."""
    net = nn.MLP([5, 8, 2])
    optimizer = optim.AdamW(net.parameters(), 0.05)
    made = train.Checkpoint(tmp_path / "made")
    train.fit(net, (X, Y), F.cross_entropy, optimizer, callbacks=[made], progress=False)
    saved = made.folder.newest()
    changed = {"epoch": 3} if "epoch" in state else saved.state | state
    arrays = {name: a for name, a in saved.arrays.items() if name not in state}
    checkpoint.Folder(tmp_path / "other").save(
        99, {name: 2 * a for name, a in arrays.items()}, changed
    )
    before = [p.data.copy() for p in net.parameters()]
    with pytest.raises(minidl.CheckpointError, match=r"step-00000099.*(KeyError|Error)"):
        train.fit(net, (X, Y), F.cross_entropy, optimizer, 9, resume=tmp_path / "other")
    for p, old in zip(net.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, old)


def resumed(folder, *callbacks, make=optim.AdamW, epochs=6):
    minidl.manual_seed(1)
    net = nn.MLP([5, 8, 2])
    return train.fit(
        net, (X, Y), F.cross_entropy, make(net.parameters(), lr=0.01), epochs,
        validation=(X, Y), callbacks=[*callbacks, train.Checkpoint(folder)], progress=False,
        resume=True,
    )  # fmt: skip


def test_early_stopping_that_was_not_there_before_begins_to_count(tmp_path):
    resumed(tmp_path, epochs=4)
    stopping = train.EarlyStopping(patience=2)
    history = resumed(tmp_path, stopping, epochs=9)
    assert len(history) > 5
    assert stopping.best_epoch > 4


def test_another_column_or_optimizer_is_refused(tmp_path):
    resumed(tmp_path, train.EarlyStopping("validation_loss"), epochs=2)
    with pytest.raises(minidl.ArgumentError, match="monitor='validation_loss', as when"):
        resumed(tmp_path, train.EarlyStopping("loss"))
    with pytest.raises(minidl.ArgumentError, match=r"optimizer AdamW, .*got optimizer Adam\b"):
        resumed(tmp_path, train.EarlyStopping("validation_loss"), make=optim.Adam)
