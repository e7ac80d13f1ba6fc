"""Losses with options drawn at random, and their derivatives by outputs and targets, by HIPS
autograd from the definitions; extreme outputs; kinks."""

import autograd.numpy as anp
import numpy as np
import pytest
from derivatives import assert_derivatives

import minidl
from minidl import functional as F
from minidl import tensor

BATCH, CLASSES = 5, 4
INF = np.inf


class Drawn:
    """A loss with options and data, as the seed has them, and its definition."""

    def __init__(self, name, seed):
        self.rng = np.random.default_rng((seed, len(name)))
        self.x = self.rng.normal(size=(BATCH, CLASSES)) * 2
        self.t = self.rng.random((BATCH, CLASSES))
        self.options = {"reduction": self.one_of("mean", "batchmean", "sum", "none")}
        self.v = np.ones(BATCH)
        if self.rng.random() < 0.5:
            self.options["sample_weight"] = self.v = self.rng.integers(0, 4, BATCH) + 0.25
        self.counted = np.ones(BATCH)  # in the mean, by class
        self.loss = getattr(F, name)
        self.definition = getattr(self, name)()
        self.arrays = [self.x, self.t] if self.t.dtype.kind == "f" else [self.x]

    def one_of(self, *things):
        return things[self.rng.integers(len(things))]

    def maybe(self, name, value):
        """The value, if the option is given."""
        if self.rng.random() < 0.5:
            self.options[name] = value
            return value
        return None

    def ours(self, x, t=None):
        return self.loss(x, self.t if t is None else t, **self.options)

    def theirs(self, x, t=None):
        losses = self.definition(x, self.t if t is None else t)
        v = self.v.reshape(-1, *[1] * (losses.ndim - 1))
        losses = losses * v
        reduction = self.options["reduction"]
        if reduction == "none":
            return losses
        total = anp.sum(losses)
        if reduction == "sum":
            return total
        per_sample = losses.size / BATCH if reduction == "mean" else 1
        return total / ((self.v * self.counted).sum() * per_sample)

    def mse(self):
        return lambda x, t: (x - t) ** 2

    def huber(self):
        d = self.maybe("delta", 0.7) or 1.0
        return lambda x, t: anp.where(
            anp.abs(x - t) <= d, (x - t) ** 2 / 2, d * (anp.abs(x - t) - d / 2)
        )

    def binary_cross_entropy_with_logits(self):
        shape = self.one_of((), (CLASSES,), (BATCH, 1), (BATCH, CLASSES))
        r = self.maybe("pos_weight", self.rng.random(shape) * 3)
        r = 1 if r is None else r
        return lambda x, t: r * t * anp.log(1 + anp.exp(-x)) + (1 - t) * anp.log(1 + anp.exp(x))

    def hinge(self):
        self.t = np.where(self.t < 0.5, -1, 1)
        return lambda x, t: anp.maximum(0, 1 - t * x)

    def multi_margin(self):
        labels = self.labels()
        m = self.maybe("margin", 0.4)
        m = 1.0 if m is None else m
        wrong = 1 - np.eye(CLASSES)[labels]

        def losses(x, _):
            right = anp.sum(x * (1 - wrong), 1, keepdims=True)
            return anp.sum(wrong * anp.maximum(0, m + x - right), 1) / CLASSES

        return losses

    def labels(self):
        self.t = self.rng.integers(0, CLASSES, BATCH)
        return self.t

    def weights_of_labels(self):
        """What each class of each row is wanted, (batch, classes)."""
        labels = self.labels()
        w = self.maybe("weight", self.rng.random(CLASSES) + 0.1)
        w = np.ones(CLASSES) if w is None else w
        self.counted = w[labels]
        ignored = np.zeros(BATCH, bool)
        if self.rng.random() < 0.5:
            self.options["ignore_index"] = index = int(self.one_of(-100, 2, 7))
            ignored = self.rng.random(BATCH) < 0.4
            ignored[0] = False
            self.t = np.where(ignored, index, labels)
            ignored = self.t == index
            self.counted = self.counted * ~ignored
            if ignored.all():
                self.options["reduction"] = "sum"
        return w, labels, ignored

    def nll(self):
        w, labels, ignored = self.weights_of_labels()
        a = w * np.eye(CLASSES)[labels] * ~ignored[:, None]
        return lambda x, _: -anp.sum(a * x, 1)

    def cross_entropy(self):
        s = self.maybe("label_smoothing", 0.2) or 0.0
        if self.rng.random() < 0.4:
            w = self.maybe("weight", self.rng.random(CLASSES))
            w = np.ones(CLASSES) if w is None else w
            return lambda x, t: -anp.sum(w * ((1 - s) * t + s / CLASSES) * log_softmax(x), 1)
        w, labels, ignored = self.weights_of_labels()
        a = w * ((1 - s) * np.eye(CLASSES)[labels] + s / CLASSES) * ~ignored[:, None]
        return lambda x, _: -anp.sum(a * log_softmax(x), 1)

    def kl_divergence(self):
        self.x = np.log(self.t[::-1])
        is_log = self.maybe("log_target", True)
        self.t = np.log(self.t) if is_log else self.t
        return lambda x, t: anp.exp(t) * (t - x) if is_log else t * (anp.log(t) - x)

    def poisson(self):
        self.t = self.t * 5
        return lambda x, t: anp.exp(x) - t * x


def log_softmax(x):
    return x - anp.log(anp.sum(anp.exp(x), 1, keepdims=True))


