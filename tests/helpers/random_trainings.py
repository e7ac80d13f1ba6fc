"""Trainings drawn from the whole space of options, for `test_two_paths.py`.

Everything follows from the seed, so a training that is made twice begins alike. `CHANGES` are what
a user may do to it between two epochs.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from optimizer_rules import RULES, drawn_options

import minidl
from minidl import TrainingStep, data, nn, optim, schedules
from minidl import functional as F
from minidl.layers.activations import REGISTRY

KINDS = sorted(name for name, kind in REGISTRY.items() if kind.__module__.startswith("minidl."))
BCE = F.binary_cross_entropy_with_logits


class Halved(nn.Layer):
    """A layer of a user's own."""

    def forward(self, x):
        return minidl.Tensor(x) * 0.5 if not isinstance(x, minidl.Tensor) else x * 0.5


class CalledDense(nn.Dense):
    """Does more than Dense when it is called."""

    def __call__(self, x):
        return super().__call__(x) * 2


class CalledNet(nn.Sequential):
    """Does more than Sequential when it is called."""

    def __call__(self, x):
        return super().__call__(x) * 0.5


class BentReLU(nn.ReLU):
    """Another formula under ReLU's name."""

    @staticmethod
    def formula(x):
        return F.leaky_relu(x, 0.3)


class Chained(nn.Layer):
    """Layers of a user's own class, in order."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    forward = nn.chain("first", "second")


class Backwards(data.Batches):
    """Its own order."""

    def __iter__(self):
        return self.walk(self.draw_order()[::-1].copy())


class WalksTwice(optim.SGD):
    """Its own step."""

    def step(self):
        super().step()
        super().step()


class Signum(optim.Optimizer):
    """A rule of a user's own."""

    options = {"lr": optim.NOT_NEGATIVE, "weight_decay": optim.NOT_NEGATIVE, "maximize": optim.FLAG}
    state = ("u",)

    def update(self, w, g, state, options, t):
        state["u"] = 0.9 * state["u"] + 0.1 * g
        return w - options["lr"] * np.sign(state["u"])


