"""Every loss of the registry: its kernel against its formula, options drawn from their whole space;
and what a kernel is told of a loss, or why it cannot have it."""

import inspect
from functools import partial

import numpy as np
import pytest

import minidl
from minidl import _kernels
from minidl import functional as F
from minidl.errors import ArgumentError, Unplanned
from minidl.losses import REGISTRY
from minidl.losses.declaration import planned
from minidl.losses.reduction import REDUCTIONS, Reduction

ROWS, OUTPUTS, SEEDS = 7, 5, range(12)
SHAPE = ROWS, OUTPUTS
OWN = [name for name, loss in REGISTRY.items() if loss.function.__module__.startswith("minidl.")]
F32 = np.dtype(np.float32)


def kinds_of_targets(rng):
    """Targets of all kinds; a loss takes some of them."""
    labels = rng.integers(0, OUTPUTS, ROWS)
    unit = rng.random(SHAPE)
    some = unit * (rng.random(SHAPE) < 0.8)
    return [labels, some, rng.normal(size=SHAPE), 2.0 * (unit > 0.5) - 1, np.log(unit)]


# How the value of each option is drawn. An option of a new loss has to be added here.
DRAWS = {
    "delta": lambda rng: rng.uniform(0.1, 3),
    "margin": lambda rng: rng.uniform(0, 2),
    "label_smoothing": lambda rng: rng.uniform(0, 0.9),
    "weight": lambda rng: rng.random(OUTPUTS) * (rng.random(OUTPUTS) < 0.7),
    "ignore_index": lambda rng: int(rng.choice([-1, 0, OUTPUTS - 1, 99])),
    "pos_weight": lambda rng: rng.random([(), (OUTPUTS,), (ROWS, 1), SHAPE][rng.integers(4)]) * 3,
    "log_target": lambda rng: bool(rng.integers(2)),
}


def drawn(name, seed, dtype):
    """The loss for each kind of targets that it takes with the options that the seed says."""
    rng = np.random.default_rng((seed, len(name)))
    of_rows = REGISTRY[name].of_rows
    options = {o: DRAWS[o](rng) for o in sorted(REGISTRY[name].options) if rng.random() < 0.6}
    weights = rng.random(ROWS) * (rng.random(ROWS) < 0.7) if rng.random() < 0.5 else None
    reduction = str(rng.choice(REDUCTIONS))
    found = []
    for targets in kinds_of_targets(rng):
        try:
            loss = of_rows(SHAPE, np.dtype(dtype), targets, **options)
        except minidl.MinidlError:
            continue  # targets of other losses
        shape = SHAPE if loss.by_element else SHAPE[:1]
        found.append(loss.reduced_by(reduction, weights, shape))
    return found, (rng.normal(size=SHAPE) * 3).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OWN)
def test_the_kernel_is_the_formula(name, dtype, level):
    """Of float32 the formula is worked out in float64: what is left is the kernel's own error."""
    compared = 0
    for seed in SEEDS:
        losses, x = drawn(name, seed, dtype)
        for loss in losses:
            assert loss.kernel is not None, f"{name} has no section in _kernels/losses.pyx"
            found, total, divisor, dx = loss.run(x)
            if divisor == 0:
                continue  # no row counts
            exact = minidl.tensor(x.astype(np.float64), requires_grad=True)
            way = Reduction(loss, divisor, found.shape if loss.by_element else (ROWS,))
            wanted = way.formula(exact)
            wanted.backward(np.ones(wanted.shape))
            if loss.reduction == "none":
                np.testing.assert_allclose(
                    found.reshape(wanted.shape), wanted.data, rtol=8e-7, atol=1e-6
                )
            # Two float32 roundings of a probability or an exponential; of a sum of at most 35.
            eps = 40 * np.finfo(dtype).eps
            scale = max(1, np.abs(found).sum())
            np.testing.assert_allclose(total, wanted.data.sum(), rtol=eps, atol=eps * scale)
            largest = max(1, np.abs(exact.grad.data).max())
            np.testing.assert_allclose(dx, exact.grad.data, rtol=eps, atol=eps * largest)
            compared += 1
    assert compared >= len(SEEDS) // 2


def test_every_section_is_some_loss_s():
    used = [
        loss.kernel for name in OWN for seed in SEEDS for loss in drawn(name, seed, np.float64)[0]
    ]
    assert {id(kernel) for kernel in used} == {id(kernel) for kernel in _kernels.LOSSES.values()}
    assert all(set(kernel) == {"float32", "float64"} for kernel in used)


def test_every_loss_is_declared_and_handed_on():
    """Of two arguments: what triplet_margin compares is three."""
    functions = [(name, getattr(F, name)) for name in F.__all__]
    reducing = {name for name, f in functions if "reduction" in inspect.signature(f).parameters}
    assert reducing - {"triplet_margin"} == set(OWN)
    for name in OWN:
        function = getattr(F, name)
        assert REGISTRY[name].function is function
        options = set(inspect.signature(function).parameters) - {"sample_weight", "reduction"}
        assert REGISTRY[name].options < options
        assert ">>>" in function.__doc__


