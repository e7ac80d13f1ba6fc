"""The package: an sdist that builds, a wheel with what it needs, and what was added to it.

A copy of the source gets an activation and a loss, each by a declaration and a kernel section, so
in two files; it is packed as an sdist, and a wheel is built from that: so one compilation shows
all.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import minidl

ROOT = Path(__file__).parents[1]
REPOSITORY = "https://example.org/minidl"
STYLE = "minidl_lab/report/style.css"

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


cdef inline real squareplus_forward(real x) noexcept nogil:
    cdef double s = sqrt(<double> x * x + 4.0)
    return <real> (0.5 * x + 0.5 * s if x > 0 else 2.0 / (s - x))


cdef inline real squareplus_backward(real x, real dy) noexcept nogil:
    cdef double z = clamp(<double> x, -1e19, 1e19)
    return <real> (0.5 * dy * (1.0 + z / sqrt(z * z + 4.0)))
"""

LOSS = '''

def log_cosh_of_rows(shape: tuple[int, ...], dtype: np.dtype, targets: Any) -> RowLoss:
    return of_elements("log_cosh", log_of_cosh, shape, dtype, targets)


def log_of_cosh(x: Tensor, t: Any, _: np.ndarray) -> Tensor:
    return ((x - t).exp() + (t - x).exp()).log() - np.log(2)


@by_rows(log_cosh_of_rows)
def log_cosh(
    y: Any, target: Any, *, sample_weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """ln cosh (y - target)."""
    return run("log_cosh", y, target, sample_weight, reduction)
'''

LOSS_SECTION = """

cdef void log_cosh_row(
    const real *x, const void *target, const double *_, double scale, double *losses, real *dx,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef const real *t = <const real *> target
    cdef double e, u
    for j in range(n):
        e = <double> x[j] - t[j]
        u = exp(-2.0 * magnitude(e))
        losses[j] = scale * (magnitude(e) + log1p(u) - 0.6931471805599453)
        dx[j] = <real> (scale * (1.0 - u) / (1.0 + u) * (1.0 if e > 0 else -1.0))


LOSSES["log_cosh"] = loss_functions(log_cosh_row, log_cosh_row)
"""

# What is added where: a declaration and a kernel section each.
ADDED = {
    "minidl/layers/activations/smooth.py": DECLARATION,
    "minidl/_kernels/smooth.pxd": SECTION,
    "minidl/losses/regression.py": LOSS,
    "minidl/_kernels/losses.pyx": LOSS_SECTION,
}

CHECK = """
import numpy as np, minidl
from minidl import _kernels, nn, init, functional as F
x = np.linspace(-30, 30, 999)
y = F.squareplus(minidl.tensor(x, requires_grad=True))
assert "squareplus" in _kernels.ROW_FUNCTIONS
np.testing.assert_allclose(y.data, (x + np.sqrt(x * x + 4)) / 2, rtol=1e-12)
assert minidl.gradcheck(F.squareplus, [minidl.tensor(x[::50], requires_grad=True)])
net = nn.MLP([4, 5, 2], "squareplus")
assert "squareplus" in net[0].forward(np.ones((1, 4), np.float32), net[1])._node.operation.name

from minidl import TrainingStep, data, optim
from minidl.losses.declaration import planned
t = np.random.default_rng(0).normal(size=(40, 2))
inputs = t[:, :1] * [1.0, -1.0, 0.5]
assert planned(F.log_cosh, t, t.shape, t.dtype).kernel is _kernels.LOSSES["log_cosh"]
e = minidl.tensor(x[:100, None], requires_grad=True)
np.testing.assert_allclose(F.log_cosh(e, 0 * e.data).item(), np.log(np.cosh(x[:100])).mean())
assert minidl.gradcheck(F.log_cosh, [minidl.tensor(a, requires_grad=True) for a in (t, t * t)])
trained = []
for loss in (F.log_cosh, lambda y, t: F.log_cosh(y, t)):
    minidl.manual_seed(0)
    net = nn.MLP([3, 4, 2]).astype("float64")
    TrainingStep(net, loss, optim.SGD(net.parameters(), 0.1)).epoch(data.batches(inputs, t, 7))
    trained.append([p.data.tobytes() for p in net.parameters()])
assert trained[0] == trained[1]
print("fused and right")
"""


