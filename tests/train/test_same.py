"""A training is resumed with what it was begun with; anything else is refused by name."""

from functools import partial

import numpy as np
import pytest

import minidl
from minidl import data, nn, optim, schedules, train
from minidl import functional as F

RNG = np.random.default_rng(6)
X = RNG.normal(size=(42, 5)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)
STEPS = 7 * 4  # 7 batches, 4 epochs


def plain(outputs, y):
    return F.cross_entropy(outputs, y)


def net(hidden=8, slope=0.1, is_frozen=False, seed=8):
    minidl.manual_seed(seed)
    made = nn.Sequential(nn.Dense(5, hidden), nn.LeakyReLU(slope), nn.Dense(hidden, 2))
    made[2].bias.requires_grad = not is_frozen
    return made


def one_group(made, rule=optim.AdamW, lr=0.05, **options):
    return rule(made.parameters(), lr=lr, **options)


def two_groups(made, lr=0.01):
    first, second = list(made[0].parameters()), list(made[2].parameters())
    return optim.AdamW([{"params": first}, {"params": second, "lr": lr}], lr=0.05)


def trained(folder, epochs=4, made=None, optimizer=one_group, loss=F.cross_entropy, given=None,
            resume=True, callbacks=(), **more):  # fmt: skip
    """The bits that a training came to."""
    made = made or net()
    options = {"batch_size": 6, "seed": 3} if given is None else {}
    history = train.fit(
        made, (X, Y) if given is None else given, loss,
        optimizer(made) if callable(optimizer) else optimizer, epochs, resume=resume,
        callbacks=[train.Checkpoint(folder), *callbacks], **{"progress": False, **options, **more},
    )  # fmt: skip
    return [p.data.tobytes() for p in made.parameters()], history["loss"]


def changed(array, row=41):
    other = array.copy()
    other[row] += 1
    return other


def decay(t):
    return 0.9**t


def other_decay(power, t):
    return 0.9 ** (power * t)


def of_one_name(power):
    def factor(t):
        return 0.9 ** (power * t)

    return factor


smooth = partial(F.cross_entropy, label_smoothing=0.1)
BATCHES = partial(data.batches, X, Y, 6, shuffle=True, seed=3)


@pytest.mark.parametrize(
    ("first", "then", "words"),
    [
        ({}, {"optimizer": partial(one_group, lr=0.04)}, "lr 0.05, as when training began, got lr"),
        ({}, {"optimizer": partial(one_group, betas=(0.9, 0.9))}, r"betas \(0.9, 0.999\), .*0.9\)"),
        ({}, {"optimizer": partial(one_group, weight_decay=0)}, "weight_decay 0.01"),
        ({}, {"optimizer": partial(one_group, rule=optim.SGD)}, "optimizer AdamW.*SGD"),
        ({}, {"optimizer": two_groups}, "group 0 of 0.weight, 0.bias, 2.weight, 2.bias"),
        (
            {"optimizer": two_groups},
            {"optimizer": partial(two_groups, lr=0.02)},
            "lr of group 1 0.01, as",
        ),
        ({}, {"schedule": schedules.cosine(STEPS)}, "schedule None, .*cosine, 28, 0"),
        (
            {"schedule": schedules.cosine(STEPS)},
            {"schedule": schedules.cosine(STEPS + 1)},
            "cosine, 28, 0.*, got .*cosine, 29, 0",
        ),
        (
            {"schedule": schedules.cosine(STEPS)},
            {"schedule": schedules.cosine(STEPS), "optimizer": partial(one_group, lr=0.04)},
            "lr 0.05, as when training began, got lr 0.04",
        ),
        ({"schedule": decay}, {"schedule": partial(other_decay, 1)}, "schedule decay.*other_decay"),
        (
            {"schedule": of_one_name(1)},
            {"schedule": of_one_name(2)},
            r"schedule\(1\) = 0.9, as .*got 0.81",
        ),
        ({}, {"batch_size": 7}, "batch_size 6, as when training began, got batch_size 7"),
        ({}, {"seed": 4}, "seed 3, as when training began, got seed 4"),
        ({}, {"seed": None}, "seed 3, as when training began, got seed None"),
        ({}, {"shuffle": False}, "shuffle True, as"),
        ({"given": BATCHES()}, {"given": BATCHES(drop_last=True)}, "drop_last False"),
        ({}, {"given": (changed(X), Y), "batch_size": 6, "seed": 3}, r"data float32 \(42, 5\), "),
        ({}, {"given": (X, 1 - Y), "batch_size": 6, "seed": 3}, "checksum"),
        ({}, {"given": (X[:41], Y[:41]), "batch_size": 6, "seed": 3}, r"\(42, 5\).*\(41, 5\)"),
        ({}, {"given": [(X, Y)]}, r"batch_size 6, .*, got batch_size \(none\)"),
        ({}, {"loss": plain}, "loss cross_entropy, as when training began, got loss plain"),
        ({"loss": smooth}, {"loss": F.cross_entropy}, "label_smoothing=0.1"),
        ({}, {"made": lambda: net(9)}, r"layer 0 Dense\(5, 8\), .* got layer 0 Dense\(5, 9\)"),
        ({}, {"made": lambda: net(slope=0.2)}, r"layer 1 LeakyReLU\(negative_slope=0.1\)"),
        ({}, {"made": lambda: net(is_frozen=True)}, r"2.bias float32 \(2,\), .*, frozen"),
        ({}, {"made": lambda: net(seed=9)}, "manual_seed 8, as when training began, got .* 9"),
        ({}, {"clip_norm": 1.0}, r"clip_norm \(none\), as when training began, got clip_norm 1"),
        ({}, {"accumulate": 2}, r"accumulate \(none\), as .*, got accumulate 2"),
        ({"max_norm": 2.0}, {"max_norm": 3}, "max_norm 2, as when training began, got max_norm 3"),
        ({"validation": (X, Y)}, {"validation": (changed(X), Y)}, "validation float32"),
        ({}, {"epochs": 1}, "2 epochs or more, as many as were begun, got 1"),
    ],
)  # fmt: skip
def test_what_differs_is_named_and_nothing_is_changed(first, then, words, tmp_path):
    trained(tmp_path, 2, **first)
    files = sorted(tmp_path.iterdir())
    arguments = {**first, **then}
    made = arguments.pop("made", net)()
    optimizer = arguments.pop("optimizer", one_group)(made)
    before = made.state_dict(), optimizer.state_dict()
    with pytest.raises(minidl.ArgumentError, match=f"^resume: expected .*{words}"):
        trained(tmp_path, made=made, optimizer=optimizer, **arguments)
    np.testing.assert_equal((made.state_dict(), optimizer.state_dict()), before)
    assert sorted(tmp_path.iterdir()) == files


