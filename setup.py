"""Builds the kernels: every .pyx of minidl/_kernels once per CPU level.

MINIDL_LEVELS="baseline" (or "baseline v3") builds fewer levels, for a quick try.
"""

import os
import platform
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("minidl", "_kernels")
GENERATED = Path("build", "cython")
PLAIN = {"build_info"}  # answers questions about the CPU, so it runs on every CPU

# No -ffast-math and none of its parts that change results: NaN must stay NaN, a sum's order is
# part of what it means. No-trapping-math only says that nobody reads the exception flags; it lets
# the compiler turn `a if x > 0 else b` into a vector select. No-tree-loop-distribute-patterns
# keeps short loops that copy or clear a row from becoming calls of memcpy and memset, which cost
# more than they do. The last two keep a formula behind `clamp` whole: GCC would work out its value
# at either limit as a path of its own, and select between the paths after every step, which takes
# up to a third longer.
FLAGS = [
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-fno-tree-loop-distribute-patterns",
    "-fno-thread-jumps",
    "-fno-split-paths",
]

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,  # Python validates shapes before it calls
    "wraparound": False,
    "initializedcheck": False,
    "cdivision": True,
}


class Level(NamedTuple):
    """One build of the kernels: its compiler flags, and what the matrix product's register tile
    is made of: vectors of so many bytes, and how many of them are summed up at a time. They leave
    registers for three vectors of B and one of A.
    """

    flags: list[str]
    vector_bytes: int
    sums: int

    @property
    def macros(self) -> list[tuple[str, str]]:
        return [("VECTOR_BYTES", str(self.vector_bytes)), ("TILE_SUMS", str(self.sums))]


X86 = platform.machine().lower() in ("x86_64", "amd64")
LEVELS = {"baseline": Level([], vector_bytes=16, sums=8 if X86 else 24)}
if X86:
    LEVELS["v3"] = Level(["-march=x86-64-v3"], vector_bytes=32, sums=12)
    LEVELS["v4"] = Level(
        ["-march=x86-64-v4", "-mprefer-vector-width=512"], vector_bytes=64, sums=24
    )
if wanted := os.environ.get("MINIDL_LEVELS"):
    LEVELS = {name: LEVELS[name] for name in wanted.split()}


def compiler() -> list[str]:
    return (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()


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


def flags_understood(flags: list[str]) -> list[str]:
    return [flag for flag in flags if compiles("int main(void) { return 0; }", "-Werror", flag)]


def openmp_flags() -> list[str]:
    program = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }"
    return ["-fopenmp"] if compiles(program, "-fopenmp") else []


def generated_c() -> tuple[dict[str, Path], Path]:
    """Translates the .pyx files; the memoryviews' code, alike in all of them, is made once."""
    package = ".".join(KERNELS.parts)
    shared = f"{package}._memoryview"
    modules = [
        Extension(f"{package}.{source.stem}", [source.as_posix()])
        for source in sorted(KERNELS.glob("*.pyx"))
    ]
    modules.append(Extension(shared, []))
    modules = cythonize(
        modules,
        build_dir=str(GENERATED),
        compiler_directives=DIRECTIVES,
        shared_utility_qualified_name=shared,
        show_all_warnings=True,
    )
    sources = {module.name.rpartition(".")[2]: Path(module.sources[0]) for module in modules}
    return sources, sources.pop("_memoryview")


def level_extension(name: str, source: Path, level_name: str, flags: list[str]) -> Extension:
    """The kernel `name` at one level: a source of one line, so that each has its own object."""
    level = LEVELS[level_name]
    stub = GENERATED / level_name / f"{name}.c"
    stub.parent.mkdir(parents=True, exist_ok=True)
    line = f'#include "{os.path.relpath(source, stub.parent)}"\n'
    if not stub.exists() or stub.read_text() != line:
        stub.write_text(line)
    openmp = openmp_flags()
    return Extension(
        ".".join([*KERNELS.parts, level_name, name]),
        [stub.as_posix()],
        depends=[source.as_posix(), "setup.py"],
        extra_compile_args=flags + level.flags + openmp,
        extra_link_args=openmp,
        define_macros=level.macros,
    )


def extensions() -> list[Extension]:
    sources, memoryview = generated_c()
    flags = flags_understood(FLAGS)
    openmp = openmp_flags()
    package = ".".join(KERNELS.parts)
    plain = [
        Extension(f"{package}._memoryview", [memoryview.as_posix()], extra_compile_args=["-O2"]),
        *(
            Extension(f"{package}.{name}", [sources[name].as_posix()], extra_compile_args=openmp)
            for name in sorted(PLAIN)
        ),
    ]
    return plain + [
        level_extension(name, source, level_name, flags)
        for level_name in LEVELS
        for name, source in sources.items()
        if name not in PLAIN
    ]


class ParallelBuild(build_ext):
    """Compiles as many kernels at once as there are processors."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def copy_extensions_to_source(self) -> None:
        for extension in self.extensions:
            Path(*extension.name.split(".")[:-1]).mkdir(parents=True, exist_ok=True)
        super().copy_extensions_to_source()


setup(ext_modules=extensions(), cmdclass={"build_ext": ParallelBuild})
