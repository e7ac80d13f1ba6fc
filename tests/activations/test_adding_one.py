"""Adding an activation takes one declaration, and one kernel section if it shall be fast."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import functional as F
from minidl import init, nn
from minidl.activations import REGISTRY

ROOT = Path(__file__).parents[2]


@pytest.fixture
def squareplus():
    """(x + sqrt(x² + 4)) / 2 (Barron 2021): the declaration alone."""

    class Squareplus(nn.Activation):
        """y = (x + sqrt(x² + 4)) / 2."""

        name = "squareplus"
        paper = "Barron 2021"

        @staticmethod
        def formula(x, b=4.0):
            return (x + (x * x + b).sqrt()) / 2

    yield Squareplus
    del REGISTRY["squareplus"]


def test_a_declaration_alone_runs_by_its_formula(squareplus):
    assert nn.Squareplus is squareplus
    x = np.linspace(-3, 3, 7)
    y = F.squareplus(minidl.tensor(x), b=1.0)
    np.testing.assert_allclose(y.data, (x + np.sqrt(x * x + 1)) / 2, rtol=1e-14)
    assert minidl.gradcheck(F.squareplus, [minidl.tensor(x, requires_grad=True)])
    z = np.random.default_rng(0).standard_normal(1_000_000)
    moment = np.mean(((z + np.sqrt(z * z + 4)) / 2) ** 2)
    assert init.gain("squareplus") == pytest.approx(1 / np.sqrt(moment), rel=0.01)
    net = nn.MLP([4, 5, 2], "squareplus", b=2.0)
    net(np.ones((3, 4), np.float32)).sum().backward()
    assert all(np.any(p.grad.data) for p in net.parameters())
    assert repr(net[1]) == "Squareplus(b=2.0)"


def test_a_name_is_taken_once(squareplus):
    with pytest.raises(minidl.ArgumentError, match="'relu'"):

        class Mine(nn.Activation):
            name = "relu"

    assert REGISTRY["relu"] is nn.ReLU


DECLARATION = '''

class Squareplus(Activation):
    """y = (x + sqrt(x² + 4)) / 2."""

    name = "squareplus"
    paper = "Barron 2021"

    @staticmethod
    def formula(x: Tensor) -> Tensor:
        return (x + (x * x + 4).sqrt()) / 2

    @staticmethod
    def derivative(x: Tensor) -> Tensor:
        return (1 + x / (x * x + 4).sqrt()) / 2

    @staticmethod
    def limits() -> tuple[float, float]:
        return 0.0, INF
'''

SECTION = """

cdef extern from "math.h":
    double sqrt(double) nogil


cdef void squareplus_forward(
    const real *x, const real *_, real *y, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        y[i] = <real> (0.5 * x[i] + 0.5 * sqrt(<double> x[i] * x[i] + 4.0) if x[i] > 0 else
                       2.0 / (sqrt(<double> x[i] * x[i] + 4.0) - x[i]))


cdef void squareplus_backward(
    const real *x, const real *_, const real *dy, real *dx, Py_ssize_t n, const double *options
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dx[i] = <real> (0.5 * dy[i] * (1.0 + clamp(x[i], -1e19, 1e19)
                        / sqrt(clamp(x[i], -1e19, 1e19) * clamp(x[i], -1e19, 1e19) + 4.0)))


KERNELS["squareplus"] = row_functions(
    squareplus_forward, squareplus_backward, squareplus_forward, squareplus_backward)
"""

CHECK = """
import numpy as np, minidl
from minidl import _kernels, nn, init, functional as F
x = np.linspace(-30, 30, 999)
y = F.squareplus(minidl.tensor(x, requires_grad=True))
assert "squareplus" in _kernels.ROW_FUNCTIONS
np.testing.assert_allclose(y.data, (x + np.sqrt(x * x + 4)) / 2, rtol=1e-12)
assert minidl.gradcheck(F.squareplus, [minidl.tensor(x[::50], requires_grad=True)])
net = nn.MLP([4, 5, 2], "squareplus")
assert "squareplus" in net[0].forward(np.ones((1, 4), np.float32), net[1])._node.operation
print("fused and right")
"""


def test_with_a_kernel_section_it_is_fused(tmp_path):
    """In a copy of the source, two files are appended to and nothing else is touched."""
    source = tmp_path / "source"
    shutil.copytree(
        ROOT / "minidl", source / "minidl", ignore=shutil.ignore_patterns("*.so", "__pycache__")
    )
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    with (source / "minidl/activations/smooth.py").open("a") as file:
        file.write(DECLARATION)
    with (source / "minidl/_kernels/smooth.pyx").open("a") as file:
        file.write(SECTION)
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    environment = os.environ | {"MINIDL_LEVELS": "baseline", "CFLAGS": "-O0"}
    subprocess.run(build, cwd=source, env=environment, check=True, capture_output=True, timeout=600)
    environment |= {"PYTHONPATH": str(source), "MINIDL_CPU": "baseline"}
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "fused and right\n", done.stderr