class SetsRate(train.Callback):
    def on_epoch_end(self, run, row):
        run.optimizer.lr *= 0.5


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({}, {}),
        ({}, {"optimizer": partial(one_group, lr=np.float64(0.05), betas=[0.9, 0.999])}),
        ({"schedule": schedules.cosine(STEPS)}, {}),
        ({"schedule": of_one_name(1)}, {"schedule": of_one_name(1.0)}),
        ({"callbacks": [SetsRate()]}, {}),
        ({"callbacks": [SetsRate()], "schedule": schedules.cosine(STEPS)}, {}),
        ({}, {"validation": (X, Y), "metrics": ["accuracy"]}),
        ({"validation": (X, Y)}, {"validation": None}),
    ],
)
def test_what_is_the_same_or_may_differ_goes_on_to_the_same_bits(first, then, tmp_path):
    whole = trained(tmp_path / "whole", **first)
    trained(tmp_path / "cut", 2, **first)
    assert trained(tmp_path / "cut", **{**first, **then}) == whole


@pytest.mark.parametrize("schedule", [None, schedules.cosine(STEPS), schedules.warmup(9)])
@pytest.mark.parametrize("callbacks", [[], [SetsRate()]])
def test_one_process_goes_on_with_the_same_objects(schedule, callbacks, tmp_path):
    """Whose learning rate has changed since training was begun."""
    more = {"schedule": schedule, "callbacks": callbacks}
    whole = trained(tmp_path / "whole", **more)
    made = net()
    optimizer = one_group(made)
    for epochs in (1, 2, 4):
        cut = trained(tmp_path / "cut", epochs, made=made, optimizer=optimizer, **more)
    assert cut == whole


# ---- Where there is nothing to resume -----------------------------------------------------------


@pytest.mark.parametrize("is_there", [False, True])
def test_a_folder_without_a_checkpoint_is_refused(is_there, tmp_path):
    if is_there:
        (tmp_path / "typo").mkdir()
    with pytest.raises(minidl.ArgumentError, match=r"a checkpoint in .*typo to resume, got none"):
        trained(tmp_path / "run", resume=tmp_path / "typo")
    assert list(tmp_path.glob("*/*")) == []


@pytest.mark.parametrize("progress", ["line", True])
@pytest.mark.parametrize("by_name", [False, True])
def test_a_first_start_is_told_and_so_is_what_is_resumed(progress, by_name, tmp_path, capsys):
    resume = str(tmp_path / "run") if by_name else True
    trained(tmp_path / "run", 1, resume=resume, progress=progress)
    assert f"begins: no checkpoint in {tmp_path}/run to resume\n" in capsys.readouterr().err
    trained(tmp_path / "run", 2, resume=resume, progress=progress)
    assert "run/step-00000007.safetensors\n" in capsys.readouterr().err
    trained(tmp_path / "other", 1, resume=None, progress=progress)
    assert "resume" not in capsys.readouterr().err