class Training:
    """A net, data, loss, optimiser and schedule, as the seed has them."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        minidl.manual_seed(seed)
        self.dtype = self.one_of("float32", "float32", "float64")
        self.rows = int(self.random.integers(1, 50))
        self.batch_size = int(self.random.integers(1, self.rows + 19))
        self.threads = int(self.random.integers(1, 4))
        self.way = self.one_of("epoch", "epoch", "pieces", "single steps", "fit")
        self.inputs, self.outputs = (int(n) for n in self.random.integers(1, 40, 2))
        self.tables: list[nn.Embedding] = []
        self.counts: list[int] = []  # of the tables for the last columns
        self.shape = self.drawn_shape()
        self.net = self.drawn_net().astype(self.dtype)
        self.freeze_and_tie()
        self.loss, self.y = self.drawn_loss()
        self.x = self.drawn_inputs()
        self.optimizer = self.drawn_optimizer()
        self.schedule = self.drawn_schedule()
        self.batches = self.drawn_batches()
        self.changes = [self.drawn_change() for _ in range(3)]
        self.options = self.drawn_step_options()
        step = TrainingStep(self.net, self.loss, self.optimizer, self.schedule, **self.options)
        self.step = step

    def one_of(self, *things: Any) -> Any:
        return things[self.random.integers(len(things))]

    def happens(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    # ---- The net --------------------------------------------------------------------------------

    def drawn_shape(self) -> tuple[int, ...]:
        """Of a row of inputs."""
        if self.happens(0.85):
            return (self.inputs,)
        return tuple(self.random.integers(1, 7, self.random.integers(0, 4)).tolist())

    def drawn_first(self) -> tuple[list[nn.Layer], int]:
        """Layers that make a row of numbers of the inputs, and how many; mostly none."""
        size = math.prod(self.shape)
        if len(self.shape) == 1 and self.happens(0.1):
            n = int(self.random.integers(1, min(size, 3) + 1))
            sizes = self.random.integers(1, 9, (n, 2)).tolist()
            self.counts, widths = zip(*sizes, strict=True)
            return [nn.EntityEmbedding(*map(tuple, sizes))], size - n + sum(widths)
        if self.happens(0.9 if len(self.shape) == 1 else 0.4):
            return ([] if len(self.shape) == 1 and self.happens(0.9) else [nn.Flatten()]), size
        count = int(self.random.integers(1, 30))
        widths = [int(width) for width in self.random.integers(1, 9, self.one_of(1, 1, 2))]
        self.tables = [nn.Embedding(count, width) for width in widths]
        heads = [nn.Sequential(table, nn.Flatten()) for table in self.tables]
        layers = [*heads[0]] if len(heads) == 1 else [nn.Concat(*heads)]
        return layers, size * sum(widths)

    def drawn_net(self) -> nn.Sequential:
        self.made: dict[int, list[nn.Layer]] = {}  # by the width of what they take and give
        layers, width = self.drawn_first()
        if self.happens(0.2):
            layers.append(self.drawn_layer(width))
        for _ in range(self.random.integers(0, 4)):
            units = int(self.random.integers(1, 60))
            layers += self.drawn_block(width, units)
            width = units
        layers.append(nn.Dense(width, self.outputs, bias=self.happens(0.8)))
        if self.happens(0.2):
            layers.append(self.drawn_layer(self.outputs))
        return self.one_of(*[nn.Sequential] * 79, CalledNet)(*layers)

    def drawn_block(self, width: int, units: int) -> list[nn.Layer]:
        pieces = int(self.random.integers(1, 4))
        kind = self.one_of(*[nn.Dense] * 80, CalledDense)
        activation = self.drawn_activation(units, pieces)
        columns = units * activation.inputs_per_unit(activation.options)
        block = [kind(width, columns, bias=self.happens(0.8)), activation]
        if self.happens(0.2):
            block.insert(1, self.drawn_layer(columns))
        while self.happens(0.4):
            block.append(self.drawn_layer(units))
        return block

    def drawn_layer(self, width: int, depth: int = 0) -> nn.Layer:
        """Any layer that takes and gives so many numbers; now and then one that there is already,
        or layers within a layer."""
        if self.happens(0.006):
            return self.one_of(Halved(), BentReLU())
        if self.made.get(width) and self.happens(0.03):
            return self.one_of(*self.made[width])
        makers = (
            self.drawn_dropout, self.drawn_batch_norm, nn.Bias,
            lambda width: nn.GaussianNoise(self.one_of(0.0, 0.1)),
            lambda width: nn.LayerNorm(width, 0.1, affine=self.happens(0.7)),
            lambda width: nn.RMSNorm(width, self.one_of(None, 0.1), affine=self.happens(0.7)),
            lambda width: self.drawn_activation(width, pieces=1),
            lambda width: nn.Dense(width, width, bias=self.happens(0.8)),
            *[lambda width: self.drawn_container(width, depth + 1)] * (0 if depth > 2 else 3),
        )  # fmt: skip
        layer = self.one_of(*makers)(width)
        self.made.setdefault(width, []).append(layer)
        return layer

    def drawn_container(self, width: int, depth: int) -> nn.Layer:
        def body() -> nn.Layer:
            count = int(self.random.integers(0, 4))
            layers = [self.drawn_layer(width, depth) for _ in range(count)]
            if count == 2 and self.happens(0.5):
                return Chained(*layers)
            return layers[0] if count == 1 and self.happens(0.5) else nn.Sequential(*layers)

        kind = self.one_of(nn.Residual, nn.Concat, nn.Sequential)
        if kind is not nn.Concat:
            return kind(body())
        bodies = [body() for _ in range(self.random.integers(1, 4))]
        return nn.Sequential(nn.Concat(*bodies), nn.Dense(width * len(bodies), width))

    def drawn_dropout(self, width: int) -> nn.Layer:
        p, rescale = self.one_of(0.0, 0.3, 0.5, 1.0), self.happens(0.7)
        return nn.Dropout(p, rescale=rescale, seed=int(self.random.integers(99)))

    def drawn_batch_norm(self, width: int) -> nn.Layer:
        momentum = self.one_of(None, 0.1, float(self.random.random()))
        return nn.BatchNorm(width, 0.1, momentum, affine=self.happens(0.7))

    def drawn_activation(self, units: int, pieces: int) -> nn.Activation:
        kind = REGISTRY[self.one_of(*KINDS)]
        if kind is nn.Maxout:
            return kind(pieces)
        if kind is nn.PReLU:
            return kind(self.one_of(1, units), self.random.uniform(-0.5, 1))
        options = kind.option_signature().parameters
        return kind(**{name: self.drawn_option(p.default) for name, p in options.items()})

    def drawn_option(self, default: Any) -> Any:
        if isinstance(default, bool):
            return self.happens(0.5)
        return self.one_of(default, float(self.random.uniform(0.05, 2)))

    def freeze_and_tie(self) -> None:
        parameters = list(self.net.parameters())
        if len(parameters) > 1 and self.happens(0.1):
            self.one_of(*parameters).requires_grad = False
        alike = [(a, b) for a in parameters for b in parameters if a is not b and a.size == b.size]
        if alike and self.happens(0.02):
            a, b = self.one_of(*alike)
            a.data = b.data.reshape(a.shape)
        matrices = [x for x in self.net.layers_within() if isinstance(x, nn.Dense)]
        pairs = [(a, b) for a in matrices for b in matrices if a.weight.shape == b.weight.shape]
        if self.happens(0.1):
            a, b = self.one_of(*pairs)
            a.weight = b.weight

    # ---- Data and loss --------------------------------------------------------------------------

    def drawn_inputs(self) -> np.ndarray:
        shape = self.rows, *self.shape
        if self.tables:
            count = len(self.tables[0].weight.data) + self.happens(0.03)
            return self.random.integers(0, count, shape).astype(self.one_of(*["i8"] * 15, "i4"))
        if self.dtype == "float32" and self.happens(0.03 if self.counts else 0.4):
            return self.random.integers(0, 256, shape, np.uint8)
        x = self.random.normal(size=shape).astype(self.dtype)
        for i, count in enumerate(reversed(self.counts), start=1):
            x[:, -i] = self.random.integers(0, count + self.happens(0.03), self.rows)
        return np.asfortranarray(x) if self.happens(0.1) else x

    def drawn_loss(self) -> tuple[Callable[..., Any], Any]:
        rows, outputs = self.rows, self.outputs
        name = self.one_of(
            "cross_entropy", "cross_entropy", "soft", "nll", "mse", "huber", "bce", "hinge",
            "multi_margin", "poisson", "kl_divergence",
        )  # fmt: skip
        unit = self.random.random((rows, outputs))
        labels = self.random.integers(0, outputs, rows)
        floats = self.one_of(np.float32, np.float64)
        options: dict[str, Any] = {}
        if name in ("cross_entropy", "soft", "nll"):
            if self.happens(0.4):
                options["weight"] = self.random.uniform(0.1, 2, outputs) * (
                    self.random.random(outputs) < self.one_of(0.9, 1, 1)
                )
            if name != "nll" and self.happens(0.4):
                options["label_smoothing"] = self.one_of(0.0, 0.1, 0.5)
            if name != "soft" and self.happens(0.3):
                options["ignore_index"] = self.one_of(0, outputs - 1, 99)
                labels[self.random.random(rows) < 0.3] = options["ignore_index"]
            dtype = self.one_of(np.int64, np.uint8, np.int32, np.float32, np.float64)
            loss = F.nll if name == "nll" else F.cross_entropy
            y = unit.astype(floats) if name == "soft" else labels.astype(dtype)
        elif name == "multi_margin":
            if self.happens(0.5):
                options["margin"] = self.random.uniform(0.1, 2)
            loss, y = F.multi_margin, labels
        elif name == "hinge":
            loss, y = F.hinge, np.where(unit < 0.5, -1, 1).astype(self.one_of(int, floats))
        elif name == "bce":
            if self.happens(0.5):
                columns = self.random.uniform(0.1, 3, outputs)
                options["pos_weight"] = self.one_of(2.5, columns, columns.tolist())
            loss, y = BCE, self.one_of(unit.astype(floats), unit > 0.5, (unit > 0.5).astype(int))
        elif name == "poisson":
            loss, y = F.poisson, self.random.poisson(2, (rows, outputs)).astype(floats)
        elif name == "kl_divergence":
            options["log_target"] = is_log = self.happens(0.5)
            loss, y = F.kl_divergence, (np.log(unit) if is_log else unit).astype(floats)
        else:
            if name == "huber" and self.happens(0.7):
                options["delta"] = self.random.uniform(0.1, 3)
            loss = F.mse if name == "mse" else F.huber
            y = self.one_of((unit * 4 - 2).astype(floats), (unit * 9).astype(int))
        if self.happens(0.3):
            options["reduction"] = self.one_of("sum", "mean", "batchmean")
        if self.batch_size >= rows and self.happens(0.05):
            options["sample_weight"] = self.random.uniform(0.1, 2, rows)
        if options or self.happens(0.2):
            loss = partial(loss, **options)
        undeclared = lambda a, b, loss=loss, **weights: loss(a, b, **weights)  # noqa: E731
        return undeclared if self.happens(0.02) else loss, y

    def drawn_batches(self) -> data.Batches:
        kind = self.one_of(*[data.Batches] * 19, Backwards)
        drops = self.batch_size <= self.rows and self.happens(0.3)
        seed = self.one_of(None, int(self.random.integers(99)))
        weights = None
        if self.happens(0.2):
            weights = self.random.uniform(0.1, 2, self.rows) * (self.random.random(self.rows) < 0.8)
        shuffle = self.happens(0.7)
        return kind(self.x, self.y, self.batch_size, shuffle, seed, drops, sample_weight=weights)

    # ---- Optimiser and schedule -----------------------------------------------------------------

    def drawn_optimizer(self) -> optim.Optimizer:
        kind = self.one_of(*RULES * 9, *[optim.SGD] * 18, WalksTwice, Signum)
        rate = 10 ** self.random.uniform(-4, -1.5)
        parameters = [p for p in self.net.parameters() if p.requires_grad]
        options = drawn_options(kind, self.random)
        if len(parameters) > 1 and self.happens(0.3):
            cut = int(self.random.integers(1, len(parameters)))
            other = drawn_options(kind, self.random) | {"lr": rate / 3}
            kept = len(parameters) if self.happens(0.7) else max(cut + 1, len(parameters) - 1)
            groups = [{"params": parameters[:cut]}, {"params": parameters[cut:kept]} | other]
            return kind(groups, lr=rate, **options)
        return kind(parameters, lr=rate, **options)

    def drawn_schedule(self) -> schedules.Schedule | None:
        factor = self.one_of(
            None, None, None, schedules.cosine(7), schedules.warmup(3), schedules.step(2, 0.5),
            schedules.exponential(0.9), schedules.linear(5, end=0.1),
        )  # fmt: skip
        return None if factor is None else schedules.Schedule(self.optimizer, factor)

    def drawn_step_options(self) -> dict[str, Any]:
        """Bounds on the norm of the gradients and of the columns of weights, and groups."""
        options = {
            "clip_norm": 10 ** self.random.uniform(-2, 1),
            "max_norm": self.random.uniform(0.3, 3),
            "accumulate": int(self.random.integers(2, 6)),
        }
        return {name: value for name, value in options.items() if self.happens(0.2)}

    # ---- What may change between two epochs -----------------------------------------------------

    def drawn_change(self) -> str | None:
        return self.one_of(None, *CHANGES) if self.happens(0.7) else None

    def layers(self, kind: type[nn.Layer]) -> list[Any]:
        return [layer for layer in self.net.layers_within() if isinstance(layer, kind)]


def new_weight(t: Training) -> None:
    dense = t.layers(nn.Dense)[0]
    dense.weight = nn.Parameter(dense.weight.data * 2)


def another_array(t: Training) -> None:
    for p in t.net.parameters():
        p.data = p.data + 0.01


def new_slopes(t: Training) -> None:
    for prelu in t.layers(nn.PReLU):
        prelu.weight = nn.Parameter(prelu.weight.data + 0.1, decays=False)


def in_float64(t: Training) -> None:
    for prelu in t.layers(nn.PReLU):
        prelu.astype("float64")


def new_options(t: Training) -> None:
    for layer in t.layers(nn.Activation):
        layer.options = {k: v * 1.5 if type(v) is float else v for k, v in layer.options.items()}


def options_in_place(t: Training) -> None:
    for layer in t.layers(nn.Activation):
        layer.options |= {k: v * 1.5 for k, v in layer.options.items() if type(v) is float}


def own_forward(t: Training) -> None:
    layer = t.net[len(t.net) // 2]
    forward = layer.forward
    layer.forward = lambda x: forward(x) * 0.5


def forward_of_the_net(t: Training) -> None:
    forward = t.net.forward
    t.net.forward = lambda x: forward(x) * 0.5


def own_step(t: Training) -> None:
    step = t.optimizer.step
    t.optimizer.step = lambda: (step(), step())


def own_zero_grad(t: Training) -> None:
    """The gradients of two steps add up."""
    t.optimizer.zero_grad = lambda: None


def other_net(t: Training) -> None:
    t.step.net = t.net = nn.Sequential(*t.net, nn.Identity())


def reordered(t: Training) -> None:
    W = t.layers(nn.Dense)[-1].weight
    W.data = np.asfortranarray(W.data)


def tied(t: Training) -> None:
    first, *others = t.layers(nn.Dense)
    for other in others:
        if other.weight.size <= first.weight.size:
            flat = first.weight.data.reshape(-1)[: other.weight.size]
            other.weight.data = flat.reshape(other.weight.shape)


def reloaded(t: Training) -> None:
    t.optimizer.load_state_dict(t.optimizer.state_dict())
    t.net.load_state_dict(t.net.state_dict())


def other_momentum(t: Training) -> None:
    for group in t.optimizer.param_groups:
        if "momentum" in group:
            group["momentum"] = 0.0 if group["momentum"] and not group.get("nesterov") else 0.7


def other_flags(t: Training) -> None:
    """All but Nesterov's, which needs momentum."""
    for group in t.optimizer.param_groups:
        for name, option in t.optimizer.options.items():
            if option is optim.FLAG and name != "nesterov":
                group[name] = not group[name]


def times(t: Training, factor: float) -> None:
    for p in t.net.parameters():
        p.data *= factor


CHANGES: dict[str, Callable[[Training], Any]] = {
    "another rate": lambda t: t.optimizer.param_groups[0].update(lr=0.003),
    "another momentum": other_momentum,
    "other flags": other_flags,
    "weights in place": lambda t: times(t, 0.9),
    "another array": another_array,
    "another W": new_weight,
    "another slope": new_slopes,
    "slopes in float64": in_float64,
    "options replaced": new_options,
    "options in place": options_in_place,
    "a layer's forward": own_forward,
    "the net's forward": forward_of_the_net,
    "the optimiser's step": own_step,
    "the optimiser's zero_grad": own_zero_grad,
    "another net": other_net,
    "W in another order": reordered,
    "weights that share memory": tied,
    "state loaded": reloaded,
    "evaluation": lambda t: t.net.eval(),
    "training": lambda t: t.net.train(),
    "frozen": lambda t: setattr(t.layers(nn.Dense)[0].weight, "requires_grad", False),
    "dropout": lambda t: [setattr(d, "p", 0.25) for d in t.layers(nn.Dropout)],
}
