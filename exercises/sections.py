"""Compiles sections of activations in a file of their own, without building minidl anew."""

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from Cython import Tempita
from Cython.Build import cythonize
from setuptools import Distribution, Extension

from minidl import _kernels

ROOT = Path(__file__).parents[1]
LOOPS = ROOT / "minidl" / "_kernels" / "pointwise.pyx.in"


def add_sections(file: Path, folder: Path) -> list[str]:
    """Compiles the sections in a .pxd file, within this folder. Activations of their names that are
    declared afterwards run by them. Gives the names."""
    names = re.findall(r"^cdef inline real (\w+)_forward\(real x\)", file.read_text(), re.MULTILINE)
    loops = folder / f"{file.stem}_loops.pyx"
    template = LOOPS.read_text().replace("minidl._kernels.{{file}}", "{{file}}")
    loops.write_text(Tempita.sub(template, sections=[(name, file.stem, "") for name in names]))
    modules = cythonize(
        [Extension(loops.stem, [str(loops)], extra_compile_args=["-O2", "-g0"])],
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
    return names
