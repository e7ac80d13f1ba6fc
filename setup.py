"""Builds the kernels, every .pyx of minidl/_kernels once per CPU level, and the core: the tape and
the tensor, which are Python that runs as it stands and is compiled for speed.

MINIDL_LEVELS="baseline" (or "baseline v3") builds fewer levels, for a quick try.
MINIDL_CORE=plain leaves the core as Python, to be stepped through.
MINIDL_SANITIZE=1 builds into build/sanitized with GCC's sanitizers, for `make sanitize`;
CC=clang and MINIDL_BUILD=build/clang build there by Clang, for `make clang`.
"""

import os
import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from pathlib import Path

import numpy
from Cython import Tempita
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Where this repository is, such as "https://github.com/NAME/minidl": whoever publishes it writes it
# here, once.
REPOSITORY = ""

SANITIZE = bool(os.environ.get("MINIDL_SANITIZE"))

KERNELS = Path("minidl", "_kernels")
CORE = [
    Path("minidl", "engine", "recording.py"),
    Path("minidl", "engine", "tape.py"),
    Path("minidl", "layers", "activations", "declaration.py"),
    *(
        Path("minidl", "engine", "tensor", f"{name}.py")
        for name in (
            "arithmetic", "arrays", "base", "comparisons", "elementwise", "indexing", "operation",
            "reductions", "shapes",
        )
    ),
]  # fmt: skip
IS_PLAIN = os.environ.get("MINIDL_CORE") == "plain"
OWN_BUILD = "build/sanitized" if SANITIZE else os.environ.get("MINIDL_BUILD")
BUILD = Path(OWN_BUILD or "build")
GENERATED = BUILD / "cython"
FOLDERS = {"build_base": str(BUILD), "build_lib": str(BUILD / "lib")} if OWN_BUILD else {}
IS_WINDOWS = os.name == "nt"  # where GCC is MinGW's: the kernels are written for GCC and Clang

# No -ffast-math and none of its parts that change results: NaN must stay NaN, a sum's order is
# part of what it means. (What is rounded once instead of twice: `contraction`.) No-trapping-math
# only says that nobody reads the exception flags; it lets the compiler turn `a if x > 0 else b`
# into a vector select. No-tree-loop-distribute-patterns keeps short loops that copy or clear a row
# from becoming calls of memcpy and memset, which cost more than they do. The last two keep a
# formula behind `clamp` whole: GCC would work out its value at either limit as a path of its own,
# and select between the paths after every step, which takes up to a third longer.
# Python's own flags ask for debug information, which takes long to write and nobody reads: -g0.
FLAGS = [
    "-O3",
    "-g0",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-tree-loop-distribute-patterns",
    "-fno-thread-jumps",
    "-fno-split-paths",
]

# These come after all others and override them. An access outside an array, or an operation that C
# leaves undefined, ends the program. Python's own flags let integers wrap around; here that is an
# error too. Line numbers are all of the debug information that a report needs, and -O1 compiles
# quickly.
SANITIZERS = ["-fsanitize=address,undefined,float-cast-overflow"]
SANITIZING = [
    *SANITIZERS,
    "-fno-sanitize-recover=all",
    "-fstrict-overflow",
    "-fno-omit-frame-pointer",
    "-O1",
    "-g1",
    "-DMINIDL_COPIES_ON_STACK",  # gemm.pxd
]

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,  # Python validates shapes before it calls
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
}

# The core keeps Python's meaning: its annotations are for readers and type checkers.
CORE_DIRECTIVES = {
    "language_level": 3,
    "annotation_typing": False,
    "auto_pickle": False,
    "nonecheck": True,  # a tensor whose class leaves __init__ out has no memory
}

# NumPy's C interface as of the oldest release that minidl runs with.
NUMPY = [
    ("NPY_NO_DEPRECATED_API", "NPY_1_23_API_VERSION"),
    ("NPY_TARGET_VERSION", "NPY_1_23_API_VERSION"),
]


# One build of the kernels each, and its compiler flags; what the kernels know of it is in cpu.pxd.
LEVELS: dict[str, list[str]] = {"baseline": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    LEVELS["v3"] = ["-march=x86-64-v3"]
    LEVELS["v4"] = ["-march=x86-64-v4", "-mprefer-vector-width=512"]
if wanted := os.environ.get("MINIDL_LEVELS"):
    LEVELS = {name: LEVELS[name] for name in wanted.split()}


def write_if_new(file: Path, text: str) -> None:
    """Leaves a file that is so already as old as it is, so that nothing is compiled again."""
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


NOTHING = "int main(void) { return 0; }"


def compiler() -> list[str]:
    usual = "gcc" if IS_WINDOWS else "cc"
    return (os.environ.get("CC") or sysconfig.get_config_var("CC") or usual).split()


@cache
def compiles(program: str, *flags: str) -> bool:
    """Whether the compiler makes a program of this source with these flags."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(program)
        command = [*compiler(), *flags, str(source), "-o", str(source.with_suffix(""))]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False


def require_compiler() -> None:
    """Ends with one line where nothing can be compiled: the compiler's own words would be 300."""
    name = compiler()[0]
    if not compiles(NOTHING):
        sys.exit(
            f"minidl: its kernels need a C compiler, and {name!r} compiles nothing here. Try: "
            "`apt-get install gcc`, `dnf install gcc`, `xcode-select --install`; or CC=clang"
        )
    folder = sysconfig.get_path("include")
    if not compiles(f"#include <Python.h>\n{NOTHING}", f"-I{folder}"):
        sys.exit(
            f"minidl: its kernels need Python's headers, and there is no Python.h in {folder}. "
            "Try: `apt-get install python3-dev` or `dnf install python3-devel`"
        )


def contraction() -> str:
    """Whether x * y + z may be rounded once. GCC decides alike in all of a loop. Clang, if it may,
    does so for its vectors and for the rest of the loop apart, which would then have other bits;
    so there only what the source has in one expression is rounded once."""
    is_clang = compiles(f"#ifndef __clang__\n#error\n#endif\n{NOTHING}")
    return "-ffp-contract=on" if is_clang else "-ffp-contract=fast"


def flags_understood(flags: list[str]) -> list[str]:
    return [flag for flag in flags if compiles(NOTHING, "-Werror", flag)]


def openmp_flags() -> list[str]:
    program = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }"
    return ["-fopenmp"] if compiles(program, "-fopenmp") else []


