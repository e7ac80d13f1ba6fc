"""Calls every kernel on small arrays, and looks at all that comes out: what `make sanitize` runs
under memcheck, which notices when a kernel's way depends on memory that nobody has written to.
"""

import inspect
import itertools
import sys
import warnings
from functools import partial

import numpy as np
from optimizer_rules import RULES
from random_trainings import KINDS, Training

import minidl
from minidl import TrainingStep, _kernels, data, nn, optim
from minidl import functional as F
from minidl._kernels import threads
from minidl.layers.activations import REGISTRY
from minidl.losses import declaration
from minidl.step import meetings, program
from minidl.step.firing import Firing
from minidl.step.program import squares_of

DTYPES = "float32", "float64"
RANDOM = np.random.default_rng(0)
X = RANDOM.random((21, 5))
LABELS = np.arange(21) % 3
TARGETS = LABELS, np.eye(3)[LABELS], 2 * np.eye(3)[LABELS] - 1
RANDOM_TRAININGS = 12

CALLED = set()


def noted(name, function):
    def call(*arguments, **options):
        CALLED.add(name)
        return function(*arguments, **options)

    return call


def note_calls():
    """From now on every call of a kernel is in CALLED, and every instruction of a program. Gives
    the names of all."""
    names = set(_kernels.INSTRUCTIONS)
    program.with_meetings = with_instructions_noted
    for module_name in _kernels.KERNELS:
        module = sys.modules[f"minidl._kernels.{_kernels.level}.{module_name}"]
        for name, function in list(vars(module).items()):
            if callable(function) and not name.startswith("_"):
                names.add(f"{module_name}.{name}")
                setattr(module, name, noted(f"{module_name}.{name}", function))
    return names


def with_instructions_noted(instructions, threads):
    """The same as `meetings.with_meetings`."""
    listed = list(instructions)
    CALLED.update(instruction.name for instruction in listed)
    return meetings.with_meetings(listed, threads)


def look_at(*arrays):
    """A kernel decides by every number, so memcheck tells of one that nobody has written."""
    for array in arrays:
        words = np.frombuffer(array.tobytes() + bytes(-array.nbytes % 8), np.int64)
        assert _kernels.losses.first_outside(words & 2**61 - 1, 2**61) < 0  # so all were looked at


def train(net, optimizer, loss=F.cross_entropy, y=LABELS, dtype="float32"):
    """By the kernel, many steps and one, with a last batch that is shorter; then by the loop."""
    x = X.astype(dtype)
    step = TrainingStep(net, loss, optimizer)
    step.squares = [np.array([squares_of(net)])]
    losses = step.epoch(data.batches(x, y, 8, shuffle=True, seed=0))
    step(x, y)
    loss(net(x), y).backward()
    look_at(*(p.grad.data for p in net.parameters()))
    optim.clip_grad_norm(net.parameters(), 0.1)
    optimizer.step()
    state = [np.asarray(value) for value in optimizer.state_dict().values()]
    look_at(
        losses, *step.squares, minidl.predict(net, x), minidl.predict(net, x.repeat(20, 0)), *state
    )
    look_at(*(p.data for p in net.parameters()))


def model(dtype, kind=nn.ReLU):
    """Dense layers of which the first is wide, so that the kernel packs its weights."""
    options = {"pieces": 3} if kind is nn.Maxout else {"units": 30} if kind is nn.PReLU else {}
    activation = kind(**options)
    columns = 30 * activation.inputs_per_unit(activation.options)
    net = nn.Sequential(nn.Dense(5, columns), activation, nn.Dropout(0.3), nn.Dense(30, 3))
    return net.astype(dtype)


def rules(kind):
    """The optimiser with every combination of its own options, off and on; and once with those that
    all have."""
    common = {"weight_decay": 0.1, "maximize": True}
    choices = {"lr": [0.01]}
    for name in kind.options.keys() - {"lr", *common}:
        default = inspect.signature(kind).parameters[name].default
        choices[name] = (
            [False, True] if default is False else [0.0, 0.1] if not default else [default]
        )
    for values in itertools.product(*choices.values()):
        yield partial(kind, **dict(zip(choices, values, strict=True)))
    yield partial(kind, lr=0.01, **common)


def every_training(dtype):
    """Every rule, every activation, every loss."""
    for kind in RULES:
        for rule in rules(kind):
            net = model(dtype)
            try:
                optimizer = rule(net.parameters())
            except minidl.ArgumentError:
                continue  # Nesterov without momentum
            train(net, optimizer, dtype=dtype)
    for name in KINDS:
        net = model(dtype, REGISTRY[name])
        train(net, optim.SGD(net.parameters(), lr=0.1), dtype=dtype)
    for loss, y in itertools.product(declaration.REGISTRY.values(), TARGETS):
        net = model(dtype)
        try:
            train(net, optim.SGD(net.parameters(), lr=0.1), loss.function, y, dtype)
        except minidl.MinidlError:
            continue  # targets of another loss


