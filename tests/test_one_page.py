"""The one page learns what minidl learns, and each of its gradients is the slope of its formula."""

import ast
import doctest
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from floors import ROOT

from minidl import TrainingStep, data, nn, optim
from minidl import functional as F

FILE = ROOT / "examples/one_page.py"
TEXT = FILE.read_text()
SPECIFICATION = spec_from_file_location("one_page", FILE)
page = module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(page)

ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "maxout"]
LOSSES = {"cross_entropy": F.cross_entropy, "hinge": F.multi_margin}
OPTIMIZERS = {
    "SGD": lambda parameters: optim.SGD(parameters, lr=0.05, momentum=0.9),
    "Adam": lambda parameters: optim.Adam(parameters, lr=0.01),
}


@pytest.fixture(scope="module")
def digits():
    """Images of 14 × 14 pixels, float64 from 0 to 1, and labels."""
    images, labels = data.mnist(ROOT / "examples/data/mnist")[1]
    return images.reshape(-1, 28, 28)[:, ::2, ::2].reshape(-1, 196) / 255, labels


def both_learn(x, y, sizes, activation, loss, optimizer, batch=16):
    """The nets of the page and of minidl after one epoch from the same weights, with all losses."""
    net = nn.MLP(sizes, activation).astype(x.dtype)
    own = page.Net(sizes, getattr(page, activation))
    for w, same in zip(own.parameters, net.parameters(), strict=True):
        assert w.array.shape == same.shape
        w.array = same.numpy().copy()
    step = TrainingStep(net, LOSSES[loss], OPTIMIZERS[optimizer](net.parameters()))
    losses = step.epoch(data.batches(x, y, batch))
    rule = getattr(page, optimizer)(own.parameters, lr=step.optimizer.lr)
    rows = [slice(start, start + batch) for start in range(0, len(x), batch)]
    own_losses = [page.train_step(own, getattr(page, loss), rule, x[i], y[i]) for i in rows]
    return own, own_losses, net, losses


