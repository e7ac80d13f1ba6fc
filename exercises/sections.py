"""Compiles sections of activations in a file of their own, without building minidl anew."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from Cython import Tempita
from Cython.Build import cythonize
from setuptools import Distribution, Extension

from minidl import _kernels

ROOT = Path(__file__).resolve().parents[1]
LOOPS = ROOT / "minidl" / "_kernels" / "pointwise.pyx.in"
# Without errno and floating-point exceptions a root is one instruction, which vectorises.
FLAGS = ["-O3", "-g0", "-fno-math-errno", "-fno-trapping-math"]
if _kernels.level != "baseline":
    FLAGS.append(f"-march=x86-64-{_kernels.level}")
SECTION = r"^cdef inline real (\w+)_forward\(real x(?:, (.+) \w+)?\)"


def add_sections(file: Path, folder: Path) -> list[str]:
    """Compiles the sections in a .pxd file, within this folder. From now on activations of their
    names run by them. Gives the names."""
    found = re.findall(SECTION, file.read_text(), re.MULTILINE)
    loops = folder / f"{file.stem}_loops.pyx"
    template = LOOPS.read_text().replace("minidl._kernels.{{file}}", "{{file}}")
    loops.write_text(
        Tempita.sub(template, sections=[(name, file.stem, more) for name, more in found])
    )
    modules = cythonize(
        [Extension(loops.stem, [str(loops)], extra_compile_args=FLAGS)],
        include_path=[str(ROOT), str(file.parent)],
        compiler_directives={"language_level": 3, "cdivision": True}, quiet=True,
    )  # fmt: skip
    build = Distribution({"ext_modules": modules}).get_command_obj("build_ext")
    build.build_lib = build.build_temp = str(folder)
    build.ensure_finalized()
    build.run()
    spec = spec_from_file_location(loops.stem, build.get_ext_fullpath(loops.stem))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    _kernels.ROW_FUNCTIONS.update(module.KERNELS)
    return [name for name, _ in found]
