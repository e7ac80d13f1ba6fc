"""The package: an sdist that builds, a wheel with what it needs, and one activation added to it.

A copy of the source gets one declaration and one kernel section, is packed as an sdist, and a
wheel is built from that: so one compilation shows all three.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import minidl

ROOT = Path(__file__).parents[1]
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
    for folder in ("minidl", "minidl_lab", "tests", "examples"):
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
    assert '"-O3"' in setup
    (tree / "setup.py").write_text(setup.replace('"-O3"', '"-O0"'))  # a third of the time
    with (tree / "minidl/layers/activations/smooth.py").open("a") as file:
        file.write(DECLARATION)
    with (tree / "minidl/_kernels/smooth.pxd").open("a") as file:
        file.write(SECTION)
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
    assert not [
        n for n in names if n.endswith((".c", ".so")) or n.startswith(("tests", "examples"))
    ]


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


def test_one_declaration_and_one_kernel_section_make_a_fused_activation(wheel, tmp_path):
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