# In float64, as a rounding error of float32 puts a unit on the other side of its kink now and then.
@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_page_learns_what_minidl_learns(digits, activation, loss, optimizer, layers):
    x, y = (array[: 200 * 16] for array in digits)
    sizes = {2: [196, 16, 10], 3: [196, 16, 12, 10]}[layers]
    own, own_losses, net, losses = both_learn(x, y, sizes, activation, loss, optimizer)
    assert len(losses) == 200
    assert np.mean(losses[-20:]) < 0.9 * losses[0], "it has learned"
    np.testing.assert_allclose(own_losses, losses, rtol=0, atol=1e-6)
    for w, same in zip(own.parameters, net.parameters(), strict=True):
        np.testing.assert_allclose(w.array, same.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_stays_float32(digits, activation):
    x, y = digits[0][:160].astype(np.float32), digits[1][:160]
    for loss, optimizer in zip(LOSSES, OPTIMIZERS, strict=True):
        own, own_losses, _, losses = both_learn(x, y, [196, 16, 10], activation, loss, optimizer)
        assert {w.array.dtype for w in own.parameters} == {np.dtype(np.float32)}
        np.testing.assert_allclose(own_losses, losses, rtol=1e-5)


def slopes(function, inputs, i, h=1e-6):
    """d function / d inputs[i], an element at a time, by central differences."""
    found = np.empty_like(inputs[i])
    for place in np.ndindex(found.shape):
        moved = [[x.copy() for x in inputs] for _ in range(2)]
        moved[0][i][place] += h
        moved[1][i][place] -= h
        found[place] = (function(*moved[0]) - function(*moved[1])) / (2 * h)
    return found


OPERATIONS = {
    "+": (lambda a, b: a + b, (3, 4), (3, 4)),
    "+ of a row": (lambda a, b: a + b, (3, 4), (4,)),
    "+ of a column": (lambda a, b: a + b, (3, 1), (3, 4)),
    "·": (lambda a, b: a * b, (3, 4), (3, 4)),
    "· of a number": (lambda a, b: a * b, (), (3, 4)),
    "· of itself": (lambda a: a * a + a, (3, 4)),
    "@": (lambda a, b: a @ b, (3, 4), (4, 2)),
    "dense": (page.dense, (3, 4), (4, 2), (2,)),
    **{name: (getattr(page, name), (3, 4)) for name in ACTIVATIONS if name != "prelu"},
    "maxout of 3": (lambda x: page.maxout(x, 3), (2, 6)),
    "prelu": (page.prelu, (3, 4), (1,)),
    "prelu by unit": (page.prelu, (3, 4), (4,)),
    "cross_entropy": (lambda scores: page.cross_entropy(scores, np.array([2, 0, 3])), (3, 4)),
    "hinge": (lambda scores: page.hinge(scores, np.array([2, 0, 3])), (3, 4)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_gradient_is_the_slope(name):
    function, *shapes = OPERATIONS[name]
    rng = np.random.default_rng(1)
    inputs = [rng.normal(size=shape) for shape in shapes]
    dy = rng.normal(size=function(*map(page.Tensor, inputs)).array.shape)

    def total(*tensors):
        y = function(*tensors)
        return page.Tensor((dy * y.array).sum(), (y,), lambda dL: (dL * dy,))

    tensors = [page.Tensor(x) for x in inputs]
    total(*tensors).backward()
    for i, x in enumerate(tensors):
        assert np.shape(x.grad) == x.array.shape
        found = slopes(lambda *arrays: total(*map(page.Tensor, arrays)).array, inputs, i)
        np.testing.assert_allclose(x.grad, found, rtol=1e-6, atol=1e-8)


def test_backward_adds_to_the_gradients_of_what_is_behind():
    a, b, apart = (page.Tensor(number) for number in (2.0, 3.0, 5.0))
    product = a * b
    (product + product * apart).backward()
    (a * b).backward()
    assert [x.grad for x in (a, b, product, apart)] == [3 * 6 + 3, 2 * 6 + 2, 6, 6]


def test_backward_goes_through_an_operation_once():
    x, received = page.Tensor(3.0), []
    y = page.Tensor(2 * x.array, (x,), lambda dy: (received.append(dy) or 2 * dy,))
    (y + y * y).backward()
    assert received == [1 + 2 * 6]


def test_the_examples_in_it_run():
    assert doctest.testmod(page).failed == 0
    assert doctest.testmod(page).attempted > 0


def test_it_is_one_page_of_numpy():
    assert len(TEXT.splitlines()) <= 250
    imports = [node for node in ast.walk(ast.parse(TEXT)) if isinstance(node, ast.Import)]
    froms = [node for node in ast.walk(ast.parse(TEXT)) if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in imports for alias in node.names] + [n.module for n in froms]
    assert {name.split(".")[0] for name in names} - sys.stdlib_module_names == {"numpy"}


def test_each_section_names_files_of_the_house():
    sections = re.split(r"\n(?=# ---- )", TEXT)[1:]
    assert len(sections) == 7
    for section in sections:
        folder, found = Path(), []
        for name in re.findall(r"[\w/]+\.(?:pyx|pxd|py)\b", section.splitlines()[0]):
            folder = Path(name).parent if "/" in name else folder
            found.append(ROOT / "minidl" / folder / Path(name).name)
        assert found, section.splitlines()[0]
        assert [file for file in found if not file.is_file()] == []


def test_it_explains_its_words():
    for word in ("chain rule", "Backpropagation", "gradient"):
        assert word in page.__doc__
    for name, function in vars(page).items():
        if getattr(function, "__module__", "") == "one_page" and name != "main":
            assert function.__doc__, name


@pytest.mark.parametrize(
    "options",
    [[], ["--layers=3", "--activation=prelu", "--loss=hinge", "--optimizer=adam", "--epochs=2"]],
)
def test_it_trains(tmp_path, options):
    command = [sys.executable, "-W", "error", FILE, "--epochs=1", "--limit=3000", *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    accuracies = re.findall(r"^epoch \d: loss 0\.\d+, test accuracy ([\d.]+)%$", done.stdout, re.M)
    assert len(accuracies) == (2 if options else 1)
    assert float(accuracies[-1]) > 75