NAMES = [
    "mse", "huber", "binary_cross_entropy_with_logits", "hinge", "multi_margin", "cross_entropy",
    "nll", "kl_divergence", "poisson",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_options_drawn_at_random(name):
    for seed in range(8):
        drawn = Drawn(name, seed)
        assert_derivatives(drawn.ours, drawn.theirs, *drawn.arrays)


# Against the kernels, not autograd.


@pytest.mark.parametrize("name", NAMES)
def test_float32_has_the_derivatives_of_float64(name):
    """Recorded or not; a kernel's results are rounded once."""
    drawn = Drawn(name, 3)
    found = []
    for dtype in (np.float64, np.float32):
        inputs = [tensor(a.astype(dtype), requires_grad=True) for a in drawn.arrays]
        loss = drawn.ours(*inputs).sum()
        first = minidl.grad(loss, inputs, retain_graph=True)
        recorded = minidl.grad(loss, inputs, create_graph=True)
        assert {x.dtype for x in (loss, *first, *recorded)} == {np.dtype(dtype)}
        for a, b in zip(first, recorded, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)
        found.append(np.concatenate([dx.numpy().ravel() for dx in recorded]))
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


# Extreme outputs: finite where the true value is.


@pytest.mark.parametrize("big", [1e3, 1e4, 1e300, INF])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_cross_entropy_far_out(label, big):
    x = tensor(np.array([[big, 0.0, -big]]), requires_grad=True)
    (dx,) = minidl.grad(F.cross_entropy(x, [label]), x, create_graph=True)
    np.testing.assert_array_equal(dx.numpy(), [[1, 0, 0] - np.eye(3)[label]])
    (ddx,) = minidl.grad((dx * dx).sum() + dx[0, 0], x)
    np.testing.assert_array_equal(ddx.numpy(), np.zeros((1, 3)))


@pytest.mark.parametrize("big", [1e3, 1e4, 1e300, INF])
@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_binary_cross_entropy_far_out(t, big):
    x = tensor(np.array([big, -big]), requires_grad=True)
    target = tensor(np.array([t, t]), requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, target, reduction="sum")
    dx, dt = minidl.grad(loss, [x, target], create_graph=True)
    np.testing.assert_array_equal(dx.numpy(), [1 - t, -t])
    np.testing.assert_array_equal(dt.numpy(), [-big, big])
    (ddx,) = minidl.grad((dx * dx).sum(), x)
    np.testing.assert_array_equal(ddx.numpy(), [0, 0])


# Kinks have the same slope, recorded or not, and no curvature.

AT_KINKS = {
    "hinge": (F.hinge, [0.5, 1.0, 1.5], [1.0, 1.0, 1.0], [-1, 0, 0]),
    "multi_margin": (F.multi_margin, [[3.0, 2.0, 1.0]], [0], [[0, 0, 0]]),
    "huber": (F.huber, [-1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [-1, 0, 1]),
}


@pytest.mark.parametrize("name", AT_KINKS)
def test_kinks(name):
    loss, x, targets, slopes = AT_KINKS[name]
    x = tensor(np.array(x), requires_grad=True)
    value = loss(x, targets, reduction="sum")
    for recorded in (False, True):
        (dx,) = minidl.grad(value, x, retain_graph=True, create_graph=recorded)
        np.testing.assert_array_equal(dx.numpy(), slopes)
    assert np.isfinite(minidl.autograd.hessian(lambda x: loss(x, targets), x).numpy()).all()


# Targets that want a gradient.


def test_distillation():
    """A student learns from a teacher's soft labels, and the teacher from the student's."""
    student, teacher = np.random.default_rng(0).normal(size=(2, BATCH, CLASSES))

    def ours(x, t):
        return F.cross_entropy(x, F.softmax(t / 2.0), reduction="none")

    def theirs(x, t):
        return -anp.sum(anp.exp(log_softmax(t / 2.0)) * log_softmax(x), 1)

    assert_derivatives(ours, theirs, student, teacher)


def test_only_the_target_wants_a_gradient():
    for name in ("mse", "huber", "binary_cross_entropy_with_logits", "cross_entropy"):
        drawn = Drawn(name, 5)
        t = tensor(np.random.default_rng(1).random((BATCH, CLASSES)), requires_grad=True)
        getattr(F, name)(drawn.x, t).backward()
        (dt,) = minidl.grad(getattr(F, name)(drawn.x, t), t, create_graph=True)
        np.testing.assert_allclose(t.grad.numpy(), dt.numpy())
        assert np.abs(dt.numpy()).min() > 0


def test_a_target_that_is_changed_in_place_before_its_gradient():
    x, target = tensor(np.ones(3)), tensor(np.zeros(3), requires_grad=True)
    loss = F.mse(x, target)
    with minidl.no_grad():
        target += 1
    with pytest.raises(minidl.GraphError, match="'mse' needs a value that was changed in place"):
        loss.backward()


def test_a_gradient_penalty_reaches_the_weights():
    """The squared norm of the loss's input gradient, through dense layers and the loss."""
    rng = np.random.default_rng(0)
    x, labels, W, V = rng.normal(size=(5, 3)), [0, 1, 1, 0, 1], *rng.normal(size=(2, 3, 3))
    V = V[:, :2]

    def ours(W, V):
        inputs = tensor(x, requires_grad=True)
        loss = F.cross_entropy(F.dense(inputs, W, None, minidl.nn.Tanh()) @ V, labels)
        (dx,) = minidl.grad(loss, inputs, create_graph=True)
        return (dx * dx).sum()

    def theirs(W, V):
        h = anp.tanh(x @ W)
        p = anp.exp(log_softmax(h @ V)) - np.eye(2)[labels]
        dx = (p @ V.T * (1 - h * h)) @ W.T / 5
        return anp.sum(dx**2)

    assert_derivatives(ours, theirs, W, V, order=2)