def every_instruction(dtype):
    """What steps and predictions have beside rules, activations and losses: norms, shared weights,
    bounds, layers within layers, and indices."""
    x = X.astype(dtype)
    for bounds in ({}, {"clip_norm": 0.1}, {"max_norm": 0.1}, {"accumulate": 2}):
        shared = nn.Dense(30, 30)
        net = nn.Sequential(
            nn.Dense(5, 30), nn.BatchNorm(30), shared, nn.LayerNorm(30), shared, nn.PReLU(30),
            nn.PReLU(), nn.Dense(30, 3),
        ).astype(dtype)  # fmt: skip
        step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), 0.1), **bounds)
        # Steps enough for the first layer's weights to be packed.
        batches = data.batches(x.repeat(3, 0), LABELS.repeat(3), 3)
        look_at(step.epoch(batches), *net.state_dict().values())
        net.eval()
        look_at(minidl.predict(net, x), minidl.Predictor(net)(x), np.array(step(x, LABELS)))
    tables = [nn.Sequential(nn.Embedding(7, width), nn.Flatten()) for width in (1, 2)]
    body = nn.Sequential(nn.Bias(15), nn.GaussianNoise(0.1), nn.RMSNorm(15))
    net = nn.Sequential(nn.Concat(*tables), nn.Residual(body), nn.Dense(15, 3)).astype(dtype)
    step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters()))
    indices = RANDOM.integers(0, 7, (21, 5))
    look_at(step.epoch(data.batches(indices, LABELS, 4)), *net.state_dict().values())
    net = nn.Sequential(nn.EntityEmbedding((7, 1), (7, 4)), nn.Dense(8, 3)).astype(dtype)
    step = TrainingStep(net, F.cross_entropy, optim.Adam(net.parameters()))
    x = indices.astype(dtype)
    look_at(step.epoch(data.batches(x, LABELS, 4)), *net.state_dict().values())


def every_operation(dtype):
    """What no net of dense layers does."""
    noise = nn.GaussianNoise(0.1), nn.Dropout(0.5)
    for kind in (nn.BatchNorm(5), nn.LayerNorm(5), nn.PReLU(), *noise):
        layer = kind.astype(dtype)
        for mode in (layer.train, layer.eval):
            x = minidl.tensor(X.astype(dtype), requires_grad=True)
            y = mode()(x)
            y.backward(np.ones(y.shape, dtype))
            look_at(y.data, x.grad.data)
    names = (
        "exp", "log", "tanh", "expm1", "log1p", "sqrt", "abs", "max", "min", "mean", "square",
    )  # fmt: skip
    methods = [getattr(minidl, name, None) or getattr(minidl.Tensor, name) for name in names]
    methods += [lambda x: F.maxout(x, 5), lambda x: F.relu(x[::2]), lambda x: F.relu(x)]
    methods += [lambda x: x @ x.T, lambda x: x[:3] @ x[:5], lambda x: x / 3 - x * x]
    looked_up = [lambda x: x[[0, 1, 0]], lambda x: x[:, [0, 1, 0]]]
    for function in (F.softmax, F.log_softmax, lambda x: x.sum(0), *looked_up, *methods):
        x = minidl.tensor(X.repeat(20, 0).astype(dtype), requires_grad=True)
        y = function(x)
        y.backward(np.ones(y.shape, dtype))
        look_at(y.data, x.grad.data)
    for rows, depth, columns in itertools.product((1, 5, 40), (1, 7, 130), (1, 5, 60)):
        a, b = (RANDOM.random(shape).astype(dtype) for shape in ((rows, depth), (depth, columns)))
        for left, right in itertools.product((a, a.T.copy().T), (b, b.T.copy().T)):
            look_at((minidl.tensor(left) @ right).data)
    W = minidl.tensor(X.astype(dtype), requires_grad=True)
    optim.max_norm([W], 0.1)
    net = model(dtype)
    step = TrainingStep(net, F.cross_entropy, optim.SGD(net.parameters(), lr=0.1))
    step.firing = Firing(net)
    step.epoch(data.batches(X.astype(dtype), LABELS, 8))
    look_at(W.data, *step.firing.fired().values())


def what_only_tests_call():
    """The parts of dropout and noise, and pixels."""
    for x, _ in data.batches((X * 255).astype(np.uint8), LABELS, 8):
        look_at(x.data)
    words = np.zeros(4, np.uint32)
    _kernels.dropout.philox_words(words, words[:2], words.copy())
    _kernels.dropout.drop_part(X[0], X[1].copy(), 3, 0, 0, 2**31, 1.0)
    _kernels.noise.normals(
        np.arange(4, dtype=np.uint64),
        np.arange(4, dtype=np.uint64),
        X[2][:4].copy(),
        X[3][:4].copy(),
    )


def drawn_trainings():
    """Whatever else there is, by several threads."""
    threads.WORTH_SHARING = 0
    for seed in range(RANDOM_TRAININGS):
        training = Training(seed)
        with minidl.set_num_threads(training.threads), warnings.catch_warnings():
            warnings.simplefilter("ignore", minidl.GuardWarning)  # of parameters left out
            try:
                losses = training.step.epoch(training.batches)
            except minidl.MinidlError:
                continue  # a batch without a weight, or of one row for BatchNorm
        look_at(losses, *(p.data for p in training.net.parameters()))


if __name__ == "__main__":
    names = note_calls()
    for dtype in DTYPES:
        every_training(dtype)
        every_instruction(dtype)
        every_operation(dtype)
    what_only_tests_call()
    drawn_trainings()
    if names - CALLED:
        sys.exit(f"not called: {names - CALLED}")
    # A read that has to be told; its stack has a `map` in it, by which it is known.
    list(map(_kernels.losses.first_outside, [np.empty(5000, np.int64)], [2**62]))
