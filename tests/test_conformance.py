"""The conformance tables in their shortened form: nothing wrong, and no less tried than this."""

import subprocess
from importlib import import_module
from pathlib import Path

import autograd_checks
import autograd_functions as autograd
import numpy as np
import page
import pytest
import repositories
from tinygrad_tensor import Tensor
from verdicts import LEFT_OUT, REFUSED, RIGHT, WRONG, Case, LeftOut, Part, judge

from minidl.errors import DataError

# How many cases are right at least, by the module. NumPy's functions are all tried by
# tests/tensor/test_numpy.py; PyTorch is not among what the tests need.
RIGHT_AT_LEAST = {"onnx_nodes": 780, "scikit_options": 8, "files": 100}


@pytest.mark.parametrize("name", RIGHT_AT_LEAST)
def test_nothing_is_wrong(name):
    cases = list(import_module(name).PART.cases(True))
    assert [case for case in cases if case.verdict == WRONG] == []
    assert sum(case.verdict == RIGHT for case in cases) >= RIGHT_AT_LEAST[name]


def fails(error):
    raise error


@pytest.mark.parametrize(
    ("check", "verdict", "why"),
    [
        (lambda: None, RIGHT, ""),
        (lambda: fails(DataError("expected b, got c.")), REFUSED, "expected b, got c."),
        (lambda: fails(LeftOut("no such option")), LEFT_OUT, "no such option"),
        (lambda: fails(ValueError("raw")), WRONG, "ValueError: raw"),
        (lambda: fails(AssertionError("other values")), WRONG, "AssertionError: other values"),
    ],
)  # fmt: skip
def test_verdicts(check, verdict, why):
    assert judge("group", "name", check) == Case("group", "name", verdict, why)


def git(*arguments):
    names = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *names, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_repository_is_fetched_at_its_commit_once(tmp_path, monkeypatch):
    source = tmp_path / "github" / "owner" / "tests"
    source.mkdir(parents=True)
    git("init", "--quiet", source)
    (source / "test_it.py").write_text("first")
    git("-C", source, "add", ".")
    git("-C", source, "commit", "--quiet", "-m", "first")
    commit = git("-C", source, "rev-parse", "HEAD")
    (source / "test_it.py").write_text("second")
    git("-C", source, "commit", "--quiet", "-a", "-m", "second")
    git("-C", source, "config", "uploadpack.allowAnySHA1InWant", "true")
    for number, word in enumerate(("count", "key_0", "value_0")):
        values = ("1", f"url.{tmp_path}/github/.insteadOf", "https://github.com/")
        monkeypatch.setenv(f"GIT_CONFIG_{word.upper()}", values[number])
    monkeypatch.setattr(repositories, "FOLDER", tmp_path / "fetched")
    commits = {"owner/tests": commit, "owner/absent": commit}
    monkeypatch.setattr(repositories, "COMMITS", commits)
    assert (repositories.repository("owner/tests") / "test_it.py").read_text() == "first"
    (source / ".git").rename(source / "gone")  # so it cannot be fetched again
    assert (repositories.repository("owner/tests") / "test_it.py").read_text() == "first"
    with pytest.raises(ModuleNotFoundError, match=r"github\.com/owner/absent") as caught:
        repositories.repository("owner/absent")
    assert caught.value.name == "https://github.com/owner/absent"


def test_tinygrads_names_reach_minidls_operations():
    values = np.array([[1, -2], [3, 4]], np.float32)
    x = Tensor(values)
    assert x.sum(axis=1, keepdim=True).numpy().tolist() == [[-1], [7]]
    for found, expected in [
        (2 - x, 2 - values),
        (x.div(x + 3), values / (values + 3)),
        (Tensor.maximum(x, 0), np.maximum(values, 0)),
        (x.permute(1, 0), values.T),
        (x.cat(x, dim=1), np.concatenate([values, values], 1)),
        (Tensor.stack(x, x), np.stack([values, values])),
        (x[:, Tensor([1, 0])], values[:, [1, 0]]),
        (x.hardsigmoid(), np.clip(values / 6 + 0.5, 0, 1)),
        (x.pad((1, 0, 0, 2)), np.pad(values, ((0, 2), (1, 0)))),
        (x.pad((None, (0, 1)), value=5), np.pad(values, ((0, 0), (0, 1)), constant_values=5)),
        (x.split([1, 1], dim=1)[1], values[:, 1:]),
        (x.flip(0, 1), values[::-1, ::-1]),
        (x.repeat(2, 1), np.tile(values, (2, 1))),
        (x.sort(descending=True)[1], [[0, 1], [1, 0]]),
        (Tensor.einsum("ij,kj->ik", [x, x]), values @ values.T),
        (
            Tensor.zeros(2, 2).scatter(1, Tensor([[1], [0]]), x[:, :1], reduce="add"),
            [[0, 1], [3, 0]],
        ),
        ((x > 0).nonzero(), np.argwhere(values > 0)),
    ]:
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert (x * x).sum().gradient(x)[0].numpy().tolist() == (2 * values).tolist()
    assert [Tensor(data).numpy().dtype.name for data in ([1], [1.0], [True])] == [
        "int32", "float32", "bool",
    ]  # fmt: skip
    assert (Tensor([1, 2]) / 2).numpy().dtype == np.float32  # NumPy's is float64
    with pytest.raises(LeftOut, match="conv2d"):
        x.conv2d(x)
    with pytest.raises(LeftOut, match="pad"):
        x.pad((-1, 0))
    with pytest.raises(LeftOut, match="exp: .*'beta'"):
        x.exp(beta=1)