# ---- What a batch is divided by -----------------------------------------------------------------


@pytest.mark.bounds("losses.divisors")
@pytest.mark.parametrize("seed", range(30))
def test_divisors_are_the_weights_of_each_batch_in_its_order(seed):
    rng = np.random.default_rng(seed)
    w, v = rng.random(OUTPUTS), rng.random(ROWS) * (rng.random(ROWS) < 0.5)
    labels = rng.integers(0, OUTPUTS, ROWS)
    ignored = int(rng.integers(0, OUTPUTS))
    counts = v * w[labels] * (labels != ignored)
    options = {"weight": w, "ignore_index": ignored}
    order = rng.permutation(ROWS)[: rng.integers(1, ROWS + 1)].astype(np.int64)
    size = int(rng.integers(1, ROWS + 2))
    for reduction, factor in (("mean", 1), ("batchmean", 1), ("sum", 0)):
        loss = partial(F.cross_entropy, reduction=reduction, **options)
        found = planned(loss, labels, SHAPE, F32, v)
        batches = [counts[order[i : i + size]].sum() for i in range(0, len(order), size)]
        wanted = np.array(batches) if factor else np.ones(len(batches))
        np.testing.assert_allclose(found.divisors(order, size), wanted, rtol=1e-15)
        weightless = [i for i, total in enumerate(wanted, 1) if total == 0]
        if weightless:
            place = f"got 0.0 in batch {weightless[0]} of {len(batches)}"
            with pytest.raises(ArgumentError, match=rf"cross_entropy: .*add up to 0, {place}"):
                found.check_batches(order, size)
        else:
            found.check_batches(order, size)
    elements = planned(F.mse, rng.normal(size=SHAPE), SHAPE, F32, v)
    np.testing.assert_allclose(elements.divisors(None, ROWS), [OUTPUTS * v.sum()], rtol=1e-15)
    planned(F.mse, rng.normal(size=SHAPE), SHAPE, F32).check_batches(order, size)


# ---- Why a kernel cannot have a loss ------------------------------------------------------------

LABELS, UNIT = np.arange(ROWS) % OUTPUTS, np.random.default_rng(0).random(SHAPE)
BINARY = F.binary_cross_entropy_with_logits
REASONS = {
    "a function of one's own": (lambda x, t: F.mse(x, t), UNIT, "the loss <lambda> is not decla"),
    "another loss's name": (type("mse", (), {"__call__": F.mse})(), UNIT, "is not declared"),
    "a loss of three": (F.triplet_margin, UNIT, "triplet_margin is not declared"),
    "an argument in its place": (partial(F.mse, UNIT), UNIT, "the loss mse is not declared"),
    "weights of a batch": (
        partial(F.mse, sample_weight=np.ones(ROWS)), UNIT, r"mse has .*Try: data\.batches\(x, y,",
    ),
    "no number": (partial(F.nll, reduction="none"), LABELS, r"reduction='none'.*Try: reduction="),
    "an option by row": (
        partial(BINARY, pos_weight=np.ones((3, 1))), UNIT, "a pos_weight for each row. Try: a pos_",
    ),
    "no such option": (partial(F.mse, delta=1.0), UNIT, "mse has no option delta"),
    "targets to learn": (F.mse, minidl.tensor(UNIT, requires_grad=True), r"Try: targets.detach\("),
}  # fmt: skip


@pytest.mark.parametrize("why", REASONS)
def test_what_stands_in_the_way_is_said(why):
    loss, targets, message = REASONS[why]
    with pytest.raises(Unplanned, match=message) as reason:
        planned(loss, targets, SHAPE, F32)
    assert str(reason.value).startswith(reason.value.what)
    assert str(reason.value).endswith(reason.value.hint)


@pytest.mark.parametrize(
    ("loss", "targets", "weights", "message"),
    [
        (F.cross_entropy, LABELS + 1, None, "labels from 0 to 4, got 5 at index 4"),
        (F.poisson, UNIT - 1, None, "poisson: expected targets of finite numbers from 0 up"),
        (partial(F.huber, delta=0), UNIT, None, "a finite delta above 0"),
        (partial(F.huber, reduction="average"), UNIT, None, "'mean', 'batchmean', 'sum' or 'none'"),
        (F.mse, UNIT, np.full(ROWS, -1.0), "mse: expected sample_weight of finite numbers from 0"),
        (F.mse, UNIT, np.ones(3), r"sample_weight of shape \(7,\), got \(3,\)"),
    ],
)
def test_what_the_loss_would_refuse_is_refused_before(loss, targets, weights, message):
    with pytest.raises(minidl.MinidlError, match=message):
        planned(loss, targets, SHAPE, F32, weights)