def run(*command: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | variables, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(kind: str, folder: Path, output: Path) -> Path:
    """What the build backend makes in `folder`: an sdist or a wheel."""
    call = f"from setuptools import build_meta; build_meta.build_{kind}({str(output)!r})"
    run(sys.executable, "-c", call, folder=folder, MINIDL_LEVELS="baseline")
    (made,) = output.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    for folder in ("minidl", "minidl_lab", "tests", "examples", "docs"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignore)
    for file in (
        "pyproject.toml",
        "MANIFEST.in",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
    ):
        shutil.copy(ROOT / file, tree)
    setup = (ROOT / "setup.py").read_text()
    changes = {'"-O3"': '"-O0"', 'REPOSITORY = ""': f'REPOSITORY = "{REPOSITORY}"'}
    for old, new in changes.items():  # the first takes a third of the time
        assert old in setup
        setup = setup.replace(old, new)
    (tree / "setup.py").write_text(setup)
    for name, text in ADDED.items():
        with (tree / name).open("a") as file:
            file.write(text)
    return build("sdist", tree, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        # Python 3.12 wants a filter, 3.11.3 does not know it.
        archive.extractall(
            folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {})
        )
    (source,) = folder.iterdir()
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def test_the_sdist_holds_the_sources_and_no_results(sdist):
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    for wanted in ("setup.py", "LICENSE", "minidl/py.typed", "minidl/_kernels/gemm.pxd", STYLE):
        assert wanted in names
    assert {"tests/test_package.py", "examples/train_mnist.py"} <= set(names)
    assert not [n for n in names if n.startswith("minidl") and n.endswith((".c", ".so"))]
    assert not [n for n in names if n.endswith(".gz")], "MNIST's images are 11 MB"


def test_a_package_index_shows_the_readme_with_links_that_lead_to_the_repository(sdist):
    with tarfile.open(sdist) as archive:
        (name,) = [n for n in archive.getnames() if n.count("/") == 1 and n.endswith("PKG-INFO")]
        about = archive.extractfile(name).read().decode()
    assert "Description-Content-Type: text/markdown" in about
    assert f"Project-URL: Source, {REPOSITORY}" in about
    kinds = {"!": "raw", "": "blob"}
    links = re.findall(r"(!?)\[[^]]*\]\(([^)#]+)", about.partition("\n\n")[2])
    assert len(links) > 20
    for mark, link in links:
        base = f"{REPOSITORY}/{kinds[mark]}/HEAD/"
        assert link.startswith(base)
        assert (ROOT / link.removeprefix(base)).exists()


def test_the_version_is_written_once():
    rooms = ("minidl", "minidl_lab", "tests", "examples", "benchmarks", "conformance")
    sources = [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    sources += [ROOT / "pyproject.toml", ROOT / "setup.py", ROOT / "Makefile"]
    found = [file for file in sources if minidl.__version__ in file.read_text()]
    assert found == [ROOT / "minidl" / "__init__.py"]
    assert f"## {minidl.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_wheel_holds_what_it_needs_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = [archive.read(n).decode() for n in names if n.endswith("METADATA")]
    compiled = {name.partition(".")[0] for name in names if name.endswith(".so")}
    core = {name for name in compiled if not name.startswith("minidl/_kernels/")}
    assert "minidl/engine/tape" in core
    assert {f"{name}.py" for name in core} <= set(names), "what is compiled is there to read"
    kernels = {name.rpartition("/")[2] for name in compiled - core}
    assert kernels == {
        path.name.partition(".")[0] for path in (ROOT / "minidl/_kernels").glob("*.pyx*")
    } | {"_memoryview"}
    assert {"minidl/py.typed", "minidl/layers/activations/names.pyi", STYLE} <= set(names)
    information = f"minidl-{minidl.__version__}.dist-info/"
    assert all(n.startswith(("minidl/", "minidl_lab/", information)) for n in names)
    assert not [n for n in names if n.endswith((".c", ".pyx", ".in"))]
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert [line for line in required if "extra ==" not in line] == ["Requires-Dist: numpy>=1.24"]


def test_two_files_make_an_activation_and_a_loss_that_run_in_kernels(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    variables = {"PYTHONPATH": str(tmp_path), "MINIDL_CPU": "baseline"}
    assert run(sys.executable, "-c", CHECK, folder=tmp_path, **variables) == "fused and right\n"


HEADLESS = f"""#!{sys.executable}
import sys
from pathlib import Path
sys.exit(any("Python.h" in Path(a).read_text() for a in sys.argv if a.endswith(".c")))
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "need a C compiler"),
        ("#!/bin/sh\nexit 1", "need a C compiler"),
        (HEADLESS, "headers"),
    ],
)
def test_what_cannot_be_compiled_is_told_in_one_line(script, said, tmp_path):
    compiler = tmp_path / "cc"
    if script is not None:
        compiler.write_text(script)
        compiler.chmod(0o755)
    command = [sys.executable, "setup.py", "build_ext"]
    environment = os.environ | {"CC": str(compiler)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert said in line
    assert "Try: `apt-get install" in line
