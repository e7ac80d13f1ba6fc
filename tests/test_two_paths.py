"""Two paths, one truth: TrainingStep, fit and predict give the bits of the loop written out, for
trainings drawn from the whole space of options and changed on the way.

`pytest tests/test_two_paths.py --configurations 3000` draws more of them.
"""

import warnings
from typing import Any

import numpy as np
import pytest
from random_trainings import CHANGES, Training

import minidl
from minidl import optim, train
from minidl._kernels import threads as kernel_threads
from minidl.step import training

TRAININGS = 300  # unless --configurations says otherwise


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    """Small nets are shared out among threads too, which would not be worth it otherwise."""
    monkeypatch.setattr(kernel_threads, "WORTH_SHARING", 0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        count = metafunc.config.getoption("configurations")
        metafunc.parametrize("seed", range(TRAININGS if count is None else count))


def written_out(t: Training) -> list[float]:
    """An epoch of the loop that the others stand for."""
    own = set(map(id, t.net.parameters()))
    if not any(id(p) in own for p in t.optimizer.all_parameters()):
        raise minidl.ArgumentError("an optimiser of another net is refused")
    if t.way == "fit":
        t.net.train()
    losses = []
    batches = list(t.batches)
    k = t.options.get("accumulate", 1)
    for group in [batches[i : i + k] for i in range(0, len(batches), k)]:
        t.optimizer.zero_grad()
        for x, y, *weights in group:
            loss = t.loss(t.net(x), y, **({"sample_weight": weights[0]} if weights else {}))
            loss.backward()
            losses.append(loss.item())
        update(t, len(group))
    t.optimizer.zero_grad()
    values = [np.array(losses), *[p.data for p in t.net.parameters()]]
    if t.way == "fit" and not all(np.isfinite(value).all() for value in values):
        raise minidl.errors.DivergedError("as fit does")
    return losses


def update(t: Training, batches: int) -> None:
    """What follows the gradients of so many batches."""
    learned = [p for p in t.optimizer.all_parameters() if p.grad is not None and p.requires_grad]
    for p in learned if batches > 1 else []:
        p.grad = minidl.Tensor(p.grad.data * p.dtype.type(1 / batches))
    if "clip_norm" in t.options:
        optim.clip_grad_norm(t.optimizer.all_parameters(), t.options["clip_norm"])
    t.optimizer.step()
    if "max_norm" in t.options and learned:
        optim.max_norm(learned, t.options["max_norm"])
    if t.schedule is not None:
        t.schedule.step()


def by_minidl(t: Training) -> list[float]:
    """An epoch as minidl makes it."""
    if t.way == "single steps" and "accumulate" not in t.options:
        return [t.step(*batch) for batch in t.batches]
    if t.way == "single steps":
        return list(t.step.on_batches(t.batches))
    if t.way == "pieces" and type(t.batches) is minidl.data.Batches:
        order = t.batches.draw_order()
        size = 2 * t.batch_size * t.options.get("accumulate", 1)
        pieces = [order[i : i + size] for i in range(0, len(order), size)]
        return [loss for rows in pieces for loss in t.step.on_rows(t.batches, rows)]
    if t.way == "fit":
        seen = Losses()
        arguments: dict[str, Any] = {"schedule": t.schedule, "callbacks": [seen], **t.options}
        train.fit(t.net, t.batches, t.loss, t.optimizer, progress=False, guards=False, **arguments)
        return seen.losses
    return list(t.step.epoch(t.batches))


class Losses(train.Callback):
    def __init__(self):
        self.losses = []

    def on_steps(self, run, losses):
        self.losses += list(losses)


def bits(array: Any) -> tuple[Any, ...]:
    """The bits, but for those of NaN, of which any will do."""
    array = np.array(array)
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.nan
    return array.dtype, array.shape, array.tobytes()


def outcome(seed: int, epoch: Any, threads: int | None = None) -> dict[str, Any]:
    """All that a training with this seed leaves behind, some epochs later."""
    t = Training(seed)
    found: dict[str, Any] = {"changes": t.changes}
    losses: list[float] = []
    with (
        minidl.set_num_threads(threads or t.threads),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore", minidl.errors.GuardWarning)
        for change in (None, *t.changes):
            if change is not None:
                CHANGES[change](t)
            try:
                losses += epoch(t)
            except minidl.MinidlError as error:
                return found | {"error": type(error)}
        t.net.eval()
        predicted = called(t) if threads else minidl.predict(t.net, t.x)
        found["losses"] = bits(np.array(losses, t.dtype))
    found["predicted"] = bits(predicted)
    for states in (t.net.state_dict(), t.optimizer.state_dict(), t.net.random_state()):
        found |= {name: bits(value) for name, value in states.items()}
    found["rates"] = [group["lr"] for group in t.optimizer.param_groups]
    found["gradients"] = [p.grad is None for p in t.optimizer.all_parameters()]
    return found


def called(t: Training) -> np.ndarray:
    """The net's outputs, the net being called."""
    x = t.x / np.float32(255) if t.x.dtype == np.uint8 else t.x
    with minidl.no_grad():
        return t.net(x).numpy()


def test_the_bits_of_the_loop_written_out(seed, monkeypatch):
    if seed % 2:
        monkeypatch.setattr(training, "WORTH_PACKING", 1)
    expected, got = outcome(seed, written_out, threads=1), outcome(seed, by_minidl)
    assert got.keys() == expected.keys()
    different = [name for name, value in expected.items() if got[name] != value]
    assert not different, f"seed {seed}: {', '.join(different)}"


def test_most_of_what_is_drawn_runs_in_the_kernel():
    trainings = [Training(seed) for seed in range(100)]
    in_kernel = [t.step._planned_for(t.batches) is not None for t in trainings]
    assert sum(in_kernel) > 75
