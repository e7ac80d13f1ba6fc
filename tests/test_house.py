"""The shape of the house: a file imports only from lower floors, and at its top."""

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from floors import FLOOR, ROOT, WITHIN, imported_by, may_import, module_of, place

import minidl

EXTRAS = {
    "joblib",
    "mpi4py",
    "onnx",
    "safetensors",
    "tensorboard",
    "tqdm",
    "matplotlib",
    "pandas",
    "polars",
}  # what a function may import, if the user has installed it
ROOMS_FOR = {
    "sklearn": ("sklearn", "scipy"),
    "onnx": ("onnx",),
}  # the rooms that are wholly about other packages
FILES = sorted(file for room in ("minidl", "minidl_lab") for file in (ROOT / room).rglob("*.py"))


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix().removeprefix("minidl/")


def top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements outside of functions; what is for type checkers counts as all else does."""
    for node in tree.body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            yield from top_level(node)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_imports_point_downward(file):
    for node in top_level(ast.parse(file.read_text())):
        for imported in imported_by(file, node):
            assert may_import(module_of(file), imported), (
                f"{name_of(file)} imports {'.'.join(imported)}, which is not below it"
            )


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_no_import_of_a_room_is_late(file):
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            late = [name for node in ast.walk(function) for name in imported_by(file, node)]
            assert not late, f"{function.name} imports {late} within its body"


@pytest.mark.parametrize(
    ("importing", "imported", "may"),
    [
        ("minidl.step.training", "minidl.layers.Dense", True),
        ("minidl.layers.dense", "minidl.step.firing.Firing", False),
        ("minidl.engine.tape", "minidl.engine.tensor.Tensor", False),
        ("minidl.engine.tensor.base", "minidl.engine.tape.Node", True),
        ("minidl.engine.tensor.base", "minidl.engine.tensor.Tensor", True),
        ("minidl.cli.train", "minidl_lab.runner", False),
        ("minidl_lab.bench", "minidl.schedules", True),
        ("minidl.data.mnist", "minidl.schedules", False),
        ("minidl.layers.mlp", "minidl.layers.Dense", False),
    ],
)
def test_what_is_below_what(importing, imported, may):
    assert may_import(importing.split("."), imported.split(".")) == may


def test_every_room_has_a_floor():
    assert {place(module_of(file))[1] for file in FILES} == set(FLOOR)


def test_every_file_has_a_floor_where_files_have_floors():
    for room, floors in WITHIN.items():
        files = {module[2] for module in map(module_of, FILES) if module[1] == room}
        assert files - {"__init__"} == set(" ".join(floors).split())


def packages_imported(nodes: Iterable[ast.AST]) -> set[str]:
    """The packages outside the standard library that these statements name."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_numpy_is_all_that_an_import_needs(file):
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {node for function in functions for node in ast.walk(function)}
    needed = {"numpy", "minidl", *ROOMS_FOR.get(place(module_of(file))[1], ())}
    assert packages_imported(set(ast.walk(tree)) - within) <= needed
    assert packages_imported(within) <= {"numpy", *EXTRAS}


def test_public_names_are_documented():
    for name in minidl.__all__:
        assert getattr(minidl, name).__doc__, name


WRITES = {"savefig", "write_text", "write_bytes", "save", "savez", "tofile", "dump"}
WRITERS = {  # beside `disk.put`, by which a file is written whole or not at all
    "data/download.py": "grows a file that is there in part",
    "minidl_lab/store.py": "adds a line to a file",
    "minidl_lab/report/drawing.py": "draws into a string",
    "tools/disk.py": "is the one place",
}


def is_writing(node: ast.AST) -> bool:
    """Whether this calls what writes to a file of that name."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = getattr(getattr(node.func, "value", None), "id", "")
    modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name == "open":
        return any(set(mode) & set("wax+") for mode in modes)
    return name in WRITES and (name not in {"save", "dump"} or owner in {"np", "json", "pickle"})


def test_files_are_written_by_one_function():
    found = {
        name_of(file)
        for file in FILES
        if any(is_writing(node) for node in ast.walk(ast.parse(file.read_text())))
    }
    assert found == set(WRITERS)
