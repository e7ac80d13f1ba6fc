"""The shape of the house: a file imports only from lower floors, and at its top."""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import minidl

SOURCE = Path(__file__).parents[1] / "minidl"
FLOORS = [
    {"errors"},
    {"_kernels", "checks", "forks", "recording"},
    {"tape", "random", "disk", "strict_json"},
    {"tensor"},
    {"layer", "losses", "optim", "schedules", "autograd", "dropout", "noise", "normalization"},
    {"activations", "gradcheck"},
    {"init", "dense"},
    {"layers"},
    {"mlp", "data", "fused", "checkpoint", "hooks", "trained"},
    {"training", "prediction", "firing"},
    {"train"},
    {"nn", "functional", "sklearn", "diagnostics"},
    {"__init__"},
    {"cli", "lab"},
    {"__main__"},
]
EXTRAS = {
    "safetensors",
    "tqdm",
    "matplotlib",
}  # what a function may import, if the user has installed it
ROOMS_FOR = {"sklearn": ("sklearn", "scipy")}  # the rooms that are wholly about other packages
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(SOURCE.rglob("*.py"))


def room(file: Path) -> str:
    return file.relative_to(SOURCE).with_suffix("").parts[0]


def rooms_imported(file: Path, node: ast.stmt) -> set[str]:
    """The rooms of minidl that an import statement names."""
    here = ("minidl", *file.relative_to(SOURCE).with_suffix("").parts)
    if isinstance(node, ast.Import):
        names = [tuple(alias.name.split(".")) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = here[: len(here) - node.level] if node.level else ()
        module = (*base, *(node.module.split(".") if node.module else ()))
        names = [(*module, alias.name) for alias in node.names]
    else:
        return set()
    return {name[1] for name in names if name[0] == "minidl" and len(name) > 1}


def is_for_type_checker(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_downward(file):
    tree = ast.parse(file.read_text())
    statements = [node for node in tree.body if not is_for_type_checker(node)]
    for node in statements:
        for imported in rooms_imported(file, node):
            assert imported == room(file) or FLOOR[imported] < FLOOR[room(file)], (
                f"{room(file)} imports {imported}, which is not below it"
            )


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_import_of_a_room_is_late(file):
    for function in ast.walk(ast.parse(file.read_text())):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            late = [room for node in ast.walk(function) for room in rooms_imported(file, node)]
            assert not late, f"{function.name} imports {late} within its body"


def test_every_room_has_a_floor():
    assert {room(file) for file in FILES} <= set(FLOOR)


def packages_imported(nodes: Iterable[ast.AST]) -> set[str]:
    """The packages outside the standard library that these statements name."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_numpy_is_all_that_an_import_needs(file):
    tree = ast.parse(file.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {node for function in functions for node in ast.walk(function)}
    needed = {"numpy", "minidl", *ROOMS_FOR.get(room(file), ())}
    assert packages_imported(set(ast.walk(tree)) - within) <= needed
    assert packages_imported(within) <= {"numpy", *EXTRAS}


def test_public_names_are_documented():
    for name in minidl.__all__:
        assert getattr(minidl, name).__doc__, name


WRITES = {"savefig", "write_text", "write_bytes", "save", "savez", "tofile", "dump"}
WRITERS = {  # beside `disk.put`, by which a file is written whole or not at all
    "data/download.py": "grows a file that is there in part",
    "lab/store.py": "adds a line to a file",
    "lab/report/drawing.py": "draws into a string",
    "disk.py": "is the one place",
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
        str(file.relative_to(SOURCE))
        for file in FILES
        if any(is_writing(node) for node in ast.walk(ast.parse(file.read_text())))
    }
    assert found == set(WRITERS)