def test_autograds_functions_are_made_of_minidls():
    cube = autograd.grad(lambda x, y: y * x**3)
    assert cube(2.0, 5.0) == pytest.approx(60)
    assert autograd.grad(cube)(2.0, 5.0) == pytest.approx(60)
    in_containers = autograd.grad(lambda x: (x["a"] * x["b"][0]).sum())
    found = in_containers({"a": np.array([1.0, 2.0]), "b": [3.0, 4.0]})
    assert [np.asarray(leaf).tolist() for leaf in autograd.leaves(found)] == [[3, 3], 3, 0]
    x = np.array([1.0, 2.0])
    assert autograd.jacobian(lambda x: x**2)(x).tolist() == [[2, 0], [0, 4]]
    assert autograd.hessian(lambda x: (x**3).sum())(x).tolist() == [[6, 0], [0, 12]]
    assert autograd.make_hvp(lambda x: (x**3).sum())(x)[0](x).tolist() == [6, 24]
    by_rows = autograd.tensor_jacobian_product(lambda x: np.outer(x, x))
    assert by_rows(x, np.array([1.0, 0.0])).tolist() == [[2, 0], [2, 1]]
    assert autograd.make_jvp(lambda x: x * x)(x)(x)[1].tolist() == [2, 8]
    assert autograd.deriv(lambda x: autograd.array([x, x**2]))(3.0).tolist() == [1, 6]
    with pytest.raises(LeftOut, match="complex"):
        autograd.grad(lambda x: x)(1j)


def test_a_check_of_derivatives_can_fail():
    def cube(order):
        """x³, whose tensors know the derivatives up to that order only."""

        def fun(x):
            if isinstance(x, np.ndarray):
                return x * x * x
            a = x.detach()
            d = x - a
            terms = [a * a * a, 3 * a * a * d, 3 * a * d * d]
            return sum(terms[1 : order + 1], terms[0])

        return fun

    x = np.array([0.5, -1.5])
    for known in (0, 1, 2):
        for order in (1, 2):
            for mode in ("fwd", "rev"):
                check = autograd_checks.check_grads(cube(known), modes=[mode], order=order)
                if known >= order:
                    check(x)
                else:
                    with pytest.raises(AssertionError):
                        check(x)


PART = Part("Planted", "What was planted.", "kind", ("peer",), None)
CASES = [
    Case("b", "1", RIGHT), Case("a", "2", REFUSED, "op: expected x, got y. Try: z"),
    Case("a", "3", WRONG, "boom"), Case("b", "4", LEFT_OUT, "no option"),
]  # fmt: skip


def cells(text):
    """The cells of a Markdown table's lines, without the heading's two."""
    return [[c.strip() for c in line[1:-1].split("|")] for line in text.splitlines()[2:]]


def test_the_page_counts_and_tells_why():
    text = page.markdown([(PART, CASES)], {"date": "2026-01-01", "peer": "3"}, ["torch"])
    assert cells(page.sums([(PART, CASES)])) == [["Planted", "3", "1", "1", "1", "1"]]
    rows, reasons = text.split("What was planted.\n\n")[1].strip().split("\n\n")
    assert cells(rows) == [["a", "2", "0", "1", "0", "1"], ["b", "1", "1", "0", "1", "0"]]
    assert reasons.splitlines() == ["- a: expected x; WRONG: 3", "- b: no option"]
    assert "on 2026-01-01: peer 3." in text
    assert "left out: torch." in text


def test_the_page_in_docs_is_a_whole_one_with_nothing_wrong():
    text = (Path(__file__).parents[1] / "docs/conformance.md").read_text("utf-8")
    rows = cells(text.split("<!-- sums -->\n")[1].split("\n<!-- end of sums -->")[0])
    assert len(rows) == 8
    for what, *figures in rows:
        tried, right, refused, _, wrong = (int(figure.replace(",", "")) for figure in figures)
        assert (right + refused, wrong) == (tried, 0), what