def pointwise() -> Path:
    """The loops of the pointwise activations: their template, filled in for each section."""
    section = r"^cdef inline real (\w+)_forward\(real x(?:, (.+) \w+)?\)"
    sections = [
        (name, file, more)
        for file in ("piecewise", "smooth")
        for name, more in re.findall(section, (KERNELS / f"{file}.pxd").read_text(), re.MULTILINE)
    ]
    template = (KERNELS / "pointwise.pyx.in").read_text()
    made = GENERATED / "pointwise.pyx"
    write_if_new(made, Tempita.sub(template, sections=sections))
    return made


def generated_c() -> tuple[dict[str, Path], Path]:
    """Translates the .pyx files; the memoryviews' code, alike in all of them, is made once."""
    package = ".".join(KERNELS.parts)
    shared = f"{package}._memoryview"
    modules = [
        Extension(f"{package}.{source.stem}", [source.as_posix()])
        for source in [*sorted(KERNELS.glob("*.pyx")), pointwise()]
    ]
    modules.append(Extension(shared, []))
    modules = cythonize(
        modules,
        build_dir=str(GENERATED),
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=shared,
        show_all_warnings=True,
        emit_linenums=SANITIZE,  # a report names the line of the .pyx, not of the C
    )
    sources = {module.name.rpartition(".")[2]: Path(module.sources[0]) for module in modules}
    return sources, sources.pop("_memoryview")


def level_extension(name: str, source: Path, level_name: str, flags: list[str]) -> Extension:
    """The kernel `name` at one level: a source of one line, so that each has its own object."""
    stub = GENERATED / level_name / f"{name}.c"
    write_if_new(stub, f'#include "{os.path.relpath(source, stub.parent)}"\n')
    openmp = openmp_flags()
    return Extension(
        ".".join([*KERNELS.parts, level_name, name]),
        [stub.as_posix()],
        depends=[source.as_posix(), "setup.py"],
        extra_compile_args=flags + LEVELS[level_name] + openmp,
        extra_link_args=openmp,
        define_macros=NUMPY,
        include_dirs=[numpy.get_include()],
    )


def core_extensions() -> list[Extension]:
    """The core's modules; `Int | None` at their top would be a warning without the last flag."""
    modules = [
        Extension(
            ".".join(source.with_suffix("").parts),
            [source.as_posix()],
            extra_compile_args=["-O2", "-g0", "-Wno-array-bounds"],
            define_macros=NUMPY,
            include_dirs=[numpy.get_include()],
        )
        for source in CORE
    ]
    return cythonize(modules, build_dir=str(GENERATED), compiler_directives=CORE_DIRECTIVES)


def extensions() -> list[Extension]:
    require_compiler()
    sources, memoryview = generated_c()
    flags = flags_understood([*FLAGS, contraction()])
    openmp = openmp_flags()
    package = ".".join(KERNELS.parts)
    once = {"build_info": [], "ndarray": [], "openmp": openmp, "text_rows": []}  # for every CPU
    plain = [
        Extension(
            f"{package}._memoryview", [memoryview.as_posix()], extra_compile_args=["-O2", "-g0"]
        ),
        *(
            Extension(
                f"{package}.{name}",
                [sources[name].as_posix()],
                extra_compile_args=used,
                extra_link_args=used,
                define_macros=NUMPY,
                include_dirs=[numpy.get_include()],
            )
            for name, used in once.items()
        ),
    ]
    levelled = [
        level_extension(name, source, level_name, flags)
        for level_name in LEVELS
        for name, source in sources.items()
        if name not in once
    ]
    if SANITIZE:
        if not compiles(NOTHING, *SANITIZING):
            sys.exit(f"MINIDL_SANITIZE: {compiler()[0]} cannot build with {' '.join(SANITIZERS)}")
        for extension in plain + levelled:
            extension.extra_compile_args += SANITIZING
            extension.extra_link_args += SANITIZERS
    return plain + levelled + ([] if IS_PLAIN or OWN_BUILD else core_extensions())


def readme() -> str:
    """The README for a package index: links and pictures lead to REPOSITORY, if that is known."""
    text = Path("README.md").read_text(encoding="utf-8")

    def absolute(link: re.Match[str]) -> str:
        return f"{link[1]}{REPOSITORY}/{'raw' if link[1][0] == '!' else 'blob'}/HEAD/"

    return re.sub(r"(!?\[[^]]*\]\()(?!https?:|#)", absolute, text) if REPOSITORY else text


class ParallelBuild(build_ext):
    """Compiles as many kernels at once as there are processors."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def copy_extensions_to_source(self) -> None:
        for extension in self.extensions:
            Path(*extension.name.split(".")[:-1]).mkdir(parents=True, exist_ok=True)
        super().copy_extensions_to_source()


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    project_urls={"Source": REPOSITORY} if REPOSITORY else {},
    ext_modules=[] if "sdist" in sys.argv else extensions(),  # sources are packed as they are
    cmdclass={"build_ext": ParallelBuild},
    options={"build": FOLDERS, "build_ext": {"compiler": "mingw32"} if IS_WINDOWS else {}},
)
